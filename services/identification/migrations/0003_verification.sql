-- Economic verifications (核对): who is asked about whom, on which authorisation, and what was answered.

-- Days of birth of the members as the register last told them, {person_key: date}; empty until it tells the household again.
alter table identification.household add column births jsonb not null default '{}';

-- Finds the household a person outside the checked one is on file in.
create index household_member on identification.household using gin (members);

create table identification.verification (
    verification_id uuid   not null,
    household_id    uuid   not null,
    case_id         uuid,
    division_code   text   not null,
    kind            text   not null,
    requested_on    date   not null,
    -- Last working day for the answers.
    due_on          date   not null,
    requested_by    text   not null,
    operator        text,
    completed_on    date,
    cancelled_on    date,
    cancel_reason   text   not null default '',
    version         bigint not null default 1,
    constraint verification_pk primary key (verification_id),
    constraint verification_case_fk foreign key (case_id) references identification.case_file (case_id),
    constraint verification_due check (due_on >= requested_on),
    constraint verification_one_end check (num_nonnulls(completed_on, cancelled_on) <= 1),
    constraint verification_cancel_reasoned check ((cancelled_on is null) = (cancel_reason = ''))
) with (fillfactor = 80);

create index verification_newest on identification.verification (requested_on desc, verification_id desc);
create index verification_of_case on identification.verification (case_id) where case_id is not null;

-- Whom it is about: nobody without an authorisation.
create table identification.verification_person (
    verification_id uuid    not null,
    person_key      uuid    not null,
    -- The household the person is on file in.
    household_id    uuid    not null,
    obligor         boolean not null,
    authorisation   text    not null,
    signer          text    not null,
    signed_on       date    not null,
    valid_until     date    not null,
    constraint verification_person_pk primary key (verification_id, person_key),
    constraint verification_person_verification_fk foreign key (verification_id)
        references identification.verification (verification_id),
    constraint verification_person_authorised check (authorisation <> '' and valid_until >= signed_on),
    constraint verification_person_signer_known check (signer in ('self', 'guardian', 'heir')),
    -- 社会救助法 Art. 41: who is outside the household is checked with the own consent only.
    constraint verification_person_own_consent check (not obligor or signer = 'self')
);

-- One person, one dataset of one bureau. No outcome is unknown, which is not "nothing found".
create table identification.verification_item (
    verification_id uuid not null,
    person_key      uuid not null,
    bureau          text not null,
    dataset         text not null,
    outcome         text,
    batch_no        text not null default '',
    reason_code     text not null default '',
    answered_on     date,
    constraint verification_item_pk primary key (verification_id, person_key, bureau, dataset),
    constraint verification_item_person_fk foreign key (verification_id, person_key)
        references identification.verification_person (verification_id, person_key),
    constraint verification_item_outcome_known check (outcome in ('found', 'nothing_found', 'cannot')),
    constraint verification_item_answered check ((outcome is null) = (answered_on is null)),
    constraint verification_item_batch check ((outcome is not distinct from 'found') = (batch_no <> '')),
    constraint verification_item_reason check ((outcome is not distinct from 'cannot') = (reason_code <> ''))
) with (fillfactor = 80);
