-- $12, $13: prefixes of the desks seen and the divisions asked for; $14: state; $15, $16: level and last day of the row before
-- the page; $19: rows of the page. A group is what has one level and last day; the page may begin within one.
with edge as (
    select w.level, coalesce(w.close_due_on, date '9999-12-31') as due_on
    from dispatch.work_order as w
    where starts_with(w.assigned_to, $12) and starts_with(w.division_code, $13) and ($14::text is null or w.state = $14)
      and ($15::smallint is null or (w.level, coalesce(w.close_due_on, date '9999-12-31')) > ($15, $16::date))
    order by w.level, coalesce(w.close_due_on, date '9999-12-31') offset $19 - 1 limit 1
), candidate as materialized (
    select w.*, coalesce(w.close_due_on, date '9999-12-31') as due_on
    from dispatch.work_order as w
    where starts_with(w.assigned_to, $12) and starts_with(w.division_code, $13) and ($14::text is null or w.state = $14)
      and ($15::smallint is null or (w.level, coalesce(w.close_due_on, date '9999-12-31')) >= ($15, $16::date))
      and (not exists (select from edge)
           or (w.level, coalesce(w.close_due_on, date '9999-12-31')) <= (select e.level, e.due_on from edge as e))
)