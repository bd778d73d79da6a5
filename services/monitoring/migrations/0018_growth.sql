-- Keys by which the tables can be split (deploy/growth). A record's key is a hash of its natural key: where that names the
-- person, the person joins the primary key. Only hospital settlements go by a number alone. Tables that are not there yet are
-- made so.
do $$
declare one record;
begin
    for one in
        select c.relname as name, k.conname as key
        from pg_class c
        join pg_attribute hash on hash.attrelid = c.oid and hash.attname = 'content_hash'
        join pg_attribute person on person.attrelid = c.oid and person.attname = 'person_key' and person.attnotnull
        join pg_constraint k on k.conrelid = c.oid and k.contype = 'p' and cardinality(k.conkey) = 1
        where c.relnamespace = 'monitoring'::regnamespace and c.relkind = 'r' and c.relname like 'record\_%'
          and c.relname <> 'record_medical_insurance_settlement'
        order by c.relname
    loop
        execute format('alter table monitoring.%I drop constraint %I, add constraint %I primary key (record_key, person_key)',
                       one.name, one.key, one.key);
    end loop;
end $$;

-- What concerns a household stands under its key: rows that have one of their own keep it beside, and their household
-- never changes.
alter table monitoring.referral drop constraint referral_pk, add constraint referral_pk primary key (referral_id, household_id);
alter table monitoring.visit drop constraint visit_pk, add constraint visit_pk primary key (visit_id, household_id);
alter table monitoring.feedback drop constraint feedback_pk, add constraint feedback_pk primary key (feedback_id, household_id);
alter table monitoring.work_order
    drop constraint work_order_pk, add constraint work_order_pk primary key (work_order_id, household_id);
alter table monitoring.verdict drop constraint verdict_pk, add constraint verdict_pk primary key (warning_id, household_id);
