-- Verification requests (核对): whom the bureau is asked about, by key, with each one's authorisation; no names, no ID
-- numbers. Answers are identification's and are kept there.
create table verification (
    id           uuid    not null,
    kind         integer not null,
    datasets     text[]  not null,
    requested_on date    not null,
    due_on       date    not null,
    signed_on    date,
    withdrawn_on date,
    recall_open  boolean not null default false,
    constraint verification_pk primary key (id),
    constraint verification_asks check (cardinality(datasets) > 0),
    constraint verification_recall check (not recall_open or withdrawn_on is not null)
) with (fillfactor = 80);

create index verification_recall_open on verification (withdrawn_on, id) where recall_open;

create table verification_person (
    verification_id uuid not null,
    person_key      uuid not null,
    household_id    uuid not null,
    authorisation   text not null,
    valid_until     date not null,
    constraint verification_person_pk primary key (verification_id, person_key),
    constraint verification_person_verification_fk foreign key (verification_id) references verification (id),
    constraint verification_person_authorised check (authorisation <> '')
);

-- A pull hands out referrals or verifications; the column referrals holds the ids of either.
alter table handout add column kind text not null default 'referral';
alter table handout drop constraint handout_pk;
alter table handout add constraint handout_pk primary key (caller, kind, request_id);

alter table file drop constraint file_kind_known;
alter table file add constraint file_kind_known check (kind in ('batch', 'receipt', 'feedback', 'withdrawal', 'ledger',
    'verification_answer', 'identity_list', 'archive', 'unknown'));
alter table table_batch drop constraint table_batch_kind_known;
alter table table_batch add constraint table_batch_kind_known check (kind in ('batch', 'receipt', 'feedback', 'withdrawal',
    'ledger', 'verification_answer', 'unknown'));
