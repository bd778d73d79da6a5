-- Batches of a bureau's exchange tables: which were taken and which of them the bureau was told of. A batch is its
-- number and everything its control row says. Nothing of a row is kept here.

create table table_batch (
    batch_no text        not null,
    digest   bytea       not null,
    kind     text        not null,
    state    text        not null,
    -- What became of a batch of rows, once it is certain; its result is told from there.
    batch_id uuid,
    reason   text        not null default '',
    taken_at timestamptz not null default clock_timestamp(),
    told_at  timestamptz,
    constraint table_batch_pk primary key (batch_no, digest),
    constraint table_batch_batch_fk foreign key (batch_id) references batch (id),
    constraint table_batch_kind_known check (kind in ('batch', 'receipt', 'feedback', 'unknown')),
    constraint table_batch_state_known check (state in ('taken', 'told')),
    constraint table_batch_told check ((state = 'taken') = (told_at is null)),
    constraint table_batch_digest_is_sha256 check (octet_length(digest) = 32)
) with (fillfactor = 80);

create index table_batch_of_batch on table_batch (batch_id) where batch_id is not null;
create index table_batch_untold on table_batch (taken_at) where state = 'taken';

-- How far each feed of change rows is taken (the adapter's watermark), and the stretch that is under way.
create table table_feed (
    dataset     text not null,
    county      text not null,
    taken_seq   bigint,
    taken_as_of text,
    open_no     text,
    open_to     bigint,
    open_as_of  text,
    constraint table_feed_pk primary key (dataset, county),
    constraint table_feed_taken check ((taken_seq is null) = (taken_as_of is null)),
    constraint table_feed_open check (num_nulls(open_no, open_to, open_as_of) in (0, 3)),
    constraint table_feed_grows check (taken_seq is null or open_to is null or open_to >= taken_seq)
) with (fillfactor = 80);

create index table_feed_under_way on table_feed (open_no) where open_no is not null;

-- Rows of an exchange table are stored as they came, too.
alter table raw drop constraint raw_transport_known;
alter table raw add constraint raw_transport_known check (transport in ('rows', 'csv', 'xlsx', 'table'));
