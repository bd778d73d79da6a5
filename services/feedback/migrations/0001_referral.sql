-- Referrals (转办) as feedback knows them from dispatch: whose answer is due by when.
create table feedback.referral (
    referral_id uuid not null,
    household_id uuid not null,
    person_key uuid,
    division_code text not null,
    bureau text not null,
    programme text not null,
    issued_on date not null,
    sign_due_on date not null,
    due_on date not null,
    signed_on date,
    settled_on date,
    decision text,
    constraint referral_pkey primary key (referral_id),
    constraint referral_settled_has_decision check ((settled_on is null) = (decision is null))
);

create index referral_bureau_issued on feedback.referral (bureau, issued_on);
