-- What identification knows of a household, from events: where it is and which classes it holds (register), and its
-- facts (monitoring). Keys only, no names. The newest sequence of each producer wins.
create table identification.household (
    household_id uuid primary key,
    division_code text not null,
    area_kind text not null constraint household_area_kind check (area_kind in ('urban', 'rural')),
    classes jsonb not null default '[]',
    sequence bigint not null
);

create table identification.household_fact (
    household_id uuid primary key,
    division_code text not null,
    area_kind text not null constraint household_fact_area_kind check (area_kind in ('urban', 'rural')),
    as_of date not null,
    facts jsonb not null,
    persons jsonb not null,
    sequence bigint not null
);
