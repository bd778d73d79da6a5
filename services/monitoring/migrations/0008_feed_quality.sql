-- What the adapters found of the quality of each batch, and the health of each feed by its newest one.

create table monitoring.batch_quality (
    batch_id              uuid not null constraint batch_quality_pk primary key,
    number                bigint generated always as identity,
    rows_received         integer not null,
    rows_refused          integer not null,
    bad_id_rows           integer,
    two_names_rows        integer,
    name_variant_rows     integer,
    unknown_division_rows integer,
    bad_date_rows         integer,
    persons_compared      integer,
    persons_agreeing      integer,
    null_field            text,
    null_permille         integer,
    null_limit_permille   integer,
    refused_by_reason     jsonb,
    empty_by_field        jsonb,
    constraint batch_quality_null_whole check ((null_field is null) = (null_permille is null)
        and (null_field is null) = (null_limit_permille is null))
);
comment on table monitoring.batch_quality is 'Kept for good: the history of each feed. Counts are null where the adapter told none';
comment on column monitoring.batch_quality.number is 'Order of arrival, for batches of one day';
comment on column monitoring.batch_quality.null_field is 'Column furthest above, or nearest to, its limit of empty values';
comment on column monitoring.batch_quality.null_permille is 'Its share of empty values, rounded up';

create index batch_newest on monitoring.batch (bureau, dataset, county_code, as_of desc);

-- The newest batch of each feed by its day, then by arrival, whether or not its rows could be used; the mean is that of
-- the three batches of the same mode before it.
create view monitoring.feed_health as
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
    where b.bureau = f.bureau and b.dataset = f.dataset and b.county_code = f.county_code
    order by b.as_of desc, q.number desc limit 1) n on true
left join lateral (
    select array_agg(l.rows_received order by l.as_of desc, l.number desc) as rows_before, avg(l.rows_received) as mean
    from (select q.rows_received, b.as_of, q.number
          from monitoring.batch b join monitoring.batch_quality q on q.batch_id = b.batch_id
          where b.bureau = f.bureau and b.dataset = f.dataset and b.county_code = f.county_code
            and b.snapshot = n.snapshot and (b.as_of, q.number) < (n.as_of, n.number)
          order by b.as_of desc, q.number desc limit 3) l) h on true;
comment on view monitoring.feed_health is 'Freshness of each feed and quality of its newest batch: what indicators about feeds read';
