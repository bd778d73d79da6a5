-- Makes each record set anew with :count partitions by hash of what it is about.
set client_min_messages = warning;
select set_config('sim.count', :'count', false);
do $$
declare
    one record; about text;
    parts int := current_setting('sim.count')::int;
begin
    for one in
        select c.relname as name from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'content_hash'
        where c.relnamespace = 'monitoring'::regnamespace and c.relkind = 'r' and c.relname like 'record\_%' order by 1
    loop
        select case when attnotnull then 'person_key' else 'division_code' end into about
        from pg_attribute where attrelid = ('monitoring.' || one.name)::regclass and attname = 'person_key';
        execute format('create table sim.shape (like monitoring.%I including defaults)', one.name);
        execute format('drop table monitoring.%I', one.name);
        execute format('create table monitoring.%I (like sim.shape) partition by hash (%I)', one.name, about);
        execute 'drop table sim.shape';
        for n in 0..parts - 1 loop
            execute format('create table monitoring.%I partition of monitoring.%I for values with (modulus %s, remainder %s)',
                left(one.name, 55) || '_' || n, one.name, parts, n);
        end loop;
        execute format('alter table monitoring.%I add primary key (record_key, %I)', one.name, about);
        execute format('create index on monitoring.%I (%I)', one.name, about);
        execute format('create index on monitoring.%I (county_code, as_of)', one.name);
        commit;
    end loop;
end $$;
analyze;
