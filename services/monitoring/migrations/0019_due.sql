-- What is evaluated after the transaction that made it due, so that what comes in a burst is done once: counties whose feeds
-- became known, and households whose facts identification follows.

create table monitoring.county_due (
    county_code text        not null,
    source      text        not null,
    accepted_at timestamptz not null,
    traceparent text        not null,
    taken       boolean     not null default false,
    constraint county_due_pk primary key (county_code, source)
);
comment on table monitoring.county_due is 'Datasets (bureau.dataset) that became known for a county whose households are yet to be evaluated';
comment on column monitoring.county_due.accepted_at is 'Machine time at which the newest batch behind it was accepted';
comment on column monitoring.county_due.traceparent is 'Trace in which that batch came; empty when it had none';
comment on column monitoring.county_due.taken is 'The pass under way covers it; a newer delivery sets it back';

create table monitoring.county_pass (
    county_code    text not null constraint county_pass_pk primary key,
    last_household uuid not null
);
comment on table monitoring.county_pass is 'Counties whose households are being evaluated, and how far';

create table monitoring.fact_due (
    household_id uuid not null constraint fact_due_pk primary key
);
comment on table monitoring.fact_due is 'Households whose facts may differ from those last told';

alter table monitoring.batch_part add column unevaluated boolean not null default false;
comment on column monitoring.batch_part.unevaluated is
    'Its households are left to the evaluation of the county: the feed was unknown when the part came';
