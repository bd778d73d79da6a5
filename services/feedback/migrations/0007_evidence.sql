-- Digest of the papers a decision rests on; empty when none were told.
alter table feedback.record add column evidence_digest text not null default '';
alter table feedback.record alter column evidence_digest drop default;
