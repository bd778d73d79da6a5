-- Referrals whose data were withdrawn: not handed out any more, and the bureau that may have one is told.
alter table referral
    add column withdrawn_on date,
    add column recall_open  boolean not null default false,
    add constraint referral_recall check (not recall_open or withdrawn_on is not null);
create index referral_recall_open on referral (withdrawn_on, id) where recall_open;
