-- One row per pair of indicators. $1, $2: first and last day raised; $3, $4: prefixes of the divisions seen and asked for.
with held as materialized (
    select r.work_order_id, r.indicator, count(r.verdict) > 0 as checked,
           count(*) filter (where r.verdict in ('verified_true', 'verified_partly')) > 0 as found_true
    from dispatch.reason as r
    where r.raised_on between $1 and $2 and starts_with(r.division_code, $3) and starts_with(r.division_code, $4)
      and r.work_order_id is not null and r.household_id is not null
    group by r.work_order_id, r.indicator
), own as (
    select h.indicator, count(*) as work_orders from held as h group by h.indicator
), pair as (
    select a.indicator, b.indicator as other, count(*) as work_orders,
           count(*) filter (where a.checked and b.checked) as both_checked,
           count(*) filter (where a.found_true and b.found_true) as both_true,
           count(*) filter (where a.checked and b.checked and a.found_true <> b.found_true) as one_true
    from held as a join held as b on b.work_order_id = a.work_order_id and b.indicator > a.indicator
    group by a.indicator, b.indicator
)
select p.*, a.work_orders as indicator_work_orders, b.work_orders as other_work_orders
from pair as p join own as a on a.indicator = p.indicator join own as b on b.indicator = p.other
order by p.indicator, p.other
