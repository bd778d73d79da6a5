-- Feedback records (反馈): decisions and aid as the bureaus report them. Never deleted: a correction supersedes.
create table feedback.record (
    feedback_id uuid not null,
    bureau text not null,
    record_no text not null,
    referral_id uuid,
    household_id uuid,
    person_key uuid,
    division_code text not null,
    programme text not null,
    decision text not null,
    reason_code text not null,
    legal_basis text not null,
    amount_fen bigint not null,
    service_count integer not null,
    period_from date,
    period_to date,
    paid_on date,
    deferred_to date,
    handled_on date not null,
    recorded_on date not null,
    supersedes text not null,
    superseded_by uuid,
    content_hash bytea not null,
    constraint record_pkey primary key (feedback_id),
    constraint record_no_once_per_bureau unique (bureau, record_no),
    constraint record_referral_fkey foreign key (referral_id) references feedback.referral (referral_id),
    constraint record_superseded_by_fkey foreign key (superseded_by) references feedback.record (feedback_id)
        deferrable initially deferred,
    constraint record_decision_known
        check (decision in ('granted', 'refused', 'already_aided', 'deferred', 'cannot_reach', 'not_my_duty')),
    constraint record_about_somebody check (referral_id is not null or person_key is not null),
    constraint record_amount_not_negative check (amount_fen >= 0 and service_count >= 0),
    constraint record_grant_gives check (decision <> 'granted' or amount_fen > 0 or service_count > 0)
);

create index record_referral on feedback.record (referral_id) where referral_id is not null;
create index record_household on feedback.record (household_id, feedback_id) where household_id is not null;
create index record_bureau on feedback.record (bureau, feedback_id);
create index record_bureau_handled on feedback.record (bureau, handled_on) where superseded_by is null;
