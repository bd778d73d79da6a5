insert into feedback.record (
    feedback_id, bureau, record_no, referral_id, household_id, person_key, division_code, programme, decision,
    reason_code, legal_basis, amount_fen, service_count, period_from, period_to, paid_on, deferred_to, handled_on,
    recorded_on, taken_at, supersedes, evidence_digest, content_hash)
select r.feedback_id, r.bureau, r.record_no, r.referral_id, r.household_id, r.person_key, r.division_code, r.programme,
       r.decision, r.reason_code, r.legal_basis, r.amount_fen, r.service_count, r.period_from, r.period_to, r.paid_on,
       r.deferred_to, r.handled_on, r.recorded_on, r.taken_at, r.supersedes,
       r.evidence_digest, h.content_hash
from jsonb_populate_recordset(null::feedback.record, $1) as r
join unnest($2::uuid[], $3::bytea[]) as h (feedback_id, content_hash) on h.feedback_id = r.feedback_id
