-- What feedback tells of its books: months that are over and were compared, and households about whose records they differ.
create table monitoring.reconciled_month (
    month         date not null constraint reconciled_month_pk primary key,
    reconciled_on date not null,
    constraint reconciled_month_by_its_first_day check (extract(day from month) = 1)
);

create table monitoring.reconciliation (
    household_id  uuid not null,
    month         date not null,
    difference    integer not null,
    reconciled_on date not null,
    sequence      bigint not null,
    constraint reconciliation_pk primary key (household_id, month)
);
comment on column monitoring.reconciliation.difference is 'Records that differ; 0 once they agree again. Newest event by sequence wins';
create index reconciliation_differing on monitoring.reconciliation (month) where difference <> 0;

-- One row a household: null until a month was compared at whose end the household was in the roster.
create view monitoring.reconciliation_state as
    select h.household_id, m.ended_on as month_ended_on,
           case when h.first_seen_on <= m.ended_on then coalesce(r.difference, 0) end as difference
    from monitoring.household h
    left join (
        select l.month, (l.month + interval '1 month' - interval '1 day')::date as ended_on
        from (select max(month) as month from monitoring.reconciled_month) l) m on true
    left join monitoring.reconciliation r on r.household_id = h.household_id and r.month = m.month;
