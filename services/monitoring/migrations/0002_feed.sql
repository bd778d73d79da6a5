-- Feeds and the batches that make them. Record set tables are generated from the datasets' descriptors at start.

create table monitoring.feed (
    bureau      text not null,
    dataset     text not null,
    county_code text not null,
    rhythm      text not null,
    as_of       date,
    fresh_until date,
    due_on      date,
    constraint feed_pk primary key (bureau, dataset, county_code)
);
comment on column monitoring.feed.as_of is 'Date of the newest closed batch; null when none was ever delivered';
comment on column monitoring.feed.due_on is 'Day by which the next batch is due; null for feeds that come on event';

create table monitoring.batch (
    batch_id    uuid not null constraint batch_pk primary key,
    bureau      text not null,
    dataset     text not null,
    county_code text not null,
    snapshot    boolean not null,
    as_of       date not null,
    changed     bigint not null default 0,
    ended       bigint not null default 0,
    closed_on   date
);
create index batch_feed on monitoring.batch (bureau, dataset, county_code, as_of) where snapshot;

create table monitoring.batch_part (
    batch_id    uuid not null,
    part_no     integer not null,
    accepted    integer not null,
    record_keys uuid[] not null,
    constraint batch_part_pk primary key (batch_id, part_no)
);
comment on table monitoring.batch_part is 'Parts of a batch under way; emptied when it closes';
comment on column monitoring.batch_part.record_keys is 'Keys sent in a snapshot, in one value: far cheaper than a row each';
