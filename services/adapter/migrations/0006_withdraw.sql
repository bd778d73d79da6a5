-- Batches that the bureau withdrew: written once monitoring has taken it on, and never changed.
create table withdrawal (
    batch_id     uuid        not null,
    withdrawn_at timestamptz not null,
    reason       text        not null,
    operator     text        not null,
    records      integer     not null,
    overridden   integer     not null,
    constraint withdrawal_pk primary key (batch_id),
    constraint withdrawal_batch_fk foreign key (batch_id) references batch (id)
);

create index batch_number on batch (batch_no);

alter table file drop constraint file_kind_known;
alter table file add constraint file_kind_known
    check (kind in ('batch', 'receipt', 'feedback', 'withdrawal', 'identity_list', 'unknown'));
