insert into dispatch.reason (
    warning_id, work_order_id, household_id, subject, division_code, indicator, person_key, level, raised_on, cleared_on,
    covered, verdict, verdict_on, at_county, check_due_on, check_county_on, check_city_on, close_due_on, close_county_on, close_city_on,
    record_accepted_time, suppressed_until)
select r.warning_id, r.work_order_id, r.household_id, r.subject, r.division_code, r.indicator, r.person_key, r.level,
       r.raised_on, r.cleared_on, r.covered, r.verdict, r.verdict_on, r.at_county, r.check_due_on, r.check_county_on, r.check_city_on, r.close_due_on,
       r.close_county_on, r.close_city_on, r.record_accepted_time, r.suppressed_until
from jsonb_populate_recordset(null::dispatch.reason, $1) as r
on conflict on constraint reason_pkey do update set
    cleared_on = excluded.cleared_on, covered = excluded.covered, verdict = excluded.verdict,
    verdict_on = excluded.verdict_on
