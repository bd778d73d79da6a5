-- The full shard as it stands, :first to :size persons having come last.
set client_min_messages = warning;
set jit = off;
set work_mem = '64MB';
set plan_cache_mode = force_custom_plan;
select sim.parts('shards', 'shard of ' || :size || ' persons', (select sql from sim.statement where name = 'write'),
    ((:first - 1) * 1.6)::bigint, (:size * 1.6)::bigint, :size, 30);
select sim.persons('shards', 'shard of ' || :size || ' persons', 'look-up of 50 persons',
    'select r.* from monitoring.record_hr_insurance_payment r where r.person_key = any($1) and r.ended_on is null', :size, 50, 200);
select sim.slice('shard of ' || :size || ' persons', (select sql from sim.statement where name = 'screening'), 'monitoring', :size, 2000, 3);
select sim.note('shards', 'shard of ' || :size || ' persons', 'size of the shard', sum(pg_total_relation_size(oid)) / 1048576, 'MiB')
    from pg_class where relnamespace = 'monitoring'::regnamespace and relkind = 'r';
