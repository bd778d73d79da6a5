-- Parts of many rows come one after another and each touches a few households: those are evaluated together, soon after.

create table monitoring.record_due (
    household_id uuid        not null,
    source       text        not null,
    accepted_at  timestamptz not null,
    traceparent  text        not null,
    constraint record_due_pk primary key (household_id, source)
);
comment on table monitoring.record_due is 'Households that changed records of a dataset (bureau.dataset) are about, until they are evaluated';
comment on column monitoring.record_due.accepted_at is 'Machine time at which the newest of those records was accepted';
comment on column monitoring.record_due.traceparent is 'Trace in which it came; empty when it had none';
