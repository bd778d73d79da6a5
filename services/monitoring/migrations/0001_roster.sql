-- The households as registry tells them: keys and facts, no names. The policy pack's SQL reads these tables.

create table monitoring.county (
    county_code   text not null constraint county_pk primary key,
    first_seen_on date not null
);
comment on table monitoring.county is 'Counties with a household; feeds never delivered are due from the day first seen';

create table monitoring.household (
    household_id         uuid not null constraint household_pk primary key,
    division_code        text not null,
    county_code          text not null,
    area_kind            text not null constraint household_area_kind check (area_kind in ('urban', 'rural')),
    declared_income_fen  bigint not null,
    income_as_of         date,
    financial_assets_fen bigint not null,
    house_count          integer not null,
    as_of                date,
    sequence             bigint not null
);
comment on column monitoring.household.sequence is 'Number of the newest HouseholdChanged applied; older ones change nothing';
create index household_county on monitoring.household (county_code, household_id);

create table monitoring.member (
    person_key   uuid not null constraint member_pk primary key,
    household_id uuid not null,
    birth_on     date,
    sex          integer not null,
    relation     text not null,
    joined_on    date
);
comment on table monitoring.member is 'Persons now in a household; a person is in one household only';
create index member_household on monitoring.member (household_id);

create table monitoring.class_status (
    household_id     uuid not null,
    person_key       uuid,
    assistance_class text not null,
    valid_from       date,
    amount_fen       bigint not null
);
comment on table monitoring.class_status is 'Class status now in force';
create index class_status_household on monitoring.class_status (household_id);

create table monitoring.vehicle (
    household_id  uuid not null,
    kind          text not null,
    vehicle_use   text not null,
    registered_on date
);
create index vehicle_household on monitoring.vehicle (household_id);

create table monitoring.referral (
    referral_id  uuid not null constraint referral_pk primary key,
    household_id uuid not null,
    person_key   uuid,
    bureau       text not null,
    programme    text not null,
    issued_on    date not null,
    due_on       date,
    settled_on   date,
    decision     text
);
create index referral_household on monitoring.referral (household_id);
