-- Where a household is, as the register tells it: who may record a visit to it.
create table dispatch.household (
    household_id uuid not null,
    division_code text not null,
    sequence bigint not null,
    constraint household_pkey primary key (household_id)
);
comment on column dispatch.household.sequence is 'Number of the newest HouseholdChanged applied; older ones change nothing';

-- Visits (走访): by themselves, or behind the verdict on a work order. What was not told is null.
create table dispatch.visit (
    visit_id uuid not null,
    household_id uuid not null,
    work_order_id uuid,
    division_code text not null,
    visited_on date not null,
    recorded_on date not null,
    visitor text not null,
    met boolean not null,
    minutes integer,
    group_ticked text,
    lives_alone boolean,
    carer text,
    photo_digest text not null,
    finding text,
    verdict text,
    constraint visit_pkey primary key (visit_id),
    constraint visit_work_order_fkey foreign key (work_order_id) references dispatch.work_order (work_order_id),
    constraint visit_minutes_possible check (minutes between 1 and 600),
    constraint visit_by_itself_has_finding check ((work_order_id is null) = (finding is not null)),
    constraint visit_of_a_check_has_verdict check ((work_order_id is null) = (verdict is null))
);
create index visit_household on dispatch.visit (household_id, visited_on);
create index visit_work_order on dispatch.visit (work_order_id) where work_order_id is not null;
