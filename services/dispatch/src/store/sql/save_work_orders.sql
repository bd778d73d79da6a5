insert into dispatch.work_order as w (
    work_order_id, household_id, subject, division_code, assigned_to, level, state, verdict, opened_on,
    check_due_on, check_county_on, check_city_on, close_due_on, close_county_on, close_city_on,
    escalation, late, returned, bounces, accepted_on, verified_on, checked_on, checker, person_seen,
    evidence_digest, completed_on, closed_on, close_reason, next_roll_on, version)
select r.work_order_id, r.household_id, r.subject, r.division_code, r.assigned_to, r.level, r.state, r.verdict, r.opened_on,
       r.check_due_on, r.check_county_on, r.check_city_on, r.close_due_on, r.close_county_on, r.close_city_on,
       r.escalation, r.late, r.returned, r.bounces, r.accepted_on, r.verified_on, r.checked_on, r.checker, r.person_seen,
       r.evidence_digest, r.completed_on, r.closed_on, r.close_reason, r.next_roll_on, r.version
from jsonb_populate_recordset(null::dispatch.work_order, $1) as r
-- Closing ones first: the household's new work order may only be inserted once the old one is closed.
order by r.closed_on nulls last, r.work_order_id
on conflict on constraint work_order_pkey do update set
    assigned_to = excluded.assigned_to, level = excluded.level, state = excluded.state, verdict = excluded.verdict,
    check_due_on = excluded.check_due_on, check_county_on = excluded.check_county_on,
    check_city_on = excluded.check_city_on, close_due_on = excluded.close_due_on,
    close_county_on = excluded.close_county_on, close_city_on = excluded.close_city_on,
    escalation = excluded.escalation, late = excluded.late, returned = excluded.returned, bounces = excluded.bounces,
    accepted_on = excluded.accepted_on, verified_on = excluded.verified_on, checked_on = excluded.checked_on,
    checker = excluded.checker, person_seen = excluded.person_seen, evidence_digest = excluded.evidence_digest,
    completed_on = excluded.completed_on, closed_on = excluded.closed_on, close_reason = excluded.close_reason,
    next_roll_on = excluded.next_roll_on, version = excluded.version
