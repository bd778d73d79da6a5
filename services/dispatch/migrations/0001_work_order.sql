-- Work orders (工单): one open per household or feed, with every warning merged into it as a reason.
create table dispatch.work_order (
    work_order_id uuid not null,
    household_id uuid,
    subject text,
    division_code text not null,
    assigned_to text not null,
    level smallint not null,
    state text not null,
    verdict text,
    opened_on date not null,
    check_due_on date,
    check_county_on date,
    check_city_on date,
    close_due_on date,
    close_county_on date,
    close_city_on date,
    escalation smallint not null,
    late boolean not null,
    returned boolean not null,
    bounces integer not null,
    accepted_on date,
    verified_on date,
    checked_on date,
    checker text,
    person_seen boolean,
    evidence_digest text,
    completed_on date,
    closed_on date,
    close_reason text,
    next_roll_on date,
    version bigint not null,
    constraint work_order_pkey primary key (work_order_id),
    constraint work_order_one_subject check ((household_id is null) <> (subject is null)),
    constraint work_order_level_known check (level between 1 and 5),
    constraint work_order_state_known
        check (state in ('assigned', 'accepted', 'verified', 'feedback_complete', 'closed')),
    constraint work_order_verdict_known
        check (verdict in ('verified_true', 'verified_partly', 'not_true', 'already_aided', 'cannot_find',
                           'moved_away', 'refuses_help', 'died')),
    constraint work_order_escalation_known check (escalation between 0 and 2),
    constraint work_order_closed_has_day check ((state = 'closed') = (closed_on is not null)),
    constraint work_order_closed_has_reason check ((closed_on is null) = (close_reason is null)),
    constraint work_order_closed_rests check (closed_on is null or next_roll_on is null)
);

create unique index work_order_one_open_per_household on dispatch.work_order (household_id)
    where closed_on is null and household_id is not null;
create unique index work_order_one_open_per_subject on dispatch.work_order (subject)
    where closed_on is null and subject is not null;
-- The day's pass finds what is due by it.
create index work_order_next_roll on dispatch.work_order (next_roll_on, work_order_id) where next_roll_on is not null;
-- Lists go most urgent first; work orders without a limit come last within their level.
create index work_order_urgency
    on dispatch.work_order (level, (coalesce(close_due_on, date '9999-12-31')), work_order_id);
create index work_order_open_urgency
    on dispatch.work_order (level, (coalesce(close_due_on, date '9999-12-31')), work_order_id) where closed_on is null;

-- One warning as dispatch took it: merged into a work order, or suppressed.
create table dispatch.reason (
    warning_id uuid not null,
    work_order_id uuid,
    household_id uuid,
    subject text,
    indicator text not null,
    person_key uuid,
    level smallint not null,
    raised_on date not null,
    cleared_on date,
    covered boolean not null,
    at_county boolean not null,
    check_due_on date,
    check_county_on date,
    check_city_on date,
    close_due_on date,
    close_county_on date,
    close_city_on date,
    record_accepted_time text not null,
    suppressed_until date,
    constraint reason_pkey primary key (warning_id),
    constraint reason_work_order_fkey foreign key (work_order_id) references dispatch.work_order (work_order_id),
    constraint reason_merged_or_suppressed check ((work_order_id is null) = (suppressed_until is not null)),
    constraint reason_level_known check (level between 1 and 5)
);

create index reason_work_order on dispatch.reason (work_order_id) where work_order_id is not null;

-- A checked "not true" keeps the same indicator on the same person quiet until a day.
create table dispatch.suppression (
    household_id uuid,
    subject text,
    indicator text not null,
    person_key uuid,
    until_on date not null,
    work_order_id uuid not null,
    constraint suppression_key unique nulls not distinct (household_id, subject, indicator, person_key),
    constraint suppression_work_order_fkey
        foreign key (work_order_id) references dispatch.work_order (work_order_id)
);
