-- Identity resolution: what came under a faulty number or name beside a person on file who may be meant, what people
-- decided about it, and the links made by that. Keys, sealed texts and numbers of the contract's enums only.

-- One review for a number under a name and one person; proposals that repeat find it again.
create table registry.identity_review (
    review_id     uuid     not null,
    kind          smallint not null,
    state         text     not null default 'open',
    division_code text     not null,
    -- The alias: keyed hashes of number and name as they came. The number's is the person's key where it is valid.
    number_key    uuid     not null,
    name_key      uuid     not null,
    person_key    uuid     not null,
    edit          smallint not null,
    proofs        smallint[] not null,
    score         smallint not null,
    complete      boolean  not null,
    -- Sealed for number_key; null where the number is on file under it, or the name was not kept.
    number_sealed bytea,
    name_sealed   bytea,
    -- Where it came from last; the county's own collection has no bureau.
    bureau        text     not null,
    dataset       text     not null,
    batch_no      text     not null,
    row_no        integer  not null,
    first_seen_on date     not null,
    last_seen_on  date     not null,
    constraint identity_review_pk primary key (review_id),
    constraint identity_review_once unique (number_key, name_key, person_key),
    constraint identity_review_person_fk foreign key (person_key) references registry.person (person_key),
    constraint identity_review_state_known check (state in ('open', 'same', 'different', 'left')),
    constraint identity_review_score_in_range check (score between 0 and 100)
);

create index identity_review_by_division on registry.identity_review (division_code text_pattern_ops, review_id);
create index identity_review_by_person on registry.identity_review (person_key);

-- What people decided, in order; append only.
create table registry.identity_decision (
    decision_id uuid        not null,
    review_id   uuid        not null,
    decision    smallint    not null,
    reason      text        not null,
    decided_by  text        not null,
    decided_at  timestamptz not null,
    constraint identity_decision_pk primary key (decision_id),
    constraint identity_decision_review_fk foreign key (review_id) references registry.identity_review (review_id)
);

create index identity_decision_by_review on registry.identity_decision (review_id, decided_at);

-- A number under a name that stands for a person. Never deleted: undone.
create table registry.identity_link (
    link_id       uuid        not null,
    review_id     uuid        not null,
    number_key    uuid        not null,
    name_key      uuid        not null,
    person_key    uuid        not null,
    proofs        smallint[]  not null,
    reason        text        not null,
    linked_by     text        not null,
    linked_at     timestamptz not null,
    undone_at     timestamptz,
    undone_by     text,
    undone_reason text,
    constraint identity_link_pk primary key (link_id),
    constraint identity_link_review_fk foreign key (review_id) references registry.identity_review (review_id),
    constraint identity_link_person_fk foreign key (person_key) references registry.person (person_key),
    constraint identity_link_undone_whole check ((undone_at is null) = (undone_by is null)
        and (undone_at is null) = (undone_reason is null))
);

-- An alias stands for one person at a time.
create unique index identity_link_in_force on registry.identity_link (number_key, name_key) where undone_at is null;
create index identity_link_by_review on registry.identity_link (review_id, linked_at);
create index identity_link_by_person on registry.identity_link (person_key);
