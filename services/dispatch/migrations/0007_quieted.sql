-- The day of the check behind a suppression: what monitoring knows to have changed since then is not kept quiet.
alter table dispatch.suppression add column quieted_on date;
comment on column dispatch.suppression.quieted_on is 'Null where the check was reported before this was kept';
