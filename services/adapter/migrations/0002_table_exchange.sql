-- Batches of a bureau's exchange tables: which were taken and which of them the bureau was told of. A batch is its
-- number and its control row; the number used again for another batch is another one. Nothing of a row is kept.

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
