-- One row per indicator. $1, $2: first and last day raised; $3, $4: prefixes of the divisions seen and asked for; $5, $6:
-- prefix of each county and minutes of a check there; $7: minutes of a check elsewhere.
with raised as materialized (
    select r.warning_id, r.work_order_id, r.household_id, r.indicator, r.division_code, r.cleared_on, r.verdict, r.at_county,
           r.check_due_on
    from dispatch.reason as r
    where r.raised_on between $1 and $2 and starts_with(r.division_code, $3) and starts_with(r.division_code, $4)
), county as (
    select c.prefix, c.minutes from unnest($5::text[], $6::integer[]) as c (prefix, minutes)
), held as materialized (
    -- Everything in their work orders, the other warnings too.
    select r.warning_id, r.work_order_id, r.indicator, r.raised_on, r.verdict_on, r.at_county,
           r.raised_on between $1 and $2 as wanted
    from dispatch.reason as r
    where r.work_order_id in (select o.work_order_id from raised as o)
), opener as (
    select distinct on (h.work_order_id) h.warning_id
    from held as h order by h.work_order_id, h.raised_on, h.warning_id
), counted as (
    select r.indicator, count(*) as hits,
           count(*) filter (where r.work_order_id is not null and o.warning_id is null) as merged,
           count(*) filter (where r.work_order_id is null) as suppressed,
           count(*) filter (where r.work_order_id is not null and r.verdict is null and r.cleared_on is not null)
               as cleared_unchecked,
           count(r.verdict) as checked,
           count(*) filter (where r.verdict = 'verified_true') as verified_true,
           count(*) filter (where r.verdict = 'verified_partly') as verified_partly,
           count(*) filter (where r.verdict = 'not_true') as not_true,
           count(*) filter (where r.verdict = 'already_aided') as already_aided,
           count(*) filter (where r.verdict = 'cannot_find') as cannot_find,
           count(*) filter (where r.verdict = 'moved_away') as moved_away,
           count(*) filter (where r.verdict = 'refuses_help') as refuses_help,
           count(*) filter (where r.verdict = 'died') as died,
           count(distinct r.work_order_id) as work_orders
    from raised as r left join opener as o on o.warning_id = r.warning_id
    group by r.indicator
), pair as (
    select distinct a.indicator, b.indicator as other, a.work_order_id
    from held as a join held as b on b.work_order_id = a.work_order_id and b.indicator <> a.indicator
    where a.wanted
), shared as (
    select p.indicator, count(distinct p.work_order_id) as work_orders from pair as p group by p.indicator
), overlap as (
    select distinct on (p.indicator) p.indicator, p.other, count(*) as work_orders
    from pair as p group by p.indicator, p.other
    order by p.indicator, count(*) desc, p.other
), visited as (
    select v.visit_id, v.work_order_id, v.recorded_on, v.minutes, coalesce(c.minutes, $7) as pack_minutes
    from dispatch.visit as v left join county as c on starts_with(v.division_code, c.prefix)
    where v.work_order_id in (select r.work_order_id from raised as r)
), part as (
    select h.indicator, bool_or(h.wanted) as wanted, v.minutes, v.pack_minutes,
           count(*) over (partition by v.visit_id) as among
    from visited as v join held as h on h.work_order_id = v.work_order_id and h.raised_on <= v.recorded_on
    group by v.visit_id, v.minutes, v.pack_minutes, h.indicator
), field as (
    select p.indicator, count(p.minutes) as visits_told, count(*) - count(p.minutes) as visits_untold,
           coalesce(sum(p.minutes::float8 / p.among), 0) as minutes_told,
           coalesce(sum(p.pack_minutes::float8 / p.among) filter (where p.minutes is null), 0) as minutes_estimated
    from part as p where p.wanted group by p.indicator
), along as (
    -- Of the warnings checked on one day as many needed a visit of their own as there were visits.
    select h.indicator, h.wanted, v.pack_minutes, v.visits,
           row_number() over (partition by h.work_order_id, h.verdict_on order by h.raised_on, h.warning_id) as place
    from (
        select w.work_order_id, w.recorded_on, max(w.pack_minutes) as pack_minutes, count(*) as visits
        from visited as w group by w.work_order_id, w.recorded_on
    ) as v
    join held as h on h.work_order_id = v.work_order_id and h.verdict_on = v.recorded_on and not h.at_county
), merging as (
    select a.indicator, count(*) as visits, sum(a.pack_minutes)::bigint as minutes
    from along as a where a.place > a.visits and a.wanted group by a.indicator
), suppression as (
    select r.indicator, count(*) as visits, sum(coalesce(c.minutes, $7))::bigint as minutes
    from raised as r left join county as c on starts_with(r.division_code, c.prefix)
    where r.work_order_id is null and r.household_id is not null and not r.at_county
      and (r.cleared_on is null or r.cleared_on > r.check_due_on)
    group by r.indicator
)
select k.*, k.work_orders - coalesce(s.work_orders, 0) as alone,
       o.other as overlap_indicator, coalesce(o.work_orders, 0) as overlap_orders,
       coalesce(f.visits_told, 0) as visits_told, coalesce(f.visits_untold, 0) as visits_untold,
       coalesce(f.minutes_told, 0) as minutes_told, coalesce(f.minutes_estimated, 0) as minutes_estimated,
       coalesce(m.visits, 0) as merging_visits, coalesce(m.minutes, 0) as merging_minutes,
       coalesce(q.visits, 0) as suppression_visits, coalesce(q.minutes, 0) as suppression_minutes
from counted as k
left join shared as s on s.indicator = k.indicator
left join overlap as o on o.indicator = k.indicator
left join field as f on f.indicator = k.indicator
left join merging as m on m.indicator = k.indicator
left join suppression as q on q.indicator = k.indicator
order by k.indicator
