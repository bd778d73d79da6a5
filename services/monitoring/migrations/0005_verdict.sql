-- What field checks found of warnings, as dispatch told it: the yield of indicators.

create table monitoring.verdict (
    warning_id   uuid not null constraint verdict_pk primary key,
    indicator    text not null,
    household_id uuid not null,
    county_code  text not null,
    verdict      text not null constraint verdict_known check (verdict in ('verified_true', 'verified_partly', 'not_true',
        'already_aided', 'cannot_find', 'moved_away', 'refuses_help', 'died')),
    decided_on   date not null
);
comment on table monitoring.verdict is 'The newest verdict on each warning on a household or member that has one';
create index verdict_indicator on monitoring.verdict (indicator, decided_on);
