-- One session that writes parts to, and screens slices of, :across small shards in turn: what a shared session pays.
set client_min_messages = warning;
set jit = off;
set plan_cache_mode = force_generic_plan;
set enable_seqscan = off;
set enable_hashjoin = off;
set enable_mergejoin = off;
select set_config('sim.across', :'across', false), set_config('sim.persons', :'persons', false) \g /dev/null
do $$
declare
    across int := current_setting('sim.across')::int; persons bigint := current_setting('sim.persons')::bigint;
    home text; statement text;
begin
    for n in 2..across + 1 loop
        home := 'shard_' || n;
        select replace(sql, 'monitoring.', home || '.') into statement from sim.statement where name = 'write';
        perform sim.parts('shards', 'one session, ' || across || ' shards: shard ' || n, statement, 1, (persons * 1.6)::bigint, persons, 6);
        perform sim.slice('one session, ' || across || ' shards: shard ' || n, (select sql from sim.statement where name = 'screening'), home, persons, 16, 3);
    end loop;
end $$;
insert into sim.figure
    select 'shards', 'one session, ' || :across || ' shards', what, round(percentile_cont(0.5) within group (order by value)::numeric, 2), 'ms' from sim.figure
    where variant like 'one session, ' || :across || ' shards: %' and what like '%median' group by what;
delete from sim.figure where variant like 'one session, %: %';
select sim.note('shards', 'one session, ' || :across || ' shards', 'memory of the session', sum(total_bytes) / 1048576, 'MiB') from pg_backend_memory_contexts;
