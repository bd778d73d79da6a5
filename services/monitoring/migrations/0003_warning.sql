-- Warnings, the facts last told to identification, and how far the daily screening has come.

create table monitoring.warning (
    warning_id    uuid not null constraint warning_pk primary key,
    indicator     text not null,
    level         integer not null constraint warning_level check (level between 1 and 5),
    household_id  uuid,
    person_key    uuid,
    subject       text not null default '',
    bureau        text not null default '',
    division_code text not null,
    county_code   text not null,
    area_kind     text not null,
    raised_on     date not null,
    cleared_on    date,
    pack          text not null,
    conditions    jsonb not null,
    facts         jsonb not null,
    parameters    jsonb not null,
    sources       jsonb not null,
    constraint warning_about check ((household_id is null) = (subject <> '')),
    constraint warning_person_of_household check (person_key is null or household_id is not null)
);
comment on column monitoring.warning.subject is 'For a feed warning: bureau.dataset@county; empty otherwise';
comment on column monitoring.warning.sources is 'As-of date of each of the county''s feeds when the warning was raised';
create unique index warning_one_open on monitoring.warning (household_id, indicator, person_key, subject)
    nulls not distinct where cleared_on is null;
create index warning_household on monitoring.warning (household_id, warning_id);
create index warning_county on monitoring.warning (county_code, warning_id);

create table monitoring.household_fact (
    household_id uuid not null constraint household_fact_pk primary key,
    digest       bytea not null,
    as_of        date not null
);
comment on table monitoring.household_fact is 'Households whose facts identification follows, and a digest of the last told';

create table monitoring.screening (
    one         boolean not null default true constraint screening_pk primary key,
    through     date,
    for_date    date,
    last_household uuid,
    constraint screening_single check (one)
);
comment on column monitoring.screening.through is 'Newest business date for which every household was evaluated';
comment on column monitoring.screening.last_household is 'Where the screening of for_date has come';
insert into monitoring.screening (one) values (true);
