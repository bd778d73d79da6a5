insert into dispatch.referral (
    referral_id, work_order_id, warning_id, household_id, person_key, division_code, bureau, programme, indicator, level,
    state, issued_on, due_on, signed_on, deferrals, deferred_to, settled_on, settled_seen_on, decision,
    record_accepted_time)
select r.referral_id, r.work_order_id, r.warning_id, r.household_id, r.person_key, r.division_code, r.bureau, r.programme,
       r.indicator, r.level, r.state, r.issued_on, r.due_on, r.signed_on, r.deferrals, r.deferred_to, r.settled_on,
       r.settled_seen_on, r.decision, r.record_accepted_time
from jsonb_populate_recordset(null::dispatch.referral, $1) as r
-- Settled ones first: a new referral for the same programme may only be inserted once the old one is settled.
order by r.settled_on nulls last, r.referral_id
on conflict on constraint referral_pkey do update set
    state = excluded.state, signed_on = excluded.signed_on, deferrals = excluded.deferrals,
    deferred_to = excluded.deferred_to, settled_on = excluded.settled_on, settled_seen_on = excluded.settled_seen_on,
    decision = excluded.decision
