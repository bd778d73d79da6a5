-- The register: divisions, household files and what they hold, class status over time, the chain of relief, and
-- collection batches.
--
-- Dated rows hold from valid_from to valid_to, the last day, both included; null means "still". A row with
-- valid_to = valid_from - 1 was taken back and never held. Personal fields are sealed (…_sealed) and are opened
-- only by this service; keys and names of resources are keyed hashes.

create table registry.division (
    code        text not null,
    title       text not null,
    level       text not null,
    parent_code text not null,
    constraint division_pk primary key (code),
    constraint division_code_has_twelve_digits check (code ~ '^[0-9]{12}$'),
    constraint division_level_known check (level in ('city', 'county', 'township', 'village'))
);

create index division_by_parent on registry.division (parent_code, code);

create table registry.household (
    household_id         uuid    not null,
    county_code          text    not null,
    household_no         text    not null,
    division_code        text    not null,
    area_kind            text    not null,
    address_sealed       bytea,
    declared_income_fen  bigint  not null,
    income_as_of         date    not null,
    financial_assets_fen bigint  not null,
    house_count          integer not null,
    as_of                date    not null,
    -- Keyed hash of the row as collected; null when something else has changed the file since.
    content_key          uuid,
    version              bigint  not null default 1,
    constraint household_pk primary key (household_id),
    constraint household_no_once unique (county_code, household_no),
    constraint household_area_known check (area_kind in ('urban', 'rural')),
    constraint household_income_not_negative check (declared_income_fen >= 0),
    constraint household_assets_not_negative check (financial_assets_fen >= 0),
    constraint household_houses_not_negative check (house_count >= 0)
);

create index household_by_division on registry.household (division_code text_pattern_ops, household_id);

create table registry.person (
    person_id        uuid     not null,
    person_key       uuid     not null,
    name_key         uuid     not null,
    birth_on         date     not null,
    sex              smallint not null,
    id_number_sealed bytea    not null,
    name_sealed      bytea    not null,
    phone_sealed     bytea,
    account_sealed   bytea,
    constraint person_pk primary key (person_id),
    constraint person_key_once unique (person_key),
    constraint person_sex_known check (sex in (1, 2, 9))
);

create table registry.membership (
    membership_id uuid not null,
    household_id  uuid not null,
    person_id     uuid not null,
    relation      text not null,
    joined_on     date not null,
    valid_from    date not null,
    valid_to      date,
    constraint membership_pk primary key (membership_id),
    constraint membership_household_fk foreign key (household_id) references registry.household (household_id),
    constraint membership_person_fk foreign key (person_id) references registry.person (person_id),
    constraint membership_in_order check (valid_to >= valid_from - 1)
);

create unique index membership_one_household on registry.membership (person_id) where valid_to is null;
create index membership_now on registry.membership (household_id) where valid_to is null;
create index membership_by_person on registry.membership (person_id, household_id);

create table registry.vehicle (
    vehicle_id    uuid not null,
    household_id  uuid not null,
    plate_hash    text not null,
    kind          text not null,
    vehicle_use   text not null,
    registered_on date,
    valid_from    date not null,
    valid_to      date,
    constraint vehicle_pk primary key (vehicle_id),
    constraint vehicle_household_fk foreign key (household_id) references registry.household (household_id),
    constraint vehicle_kind_known check (kind in ('car', 'motorcycle', 'tricycle', 'farm')),
    constraint vehicle_use_known check (vehicle_use in ('private', 'disabled', 'livelihood')),
    constraint vehicle_in_order check (valid_to >= valid_from - 1)
);

create unique index vehicle_once on registry.vehicle (household_id, plate_hash) where valid_to is null;

-- Class status of a household or of one person, who keeps it when moving. `decision` granted it and
-- `ended_decision` ended it; null is what collection found.
create table registry.class_status (
    class_status_id  uuid   not null,
    household_id     uuid,
    person_id        uuid,
    assistance_class text   not null,
    amount_fen       bigint not null,
    valid_from       date   not null,
    valid_to         date,
    decision         uuid,
    ended_decision   uuid,
    constraint class_status_pk primary key (class_status_id),
    constraint class_status_household_fk foreign key (household_id) references registry.household (household_id),
    constraint class_status_person_fk foreign key (person_id) references registry.person (person_id),
    constraint class_status_one_subject check ((household_id is null) <> (person_id is null)),
    constraint class_status_class_known check (assistance_class in
        ('minimum_living', 'destitute', 'edge', 'rigid_expenditure', 'return_to_poverty', 'other_hardship')),
    constraint class_status_amount_not_negative check (amount_fen >= 0),
    constraint class_status_in_order check (valid_to >= valid_from - 1)
);

-- Never two open rows of one class for one subject.
create unique index class_status_household_open on registry.class_status (household_id, assistance_class)
    where valid_to is null and household_id is not null;
create unique index class_status_person_open on registry.class_status (person_id, assistance_class)
    where valid_to is null and person_id is not null;
create index class_status_by_household on registry.class_status (household_id) where household_id is not null;
create index class_status_by_person on registry.class_status (person_id) where person_id is not null;

-- Days on which a status begins or has ended that was set before: the household has to be told of again then.
create table registry.class_due (
    class_status_id uuid not null,
    due_on          date not null,
    constraint class_due_pk primary key (class_status_id, due_on),
    constraint class_due_status_fk foreign key (class_status_id) references registry.class_status (class_status_id)
);

create index class_due_by_day on registry.class_due (due_on);

-- One household, one chain (一户一条救助链). Append only but for `superseded_by`. An entry whose household is not
-- known yet is found by its person.
create table registry.chain_entry (
    chain_entry_id uuid   not null,
    source         text   not null,
    household_id   uuid,
    person_key     uuid,
    kind           text   not null,
    bureau         text   not null,
    programme      text   not null,
    amount_fen     bigint not null,
    occurred_on    date   not null,
    referral       text   not null,
    record_no      text   not null,
    supersedes     text   not null,
    superseded_by  text,
    constraint chain_entry_pk primary key (chain_entry_id),
    constraint chain_entry_source_once unique (source),
    constraint chain_entry_kind_known check (kind in ('aid', 'refusal', 'class_granted', 'class_ended',
        'already_aided', 'deferred', 'cannot_reach', 'not_my_duty'))
);

create index chain_entry_by_household on registry.chain_entry (household_id, occurred_on, chain_entry_id);
create index chain_entry_by_person on registry.chain_entry (person_key) where household_id is null;
create index chain_entry_by_record on registry.chain_entry (bureau, record_no);

create table registry.import_batch (
    import_id   uuid    not null,
    caller      text    not null,
    batch_no    text    not null,
    county_code text    not null,
    as_of       date    not null,
    row_count   integer not null,
    imported_on date    not null,
    accepted    integer,
    refused     integer,
    changed     integer,
    constraint import_batch_pk primary key (import_id)
);

create table registry.import_error (
    import_id uuid    not null,
    row_no    integer not null,
    error_no  integer not null,
    field     text    not null,
    reason    integer not null,
    constraint import_error_pk primary key (import_id, row_no, error_no),
    constraint import_error_batch_fk foreign key (import_id) references registry.import_batch (import_id)
);

-- Checked rows of a stream that has not ended yet, personal fields sealed. A batch cut short leaves nothing but
-- these, and the sweep removes them.
create table registry.import_slice (
    attempt_id uuid        not null,
    slice_no   integer     not null,
    payload    bytea       not null,
    staged_at  timestamptz not null default clock_timestamp(),
    constraint import_slice_pk primary key (attempt_id, slice_no)
);

create index import_slice_by_age on registry.import_slice (staged_at);
