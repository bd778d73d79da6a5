-- What the bureau sent, as it came, sealed (AES-256-GCM under a key of its own a batch, bound to its place) in pieces of
-- 1 MiB before anything is derived from it. Kept for some days, then deleted by the reconciler `raw`.
create table raw (
    id          uuid        not null,
    transport   text        not null,
    header      bytea       not null,
    pieces      integer     not null default 0,
    bytes       bigint      not null default 0,
    digest      bytea,
    batch_id    uuid,
    received_at timestamptz not null,
    -- By the machine's clock: what is not part of a batch after an hour never will be.
    stored_at   timestamptz not null default clock_timestamp(),
    constraint raw_pk primary key (id),
    constraint raw_transport_known check (transport in ('rows', 'csv', 'xlsx')),
    constraint raw_whole_in_a_batch check (batch_id is null or digest is not null),
    constraint raw_digest_is_sha256 check (octet_length(digest) = 32)
);

create unique index raw_batch on raw (batch_id) where batch_id is not null;
create index raw_age on raw (received_at);
create index raw_loose on raw (stored_at) where batch_id is null;

create table raw_piece (
    raw_id   uuid    not null,
    piece_no integer not null,
    sealed   bytea   not null,
    constraint raw_piece_pk primary key (raw_id, piece_no),
    constraint raw_piece_raw_fk foreign key (raw_id) references raw (id) on delete cascade
);

-- Sealed bytes do not compress.
alter table raw_piece alter column sealed set storage external;
