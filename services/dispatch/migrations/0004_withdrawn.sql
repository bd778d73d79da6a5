-- A referral may end because the data behind it were withdrawn.
alter table dispatch.referral drop constraint referral_decision_known;
alter table dispatch.referral add constraint referral_decision_known
    check (decision in ('granted', 'refused', 'already_aided', 'cannot_reach', 'not_my_duty', 'withdrawn'));
