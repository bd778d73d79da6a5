-- What the adapter has signed for: one receipt a batch, one a referral, as it was first given and never changed. The
-- message is minqing.bureau.v1.Receipt; it holds counts, digests and the bureau's own user id, nothing of a person.
create table receipt (
    id        uuid        not null,
    kind      text        not null,
    message   bytea       not null,
    key_id    text        not null,
    issued_at timestamptz not null,
    constraint receipt_pk primary key (id),
    constraint receipt_kind_known check (kind in ('batch', 'referral'))
);
