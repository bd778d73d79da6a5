select m.month
from (select unnest($1::date[]) as month
      union
      select d.month from feedback.difference as d where d.counterpart = 'registry' and d.resolved_at is null) as m
left join feedback.book_month as b on b.month = m.month
where b.compared_on is null or b.compared_on < $2
order by m.month desc
