-- A day evaluates the households that time can have changed, by what it can have changed: not everybody by everything.

alter table monitoring.screening add column found_through date;
comment on column monitoring.screening.for_date is 'Business date that has begun: nobody is evaluated as of an earlier one any more';
comment on column monitoring.screening.found_through is 'Newest business date whose due households are in due_household; null: every household has to be evaluated';
comment on column monitoring.screening.through is 'Newest business date for which every household is up to date';
comment on column monitoring.screening.last_household is 'Where the evaluation of every household has come';

create table monitoring.due_household (
    cause        text not null,
    household_id uuid not null,
    constraint due_household_pk primary key (cause, household_id)
);
comment on table monitoring.due_household is 'Households that time has made due, until they are evaluated';
comment on column monitoring.due_household.cause is 'What they are due for, by the policy pack''s word; facts: to be told of';
