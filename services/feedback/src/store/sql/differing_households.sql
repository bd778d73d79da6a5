with concerned as (
    select distinct f.household_id
    from feedback.difference as d
    join feedback.record as f on f.bureau = d.bureau and f.record_no = d.record_no
    where d.month = $1 and f.household_id is not null
      and case when $2::text is null then d.resolved_at is null else d.bureau = $2 and d.record_no = any($3) end
)
select c.household_id, count(distinct f.feedback_id) filter (where d.difference_id is not null) as differences
from concerned as c
join feedback.record as f on f.household_id = c.household_id
left join feedback.difference as d
    on d.month = $1 and d.bureau = f.bureau and d.record_no = f.record_no and d.resolved_at is null
group by c.household_id
order by c.household_id
