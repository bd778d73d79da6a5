-- When a record was taken: what was taken a short while ago may still be on its way to the register.
alter table feedback.record add column taken_at timestamptz;
update feedback.record set taken_at = recorded_on::timestamp at time zone 'Asia/Shanghai';
alter table feedback.record alter column taken_at set not null;

-- Records in which the register's books differ from ours, by the record's number; kept when resolved. `month` is the
-- month's first day.
create table feedback.difference (
    difference_id uuid not null,
    bureau text not null,
    programme text not null,
    month date not null,
    record_no text not null,
    kind text not null,
    division_code text not null,
    amount_fen bigint,
    decision text,
    registry_amount_fen bigint,
    registry_decision text,
    first_seen_at timestamptz not null,
    resolved_at timestamptz,
    constraint difference_pkey primary key (difference_id),
    constraint difference_month_by_its_first_day check (extract(day from month) = 1),
    constraint difference_sides_fit_kind check (
        case kind
            when 'missing_in_registry' then decision is not null and registry_decision is null
            when 'missing_in_feedback' then decision is null and registry_decision is not null
            when 'content_differs' then decision is not null and registry_decision is not null
            else false
        end
        and (decision is null) = (amount_fen is null) and (registry_decision is null) = (registry_amount_fen is null))
);

create unique index difference_open_once on feedback.difference (month, bureau, programme, record_no, kind)
    where resolved_at is null;
create index difference_by_bureau on feedback.difference (bureau, difference_id);

-- The business date on which a month was last compared to its end.
create table feedback.book_month (
    month date not null,
    compared_on date not null,
    constraint book_month_pkey primary key (month)
);
