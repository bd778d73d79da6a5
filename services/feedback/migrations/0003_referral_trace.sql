-- The W3C trace context in which a referral arrived: receipt and feedback go on with it.
alter table feedback.referral add column traceparent text not null default '';
