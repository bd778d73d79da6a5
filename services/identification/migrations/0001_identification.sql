-- Identification: what is known of households (from events), cases, assessments, decisions. Persons are keys only.

-- The roster as the register last told it.
create table identification.household (
    household_id  uuid   not null,
    division_code text   not null,
    area_kind     text   not null,
    members       uuid[] not null,
    -- [{class, person_key, valid_from, amount_fen}]
    classes       jsonb  not null,
    as_of         date   not null,
    sequence      bigint not null,
    constraint household_pk primary key (household_id),
    constraint household_area_known check (area_kind in ('urban', 'rural', 'unspecified'))
) with (fillfactor = 80);

-- Facts as monitoring last computed them. A value of null is unknown, which is not no.
create table identification.household_fact (
    household_id  uuid   not null,
    division_code text   not null,
    area_kind     text   not null,
    as_of         date   not null,
    sequence      bigint not null,
    -- {name: {value: text|null, as_of: date|null}}
    facts         jsonb  not null,
    -- [{person_key, facts: {name: {value, as_of}}}]
    persons       jsonb  not null,
    constraint household_fact_pk primary key (household_id),
    constraint household_fact_area_known check (area_kind in ('urban', 'rural', 'unspecified'))
) with (fillfactor = 80);

create table identification.case_file (
    case_id           uuid   not null,
    household_id      uuid   not null,
    division_code     text   not null,
    kind              text   not null,
    state             text   not null default 'open',
    work_order        text   not null,
    opened_on         date   not null,
    -- Newest check behind the case: the assessment is not older.
    verified_on       date   not null,
    candidate_classes text[] not null default '{}',
    unmet_classes     text[] not null default '{}',
    version           bigint not null default 1,
    constraint case_file_pk primary key (case_id),
    constraint case_file_kind_known check (kind in ('recognition', 'recheck')),
    constraint case_file_state_known check (state in ('open', 'decided'))
) with (fillfactor = 80);

create unique index case_file_one_open on identification.case_file (household_id, kind) where state = 'open';
create index case_file_newest on identification.case_file (opened_on desc, case_id desc);

-- Which verified work orders led to which case, each once.
create table identification.case_work_order (
    work_order text not null,
    kind       text not null,
    case_id    uuid not null,
    constraint case_work_order_pk primary key (work_order, kind),
    constraint case_work_order_case_fk foreign key (case_id) references identification.case_file (case_id)
);

-- The newest assessment of a case, encoded as in the contract.
create table identification.assessment (
    case_id uuid  not null,
    as_of   date  not null,
    pack    text  not null,
    body    bytea not null,
    constraint assessment_pk primary key (case_id),
    constraint assessment_case_fk foreign key (case_id) references identification.case_file (case_id)
) with (fillfactor = 80);

-- Decisions are made once and stay.
create table identification.decision (
    decision_id      uuid    not null,
    case_id          uuid    not null,
    decision         text    not null,
    assistance_class text,
    person_key       uuid,
    amount_fen       bigint,
    valid_from       date,
    reason           text    not null,
    household_heard  boolean not null,
    decided_on       date    not null,
    decided_by       text    not null,
    operator         text,
    constraint decision_pk primary key (decision_id),
    constraint decision_once unique (case_id),
    constraint decision_case_fk foreign key (case_id) references identification.case_file (case_id),
    constraint decision_known check (decision in ('grant', 'refuse', 'keep', 'end')),
    constraint decision_reasoned check (reason <> ''),
    -- 社会救助法 Art. 48: nobody loses a class unheard.
    constraint decision_end_heard check (decision <> 'end' or household_heard),
    constraint decision_by_an_operator check (decided_by like 'operator/county%')
);
