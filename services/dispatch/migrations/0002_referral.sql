-- Referrals (转办): a person or household sent to a bureau for a programme.
create table dispatch.referral (
    referral_id uuid not null,
    work_order_id uuid not null,
    warning_id uuid not null,
    household_id uuid not null,
    person_key uuid,
    division_code text not null,
    bureau text not null,
    programme text not null,
    indicator text not null,
    level smallint not null,
    state text not null,
    issued_on date not null,
    due_on date not null,
    signed_on date,
    deferrals smallint not null,
    deferred_to date,
    settled_on date,
    settled_seen_on date,
    decision text,
    record_accepted_time text not null,
    constraint referral_pkey primary key (referral_id),
    constraint referral_work_order_fkey foreign key (work_order_id) references dispatch.work_order (work_order_id),
    constraint referral_level_known check (level between 1 and 5),
    constraint referral_state_known check (state in ('issued', 'signed', 'deferred', 'settled')),
    constraint referral_decision_known
        check (decision in ('granted', 'refused', 'already_aided', 'cannot_reach', 'not_my_duty')),
    constraint referral_deferred_at_most_twice check (deferrals between 0 and 2),
    constraint referral_settled_has_decision check ((state = 'settled') = (decision is not null)),
    constraint referral_settled_has_day check ((state = 'settled') = (settled_on is not null)),
    constraint referral_settled_was_seen check ((state = 'settled') = (settled_seen_on is not null))
);

create unique index referral_one_open_per_programme
    on dispatch.referral (household_id, person_key, programme) nulls not distinct where state <> 'settled';
create index referral_work_order on dispatch.referral (work_order_id);
create index referral_household on dispatch.referral (household_id);
create index referral_bureau on dispatch.referral (bureau, due_on, referral_id);
create index referral_due on dispatch.referral (due_on, referral_id);
