-- What the steps of `simulate` share. Keys are hashes, as in the mesh: the n-th person's key is md5('p'||n), the n-th
-- record's md5('r'||n); record n is about person n modulo the persons and of county
-- n modulo 9, so a person's records lie far apart, as months do.

create schema sim;
create table sim.figure (step text, variant text, what text, value numeric, unit text);
create table sim.statement (name text primary key, sql text not null);

create function sim.note(step text, variant text, what text, value numeric, unit text) returns void language sql as
$$ insert into sim.figure values (step, variant, what, round(value, 2), unit) $$;

-- Milliseconds of a processor that this session has used. Others work on the machine too, and the clock would count them.
create function sim.cpu() returns float language sql as
$$ select split_part(pg_read_file('/proc/self/schedstat'), ' ', 1)::float / 1e6 $$;

create function sim.county(n bigint) returns text language sql immutable as
$$ select '6212' || lpad((n % 9 + 1)::text, 2, '0') || '000000' $$;

-- Fills a record set of hr.insurance_payment without its indexes, then makes them; the seconds of both.
create function sim.fill(target regclass, first_row bigint, last_row bigint, persons bigint) returns void language plpgsql as $$
begin
    execute format(
        'insert into %s (record_key, person_key, division_code, county_code, as_of, content_hash, batch_id, first_on, changed_on, '
        'employer_code, kind, base_fen, paid_month) '
        'select md5(''r''||i)::uuid, md5(''p''||(i %% $3))::uuid, left(sim.county(i), 6) || ''101201'', sim.county(i), '
        'date ''2026-10-15'' - (i %% 7)::int, decode(md5(i::text) || md5((-i)::text), ''hex''), md5(''b''||(i / 250000))::uuid, '
        'date ''2026-10-16'', date ''2026-10-16'', ''91621200MA'' || lpad((i %% 9973)::text, 8, ''0''), ''employee'', '
        '300000 + i %% 500000, ''2026-'' || lpad((i / $3 %% 12 + 1)::text, 2, ''0'') '
        'from generate_series($1, $2) i', target)
    using first_row, last_row, persons;
end $$;

-- Makes a function of a statement whose plan the session keeps, as the service's sessions keep theirs; gives the number of rows.
create function sim.prepare(name text, parameters text, statement text) returns void language plpgsql as $$
begin
    execute format('create or replace function sim.%I(%s) returns bigint language plpgsql as $f$ '
                   'declare one record; rows bigint := 0; begin for one in %s loop rows := rows + 1; end loop; return rows; end $f$',
                   name, parameters, statement);
end $$;

-- Writes parts of 2,000 rows by the service's own statement: a part is a county's, a half of it new rows, a quarter just as
-- on file, a quarter changed; those on file are of the rows from first_row on. Median and slowest of `parts`, in milliseconds.
-- The numbers of persons are multiples of 9, so that n modulo 9 is the county of record n.
create function sim.parts(step text, variant text, statement text, first_row bigint, last_row bigint, persons bigint, parts int)
returns void language plpgsql as $$
declare
    took float[] := '{}'; began float;
    keys uuid[]; people uuid[]; divisions text[]; hashes bytea[]; employers text[]; kinds text[]; bases bigint[]; months text[];
    fresh bigint := 1000000000 + last_row;
begin
    perform setseed(0.5);
    perform sim.prepare('part', 'uuid[], uuid[], text[], bytea[], text, date, uuid, date, date, text[], text[], bigint[], text[]', statement);
    for part in 1..parts loop
        with wanted as (
            select n, part % 9 + 9 * case when n <= 1000 then fresh + n
                else first_row / 9 + 1 + floor(random() * ((last_row - first_row) / 9 - 2))::bigint end as i
            from generate_series(1, 2000) n),
        one as (select distinct on (i) n, i from wanted order by i)
        select array_agg(md5('r'||i)::uuid), array_agg(md5('p'||(i % persons))::uuid), array_agg(left(sim.county(i), 6) || '101201'),
               array_agg(decode(case when n > 1500 then md5(part::text||i) || md5(i::text) else md5(i::text) || md5((-i)::text) end, 'hex')),
               array_agg('91621200MA' || lpad((i % 9973)::text, 8, '0')), array_agg('employee'::text),
               array_agg(300000 + i % 500000), array_agg('2026-11'::text)
        into keys, people, divisions, hashes, employers, kinds, bases, months from one;
        fresh := fresh + 1000;
        began := sim.cpu();
        perform sim.part(keys, people, divisions, hashes, sim.county(part), date '2026-11-15',
            md5('batch'||step||variant||part)::uuid, date '2026-11-16', date '2026-10-12', employers, kinds, bases, months);
        took := took || sim.cpu() - began;
    end loop;
    perform sim.note(step, variant, 'part of 2,000, median', percentile_cont(0.5) within group (order by t)::numeric, 'ms'),
            sim.note(step, variant, 'part of 2,000, slowest', max(t)::numeric, 'ms') from unnest(took) t;
end $$;

-- Looks random persons up, `times` times: the mean, since the system counts a processor's time by the tick.
create function sim.persons(step text, variant text, what text, statement text, persons bigint, at_once int, times int) returns void
language plpgsql as $$
declare began float; took float := 0; wanted uuid[];
begin
    perform setseed(0.25);
    perform sim.prepare('persons_of', 'uuid[]', statement);
    for turn in 1..times loop
        select array_agg(md5('p'||(random() * (persons - 1))::bigint)::uuid) into wanted from generate_series(1, at_once);
        began := sim.cpu();
        perform sim.persons_of(wanted);
        took := took + sim.cpu() - began;
    end loop;
    perform sim.note(step, variant, what, (took / times)::numeric, 'ms');
end $$;

-- Finds what a snapshot of the first county left out, when its parts held all records but every hundredth.
create function sim.snapshot(step text, variant text, statement text, rows bigint) returns void
language plpgsql as $$
declare began float; left_out bigint; batch uuid := md5(step||variant)::uuid;
begin
    insert into monitoring.batch_part (batch_id, part_no, accepted, record_keys)
    select batch, (n / 2000)::int, 0, array_agg(md5('r'||i)::uuid)
    from (select i, row_number() over () as n from generate_series(1, rows) i where i % 9 = 0 and i % 100 <> 0) k group by n / 2000;
    set local enable_nestloop = off;
    began := sim.cpu();
    execute format('select count(*) from (%s) l', statement) into left_out using sim.county(0), date '2026-11-15', batch;
    perform sim.note(step, variant, 'rows a snapshot left out', left_out, 'rows'),
            sim.note(step, variant, 'snapshot of a county, looking for them', ((sim.cpu() - began) / 1000)::numeric, 's');
    set local enable_nestloop to default;
    delete from monitoring.batch_part where batch_id = batch;
end $$;

create function sim.sizes(step text, variant text, target regclass, rows bigint) returns void language sql as $$
    select sim.note(step, variant, 'bytes a row with indexes', sum(pg_total_relation_size(t.relid))::numeric / rows, 'B'),
           sim.note(step, variant, 'of these indexes', sum(pg_indexes_size(t.relid))::numeric / rows, 'B')
    from (select relid from pg_partition_tree(target) where isleaf union select target) t
$$;
