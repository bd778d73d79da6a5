-- Signatures for verifications get a receipt as those for referrals do. Those given before have none until they are signed
-- for again.
alter table receipt drop constraint receipt_kind_known;
alter table receipt add constraint receipt_kind_known check (kind in ('batch', 'referral', 'verification'));
