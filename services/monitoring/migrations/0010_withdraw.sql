-- Batches can be withdrawn: what stood before each change is kept for some days, and who confirmed it since.

alter table monitoring.batch
    add column number        bigint generated always as identity,
    add column begun_on      date,
    add column versioned     boolean not null default false,
    add column ignored       bigint  not null default 0,
    add column overridden_by uuid,
    add column withdrawn_on  date,
    add column heirs_after   bigint,
    add column taken_back_on date,
    add constraint batch_taken_back check (taken_back_on is null or withdrawn_on is not null);
comment on column monitoring.batch.number is 'Order of arrival';
comment on column monitoring.batch.begun_on is 'Null: begun before versions were kept, so it cannot be withdrawn';
comment on column monitoring.batch.versioned is 'Versions before its changes are (still) kept';
comment on column monitoring.batch.ignored is 'Rows that changed nothing because later days were on file';
comment on column monitoring.batch.overridden_by is 'A batch of a later day, withdrawn since, for which rows of this one were ignored';
comment on column monitoring.batch.heirs_after is 'While heirs are looked for: how far the confirmations have been seen';
comment on column monitoring.batch.taken_back_on is 'Day on which the last of its effects was taken back';
create index batch_under_withdrawal on monitoring.batch (bureau, dataset, county_code)
    where withdrawn_on is not null and taken_back_on is null;
create index batch_versioned on monitoring.batch (begun_on) where versioned;

create sequence monitoring.record_change as bigint;
comment on sequence monitoring.record_change is 'Order of changes and confirmations of records';

-- Of each record a chain: the row on file was written by its batch_id, whose entry here holds the version before, which
-- was written by before_batch, and so on down to the batch that made the record or is too old to be kept.
create table monitoring.record_before (
    batch_id     uuid   not null,
    record_key   uuid   not null,
    number       bigint not null,
    before       jsonb,
    before_batch uuid,
    heir_id      uuid,
    heir_number  bigint,
    constraint record_before_pk primary key (batch_id, record_key),
    constraint record_before_whole check ((before is null) = (before_batch is null)),
    constraint record_before_heir check ((heir_id is null) = (heir_number is null))
);
comment on column monitoring.record_before.before is 'The row as the batch found it; null: the batch made it';
comment on column monitoring.record_before.heir_id is 'When the batch is withdrawn: a later one that said the same';
create index record_before_chain on monitoring.record_before (before_batch, record_key) where before_batch is not null;

create table monitoring.record_confirmed (
    batch_id    uuid   not null,
    number      bigint not null,
    record_keys uuid[] not null,
    constraint record_confirmed_pk primary key (batch_id, number)
);
comment on table monitoring.record_confirmed is 'Records, changed not long ago, that a batch found just as it says';
-- Hashes do not compress.
alter table monitoring.record_confirmed alter column record_keys set storage external;

create table monitoring.withdrawal_household (
    batch_id     uuid not null,
    household_id uuid not null,
    constraint withdrawal_household_pk primary key (batch_id, household_id)
);
comment on table monitoring.withdrawal_household is 'Households that a withdrawal has yet to evaluate';

alter table monitoring.warning add column clear_reason text
    constraint warning_clear_reason check (clear_reason in ('refuted', 'data_withdrawn'));
comment on column monitoring.warning.clear_reason is 'Null while open, and of warnings cleared before reasons were kept';

-- As before, without batches that were withdrawn.
create or replace view monitoring.feed_health as
select f.bureau, f.dataset, f.county_code, f.rhythm, f.as_of, f.fresh_until, f.due_on,
       n.batch_id, n.as_of as quality_as_of, n.rows_received::bigint as rows_received,
       n.rows_refused::bigint as rows_refused, h.rows_before,
       case when cardinality(h.rows_before) = 3 then round(h.mean)::bigint end as mean_rows,
       n.bad_id_rows::bigint as bad_id_rows, n.two_names_rows::bigint as two_names_rows,
       n.name_variant_rows::bigint as name_variant_rows, n.unknown_division_rows::bigint as unknown_division_rows,
       n.bad_date_rows::bigint as bad_date_rows, n.null_field, n.null_permille::bigint as null_permille,
       n.null_limit_permille::bigint as null_limit_permille,
       case when n.persons_compared > 0 then n.persons_agreeing::bigint * 1000 / n.persons_compared end
         as agreement_permille,
       n.refused_by_reason, n.empty_by_field
from monitoring.feed f
left join lateral (
    select q.*, b.as_of, b.snapshot
    from monitoring.batch b join monitoring.batch_quality q on q.batch_id = b.batch_id
    where b.bureau = f.bureau and b.dataset = f.dataset and b.county_code = f.county_code and b.withdrawn_on is null
    order by b.as_of desc, q.number desc limit 1) n on true
left join lateral (
    select array_agg(l.rows_received order by l.as_of desc, l.number desc) as rows_before, avg(l.rows_received) as mean
    from (select q.rows_received, b.as_of, q.number
          from monitoring.batch b join monitoring.batch_quality q on q.batch_id = b.batch_id
          where b.bureau = f.bureau and b.dataset = f.dataset and b.county_code = f.county_code
            and b.withdrawn_on is null and b.snapshot = n.snapshot and (b.as_of, q.number) < (n.as_of, n.number)
          order by b.as_of desc, q.number desc limit 3) l) h on true;
