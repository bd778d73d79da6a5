-- Cases of recognition and re-check with their decision. A decided case never changes again.
create table identification.case_file (
    case_id uuid primary key,
    household_id uuid not null,
    division_code text not null,
    kind text not null constraint case_file_kind check (kind in ('recognition', 'recheck')),
    state text not null constraint case_file_state check (state in ('open', 'decided')),
    work_order_id uuid not null,
    opened_on date not null,
    assessment bytea,
    decision_id uuid,
    decision text constraint case_file_decision check (decision in ('grant', 'refuse', 'keep', 'end')),
    assistance_class text,
    person_key uuid,
    amount_fen bigint constraint case_file_amount check (amount_fen >= 0),
    valid_from date,
    reason text,
    decided_on date,
    version bigint not null default 1,
    constraint case_file_decided_whole check (
        (state = 'decided') = (decision is not null and decided_on is not null and reason is not null and decision_id is not null)
    )
);

create unique index case_file_one_open_per_kind on identification.case_file (household_id, kind) where state = 'open';
create index case_file_by_division on identification.case_file (division_code text_pattern_ops, case_id);
create index case_file_by_household on identification.case_file (household_id);
-- One case for each verified work order and kind, so that the event opens none twice.
create unique index case_file_by_work_order on identification.case_file (work_order_id, kind);
