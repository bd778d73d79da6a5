-- Parts of one batch are written side by side: each counts for itself until the batch closes or is withdrawn. Records that
-- a batch made are kept a part at a time: most of what a bureau sends is new once, and one entry each would cost as much as
-- the record.

alter table monitoring.batch_part
    add column changed bigint not null default 0,
    add column ignored bigint not null default 0;
comment on column monitoring.batch.changed is 'Rows changed; those of parts under way are counted with the part';
comment on column monitoring.batch.ignored is 'Rows that changed nothing because later days were on file; those of parts under way as above';

create table monitoring.record_made (
    batch_id    uuid   not null,
    number      bigint not null,
    record_keys uuid[] not null,
    constraint record_made_pk primary key (batch_id, number)
);
comment on table monitoring.record_made is
    'Records that a batch made: entries of record_before without a version before, which they become when it is withdrawn';
-- Hashes do not compress.
alter table monitoring.record_made alter column record_keys set storage external;
