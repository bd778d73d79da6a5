-- What one bureau's adapter keeps of its own: batches taken, rows refused, referrals handed over, files seen. Every
-- adapter has these tables in its own schema (found by search_path, so the names are unqualified). No names, no ID
-- numbers: an identity passes through and is not kept.

create table batch (
    id            uuid        not null,
    batch_no      text        not null,
    dataset       text        not null,
    mode          text        not null,
    division_code text        not null,
    as_of         date        not null,
    sent          integer     not null,
    accepted      integer     not null,
    refused       integer     not null,
    changed       integer     not null,
    parts         integer     not null,
    completed_at  timestamptz not null,
    constraint batch_pk primary key (id),
    constraint batch_mode_known check (mode in ('snapshot', 'changes')),
    constraint batch_division_full check (division_code ~ '^[0-9]{12}$'),
    constraint batch_counts_add_up check (sent = accepted + refused and changed between 0 and accepted)
);

create index batch_newest on batch (dataset, as_of desc, id);

-- One refused row: which, where, why. The value itself is never kept.
create table row_error (
    batch_id   uuid    not null,
    row_no     integer not null,
    field      text    not null,
    header     text    not null,
    reason     integer not null,
    message    text    not null,
    message_zh text    not null,
    constraint row_error_pk primary key (batch_id, row_no),
    constraint row_error_batch_fk foreign key (batch_id) references batch (id),
    constraint row_error_row_from_one check (row_no >= 1)
);

create table referral (
    id              uuid    not null,
    household_id    uuid    not null,
    person_key      uuid,
    programme       text    not null,
    programme_title text    not null,
    level           integer not null,
    reason          text    not null,
    reason_title    text    not null,
    division_code   text    not null,
    issued_on       date    not null,
    due_on          date    not null,
    signed_on       date,
    -- Wall-clock times for the latency from record to referral: when monitoring committed the record (none when a
    -- field check stood between), and when the referral was here.
    record_accepted_at timestamptz,
    stored_at          timestamptz not null default clock_timestamp(),
    constraint referral_pk primary key (id)
) with (fillfactor = 80);

create index referral_unsigned on referral (issued_on, id) where signed_on is null;

-- Which referrals a pull handed out, so that a repeat of it hands out the same; identities are looked up again.
create table handout (
    caller      text        not null,
    request_id  uuid        not null,
    page_size   integer     not null,
    lease       integer     not null,
    referrals   uuid[]      not null,
    attempts    integer[]   not null,
    lease_until timestamptz not null,
    constraint handout_pk primary key (caller, request_id),
    constraint handout_attempts_match check (cardinality(referrals) = cardinality(attempts))
);

-- A file's life in the watched folder. A file is its name and its content: dropped again, it is the same one.
create table file (
    name       text        not null,
    digest     bytea       not null,
    kind       text        not null,
    state      text        not null,
    reason     text        not null default '',
    request_id uuid        not null,
    taken_at   timestamptz not null default clock_timestamp(),
    ended_at   timestamptz,
    constraint file_pk primary key (name, digest),
    constraint file_kind_known check (kind in ('batch', 'receipt', 'feedback', 'identity_list', 'unknown')),
    constraint file_state_known check (state in ('taken', 'done', 'refused')),
    constraint file_ended check ((state = 'taken') = (ended_at is null)),
    constraint file_digest_is_sha256 check (octet_length(digest) = 32)
) with (fillfactor = 80);
