-- Indicators that a field check found not true of a household or person: what the data said then, so that a change comes
-- to light.

create table monitoring.quiet (
    warning_id   uuid    not null,
    household_id uuid    not null,
    indicator    text    not null,
    person_key   uuid,
    checked_on   date    not null,
    quiet_until  date    not null,
    level        integer not null constraint quiet_level check (level between 1 and 5),
    facts        jsonb   not null,
    constraint quiet_pk primary key (warning_id, household_id),
    constraint quiet_subject unique nulls not distinct (household_id, indicator, person_key)
);
comment on column monitoring.quiet.level is 'Of the warning that was checked';
comment on column monitoring.quiet.facts is 'What was known at the end of the day of the check, and what has become known since';

alter table monitoring.warning drop constraint warning_clear_reason;
alter table monitoring.warning add constraint warning_clear_reason
    check (clear_reason in ('refuted', 'data_withdrawn', 'superseded'));
