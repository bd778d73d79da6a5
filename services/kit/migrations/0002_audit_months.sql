-- Audit rows are never deleted, so their table is cut by month (China Standard Time) of the database's clock: a row is
-- written into small indexes, and a month is put into an archive by detaching it. What was written before joins the month
-- under way.

alter table audit rename to audit_before;
drop trigger audit_append_only on audit_before;
alter table audit_before drop constraint audit_pk;
alter index audit_by_subject rename to audit_before_by_subject;

create table audit (
    id          uuid        not null,
    at          timestamptz not null default clock_timestamp(),
    business_at timestamptz not null,
    caller      text        not null,
    operator    text,
    method      text        not null,
    purpose     text,
    case_ref    text,
    subject     text        not null,
    fields      text[]      not null,
    traceparent text        not null default '',
    outcome     text        not null,
    constraint audit_pk primary key (id, at),
    constraint audit_outcome_known check (outcome in ('ok', 'refused'))
) partition by range (at);

create index audit_by_subject on audit (subject, at);

-- One for each month too: a statement's trigger is that of the table it names.
create trigger audit_append_only before update or delete or truncate on audit
    for each statement execute function audit_is_append_only();

-- First moment of the month that is so many months after the one under way.
create function audit_month(ahead integer) returns timestamptz language sql as $$
    select (date_trunc('month', now() at time zone 'Asia/Shanghai') + make_interval(months => ahead))
        at time zone 'Asia/Shanghai'
$$;

create function audit_month_name(ahead integer) returns text language sql as $$
    select 'audit_' || to_char(audit_month(ahead) at time zone 'Asia/Shanghai', 'YYYY_MM')
$$;

-- Makes the months up to `ahead` that are missing; how many.
create function audit_make_months(ahead integer) returns integer language plpgsql as $$
declare
    made integer := 0;
begin
    perform pg_advisory_xact_lock(hashtext('audit_make_months'), hashtext(current_schema()));
    for n in 0..ahead loop
        if to_regclass(audit_month_name(n)) is null then
            execute format('create table %I (like audit including defaults including constraints)', audit_month_name(n));
            execute format('create trigger audit_append_only before update or delete or truncate on %I '
                           'for each statement execute function audit_is_append_only()', audit_month_name(n));
            -- Who writes meanwhile is not kept waiting, as by creating it in place.
            execute format('alter table audit attach partition %I for values from (%L) to (%L)',
                           audit_month_name(n), audit_month(n), audit_month(n + 1));
            made := made + 1;
        end if;
    end loop;
    return made;
end $$;

do $$
declare
    month text := audit_month_name(0);
begin
    if exists (select from audit_before) then
        execute format('alter table audit_before rename to %I', month);
        execute format('alter index audit_before_by_subject rename to %I', month || '_subject_at_idx');
        execute format('alter table audit attach partition %I for values from (minvalue) to (%L)', month, audit_month(1));
        execute format('create trigger audit_append_only before update or delete or truncate on %I '
                       'for each statement execute function audit_is_append_only()', month);
    else
        drop table audit_before;
    end if;
end $$;
