-- Fills any table of records by the types of its columns; rows first_row to last_row, of which n is about person n modulo `persons`.
create function sim.fill_any(target regclass, first_row bigint, last_row bigint, persons bigint) returns void language plpgsql as $$
declare own text; names text; given text[];
begin
    given := array['record_key', 'person_key', 'division_code', 'county_code', 'as_of', 'content_hash', 'batch_id', 'first_on', 'changed_on', 'ended_on'];
    select string_agg(format('%I', attname), ', ' order by attnum),
           string_agg(case format_type(atttypid, null) when 'text' then '''v'' || i % 100' when 'date' then 'date ''2026-10-31'' - (i % 700)::int'
               when 'boolean' then 'i % 2 = 0' else '(i % 100000)::' || format_type(atttypid, null) end, ', ' order by attnum)
    into names, own from pg_attribute where attrelid = target and attnum > 0 and not attisdropped and attname <> all(given);
    execute format(
        'insert into %s (record_key, person_key, division_code, county_code, as_of, content_hash, batch_id, first_on, changed_on, %s) '
        'select md5(%L||i)::uuid, md5(''p''||(i %% $3))::uuid, left(sim.county(i), 6) || ''101201'', sim.county(i), date ''2026-10-15'', '
        'decode(md5(i::text) || md5((-i)::text), ''hex''), md5(''b''||(i / 250000))::uuid, date ''2026-10-16'', date ''2026-10-16'', %s '
        'from generate_series($1, $2) i', target, names, target::text, own) using first_row, last_row, persons;
end $$;

-- Persons first_person to last_person of a shard: households of three, 1.6 payments and one insurance a person, and a sixtieth
-- of a row in every other record set: about 4.2 rows a person, as the city's.
create function sim.shard(n int, first_person bigint, last_person bigint) returns void language plpgsql as $$
declare home text := case n when 1 then 'monitoring' else 'shard_' || n end; one record; per numeric;
begin
    execute format('insert into %I.household select md5(''h''||i)::uuid, left(sim.county(i), 6) || ''101201'', sim.county(i), '
        'case i %% 2 when 0 then ''rural'' else ''urban'' end, i %% 5000000, ''2026-09-30'', i %% 9000000, 1, ''2026-09-30'', i, ''2026-01-01'' '
        'from generate_series($1 / 3, $2 / 3 - 1) i', home) using first_person, last_person;
    execute format('insert into %I.member select md5(''p''||i)::uuid, md5(''h''||(i / 3))::uuid, date ''1950-01-01'' + (i %% 26000)::int, i %% 2 + 1, '
        'case i %% 3 when 0 then ''head'' when 1 then ''spouse'' else ''child'' end, null from generate_series($1 - 1, $2 - 1) i', home)
        using first_person, last_person;
    for one in
        select c.oid, c.relname from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'person_key' and a.attnotnull
        join pg_attribute b on b.attrelid = c.oid and b.attname = 'content_hash'
        where c.relnamespace = home::regnamespace and c.relkind = 'r' order by 2
    loop
        per := case one.relname when 'record_hr_insurance_payment' then 1.6 when 'record_medical_insurance_enrolment' then 1 else 1 / 60.0 end;
        if one.relname = 'record_hr_insurance_payment' then
            perform sim.fill(one.oid, ((first_person - 1) * per)::bigint + 1, (last_person * per)::bigint, last_person);
        else
            perform sim.fill_any(one.oid, ((first_person - 1) * per)::bigint + 1, (last_person * per)::bigint, last_person);
        end if;
    end loop;
end $$;

-- Every feed of a shard delivered and fresh, so that facts are known and rules have something to decide.
create function sim.feeds(home text) returns void language plpgsql as $$
begin
    execute format(
        'insert into %I.feed select b, substr(c.relname, length(b) + 9), sim.county(n), ''monthly'', ''2026-10-15'', ''2026-12-31'', ''2026-12-15'' '
        'from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = ''content_hash'' '
        'join unnest(array[''education'', ''hr'', ''housing'', ''health'', ''medical_insurance'', ''emergency'', ''rural'', ''disabled'', ''women'', ''outside'']) b '
        'on c.relname like ''record\_'' || b || ''\_%%'' cross join generate_series(0, 8) n where c.relnamespace = $1::regnamespace and c.relkind = ''r''', home)
    using home;
end $$;

-- The pack's screening of random households, stored as the service stores it: the median.
create function sim.slice(variant text, statement text, home text, persons bigint, households int, times int) returns void
language plpgsql as $$
declare took float[] := '{}'; began float; wanted uuid[]; hits bigint;
begin
    perform setseed(0.75);
    for turn in 1..times loop
        select array_agg(distinct md5('h'||(random() * (persons / 3 - 1))::bigint)::uuid) into wanted from generate_series(1, households);
        began := sim.cpu();
        drop table if exists hit;
        execute 'create temp table hit as ' || replace(statement, 'monitoring.', home || '.') using wanted, date '2026-11-01';
        took := took || sim.cpu() - began;
        select count(*) into hits from hit;
    end loop;
    perform sim.note('shards', variant, 'screening of ' || households || ' households, median', percentile_cont(0.5) within group (order by t)::numeric, 'ms'),
            sim.note('shards', variant, 'outcomes that are true', max(hits), 'rows') from unnest(took) t;
end $$;
