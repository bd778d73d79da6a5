
-- Goes on after a CTE `candidate` of work orders: the grounds of their scores and the score, which domain/score.rs explains.
-- $1: today; $2, $3, $4: indicators, their yields, bits of the bureaus behind them; $5 to $10: weights, of bureaus and visits
-- with what counts in full; $11: most points.
, known as (
    select k.indicator, k.yield_permille, k.bureaus
    from unnest($2::text[], $3::integer[], $4::bigint[]) as k (indicator, yield_permille, bureaus)
), ground as (
    select c.work_order_id, max(k.yield_permille) as best_yield,
           bit_count((bit_or(k.bureaus) & ~((array_agg(k.bureaus order by r.level, r.indicator))[1]))::bit(64))::integer
               as further_bureaus
    from candidate as c
    join dispatch.reason as r on r.work_order_id = c.work_order_id and r.cleared_on is null
    join known as k on k.indicator = r.indicator
    group by c.work_order_id
), visited as (
    select v.household_id, max(v.visited_on) as last_visit_on
    from dispatch.visit as v
    where v.household_id in (select c.household_id from candidate as c) and v.visited_on <= $1
    group by v.household_id
), scored as (
    select c.*, g.best_yield, g.further_bureaus, v.last_visit_on,
           least($11::integer,
               $5::integer * (5 - c.level) / 4
               + $6::integer * coalesce(g.best_yield, 0) / 1000
               + $7::integer * least(coalesce(g.further_bureaus, 0), greatest($8::integer, 1)) / greatest($8, 1)
               + case when c.household_id is null then 0
                      when v.last_visit_on is null then $9::integer
                      else $9 * least($1::date - v.last_visit_on, greatest($10::integer, 1)) / greatest($10, 1)
                 end) as score
    from candidate as c
    left join ground as g on g.work_order_id = c.work_order_id
    left join visited as v on v.household_id = c.household_id
)
