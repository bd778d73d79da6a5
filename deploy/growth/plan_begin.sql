-- As the service sets its session for few households.
set jit = off;
set enable_seqscan = off;
set enable_hashjoin = off;
set enable_mergejoin = off;
select array_agg(md5('h'||n)::uuid) as households from generate_series(1, 16) n \gset
