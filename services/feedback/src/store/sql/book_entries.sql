select f.record_no, f.amount_fen, f.decision, f.division_code, f.superseded_by is null as in_force,
       f.taken_at > $5 as on_its_way
from feedback.record as f
left join feedback.record as correction on correction.feedback_id = f.superseded_by
where f.bureau = $1 and f.programme = $2 and coalesce(f.paid_on, f.handled_on) >= $3
  and coalesce(f.paid_on, f.handled_on) < $4
  and (f.superseded_by is null or correction.taken_at > $5)
order by f.record_no collate "C"
