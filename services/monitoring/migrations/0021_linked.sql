-- Rows taken as a person's by an operator's decision although their number or name is at fault.
alter table monitoring.batch_quality add column linked_rows integer;
comment on column monitoring.batch_quality.linked_rows is 'Null where the adapter told none';

-- As before, with it.
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
       n.refused_by_reason, n.empty_by_field, n.linked_rows::bigint as linked_rows
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
