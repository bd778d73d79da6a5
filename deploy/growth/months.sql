-- Three months of audit rows and of versions of records: in one table, and by month.
set client_min_messages = warning;
set search_path = monitoring, public;

create table sim.audit_one (like monitoring.audit including defaults including constraints);
alter table sim.audit_one add primary key (id);
create index on sim.audit_one (subject, at);
create table sim.audit_months (like monitoring.audit including defaults including constraints) partition by range (at);
alter table sim.audit_months add primary key (id, at);
create index on sim.audit_months (subject, at);
create table sim.audit_9 partition of sim.audit_months for values from ('2026-09-01') to ('2026-10-01');
create table sim.audit_10 partition of sim.audit_months for values from ('2026-10-01') to ('2026-11-01');
create table sim.audit_11 partition of sim.audit_months for values from ('2026-11-01') to ('2026-12-01');

create function sim.audit(target regclass, variant text) returns void language plpgsql as $$
declare began float; took float[] := '{}'; month date;
begin
    for nth in 0..2 loop
        month := date '2026-09-01' + nth * interval '1 month';
        began := sim.cpu();
        execute format(
            'insert into %s (id, at, business_at, caller, operator, method, purpose, case_ref, subject, fields, traceparent, outcome) '
            'select md5($1||i::text)::uuid, $2 + i * interval ''2 seconds'', $2 + i * interval ''2 seconds'', ''operator/county/621202'', '
            '''op-'' || i %% 300, ''/minqing.registry.v1.RegistryService/GetHousehold'', ''case_work'', ''workOrders/'' || md5(i::text)::uuid, '
            '''households/'' || md5(''h'' || (i * 7919 %% 700000))::uuid, ''{name,phone,address}'', ''00-'' || md5(i::text) || ''-'' || left(md5(i::text), 16) || ''-01'', ''ok'' '
            'from generate_series(1, 1000000) i', target) using nth::text, month;
        took := took || (sim.cpu() - began) / 1000;
    end loop;
    perform sim.note('months', 'audit, ' || variant, 'the third million of rows written in', took[3]::numeric, 's');
end $$;
select sim.audit('sim.audit_one', 'one table');
select sim.audit('sim.audit_months', 'by month');
vacuum analyze sim.audit_one;
vacuum analyze sim.audit_months;
select sim.note('months', 'audit, one table', 'bytes a row with indexes', pg_total_relation_size('sim.audit_one')::numeric / 3000000, 'B');

create function sim.ask(target regclass, variant text) returns void language plpgsql as $$
declare began float := sim.cpu(); found bigint;
begin
    for n in 1..300 loop
        execute format('select count(*) from %s where subject = $1', target) into found
        using 'households/' || md5('h' || n * 1999)::uuid;
    end loop;
    perform sim.note('months', 'audit, ' || variant, 'who looked at a household', ((sim.cpu() - began) / 300)::numeric, 'ms');
end $$;
select sim.ask('sim.audit_one', 'one table');
select sim.ask('sim.audit_months', 'by month');
select sim.cpu() as began \gset
delete from sim.audit_one where at < '2026-10-01';
vacuum sim.audit_one;
select sim.note('months', 'audit, one table', 'a million rows taken away, vacuum included', ((sim.cpu() - :began) / 1000)::numeric, 's');
select sim.cpu() as began \gset
alter table sim.audit_months detach partition sim.audit_9;
drop table sim.audit_9;
select sim.note('months', 'audit, by month', 'a million rows taken away, vacuum included', ((sim.cpu() - :began) / 1000)::numeric, 's');

-- Versions of a million records, forgotten as the reconciler does, and as a partition would be.
insert into monitoring.record_before (batch_id, record_key, number, before, before_batch)
select md5('b'||(i / 250000))::uuid, md5('r'||i)::uuid, i / 2000,
    jsonb_build_object('record_key', md5('r'||i)::uuid, 'person_key', md5('p'||i)::uuid, 'division_code', '621202101201',
        'county_code', '621202000000', 'as_of', '2026-10-15', 'content_hash', '\x' || md5(i::text) || md5((-i)::text), 'batch_id', md5('a'||i % 9)::uuid,
        'first_on', '2026-09-15', 'changed_on', '2026-09-15', 'ended_on', null, 'employer_code', '91621200MA00000001', 'kind', 'employee',
        'base_fen', 400000, 'paid_month', '2026-09'), md5('a'||i % 9)::uuid
from generate_series(1, 1000000) i;
vacuum analyze monitoring.record_before;
select sim.note('months', 'versions of changed records', 'bytes a version with indexes', pg_total_relation_size('monitoring.record_before')::numeric / 1000000, 'B');
select sim.cpu() as began \gset
do $$
declare gone bigint;
begin
    loop
        delete from monitoring.record_before where (batch_id, record_key) in (
            select batch_id, record_key from monitoring.record_before where batch_id = any(array(select md5('b'||n)::uuid from generate_series(0, 4) n)) limit 20000);
        get diagnostics gone = row_count;
        commit;
        exit when gone = 0;
    end loop;
end $$;
vacuum monitoring.record_before;
select sim.note('months', 'versions of changed records', 'a million forgotten by deletes, vacuum included', ((sim.cpu() - :began) / 1000)::numeric, 's');
