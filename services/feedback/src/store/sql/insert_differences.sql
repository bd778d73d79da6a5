insert into feedback.difference (
    difference_id, bureau, programme, month, record_no, kind, division_code, amount_fen, decision, other_amount_fen,
    other_decision, first_seen_at, counterpart)
select f.difference_id, f.bureau, f.programme, f.month, f.record_no, f.kind, f.division_code, f.amount_fen, f.decision,
       f.other_amount_fen, f.other_decision, f.first_seen_at, f.counterpart
from jsonb_populate_recordset(null::feedback.difference, $1) as f
on conflict (counterpart, month, bureau, programme, record_no, kind) where resolved_at is null do nothing
