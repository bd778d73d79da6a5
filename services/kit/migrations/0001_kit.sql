-- The tables every service has of its own, in its own schema (found by search_path, so the names are unqualified):
-- events out, events in, idempotency, audit, deliveries. They move only together with the service's own rows.

-- Committed events. `position` is given by the relay, densely, after commit: readers go by it and miss none.
-- Rows are never deleted behind the newest position, which the next position is counted from.
create table outbox (
    id                 bigint      generated always as identity,
    position           bigint,
    event_id           uuid        not null,
    type               text        not null,
    aggregate          text        not null,
    aggregate_sequence bigint      not null,
    audience           text,
    occurred_at        timestamptz not null,
    traceparent        text        not null default '',
    payload            bytea       not null,
    constraint outbox_pk primary key (id),
    constraint outbox_position_once unique (position),
    constraint outbox_aggregate_sequence_once unique (aggregate, aggregate_sequence),
    constraint outbox_position_from_one check (position >= 1),
    constraint outbox_aggregate_sequence_from_one check (aggregate_sequence >= 1),
    constraint outbox_audience_not_empty check (audience <> '')
) with (fillfactor = 80);

create index outbox_unnumbered on outbox (id) where position is null;

-- The order of changes within one aggregate, by count and never by a clock.
create table aggregate_counter (
    aggregate     text   not null,
    last_sequence bigint not null,
    constraint aggregate_counter_pk primary key (aggregate)
) with (fillfactor = 80);

-- How far this service has read each producer's log.
create table consumer_cursor (
    producer text   not null,
    position bigint not null default 0,
    constraint consumer_cursor_pk primary key (producer),
    constraint consumer_cursor_not_negative check (position >= 0)
) with (fillfactor = 50);

-- Events whose effect is in this database: an event is in here once, in the transaction of its effect.
create table inbox (
    producer   text        not null,
    position   bigint      not null,
    applied_at timestamptz not null default clock_timestamp(),
    constraint inbox_pk primary key (producer, position)
);

-- Events given up: their handler refused them again and again. A person redrives them.
create table dead_event (
    id         uuid        not null,
    producer   text        not null,
    position   bigint      not null,
    event      bytea       not null,
    attempts   integer     not null,
    last_error text        not null,
    dead_at    timestamptz not null default clock_timestamp(),
    constraint dead_event_pk primary key (id),
    constraint dead_event_once unique (producer, position)
);

create index dead_event_newest on dead_event (dead_at desc, id desc);

-- The first answer to each mutating call, under which a repeat is recognised.
create table idempotency (
    caller       text        not null,
    method       text        not null,
    request_id   uuid        not null,
    fingerprint  bytea       not null,
    response     bytea,
    completed_at timestamptz,
    constraint idempotency_pk primary key (caller, method, request_id),
    constraint idempotency_fingerprint_is_sha256 check (octet_length(fingerprint) = 32),
    constraint idempotency_answered check ((response is null) = (completed_at is null))
) with (fillfactor = 70);

-- Small, and enough to find what is past its time.
create index idempotency_age on idempotency using brin (completed_at);

-- Who read or changed whose data, which fields, for what. Append only.
create table audit (
    id          uuid        not null,
    at          timestamptz not null default clock_timestamp(),
    business_at timestamptz not null,
    caller      text        not null,
    operator    text,
    method      text        not null,
    purpose     text,
    case_ref    text,
    subject     text        not null,
    fields      text[]      not null,
    traceparent text        not null default '',
    outcome     text        not null,
    constraint audit_pk primary key (id),
    constraint audit_outcome_known check (outcome in ('ok', 'refused'))
);

create index audit_by_subject on audit (subject, at);

create function audit_is_append_only() returns trigger language plpgsql as $$
begin
    raise exception 'audit is append only' using errcode = 'insufficient_privilege';
end $$;

create trigger audit_append_only before update or delete or truncate on audit
    for each statement execute function audit_is_append_only();

-- What has to reach someone outside. `epoch` fences a late settlement of an older lease.
create table delivery (
    id          uuid        not null,
    kind        text        not null,
    subject     text        not null,
    payload     bytea       not null,
    state       text        not null default 'pending',
    attempts    integer     not null default 0,
    epoch       bigint      not null default 0,
    lease_until timestamptz,
    next_at     timestamptz not null default clock_timestamp(),
    last_error  text,
    traceparent text        not null default '',
    created_at  timestamptz not null default clock_timestamp(),
    done_at     timestamptz,
    dead_at     timestamptz,
    constraint delivery_pk primary key (id),
    constraint delivery_once unique (kind, subject),
    constraint delivery_state_known check (state in ('pending', 'leased', 'done', 'dead')),
    constraint delivery_leased_until check ((state = 'leased') = (lease_until is not null)),
    constraint delivery_attempts_not_negative check (attempts >= 0)
) with (fillfactor = 70);

create index delivery_due on delivery (kind, next_at, id) where state in ('pending', 'leased');
create index delivery_dead on delivery (dead_at desc, id desc) where state = 'dead';
