update feedback.difference as d set resolved_at = $5
where d.counterpart = $6 and d.month = $1 and d.bureau = $2 and d.programme = $3 and d.resolved_at is null and not exists (
    select from jsonb_populate_recordset(null::feedback.difference, $4) as f
    where f.record_no = d.record_no and f.kind = d.kind
      and (f.amount_fen, f.decision, f.other_amount_fen, f.other_decision)
          is not distinct from (d.amount_fen, d.decision, d.other_amount_fen, d.other_decision))
