-- Where each warning was raised, and what its check found, so that indicators can be counted.
alter table dispatch.reason add column division_code text, add column verdict text, add column verdict_on date;

-- A suppressed warning follows a work order of the same household or feed.
update dispatch.reason as r set division_code = coalesce(
    (select w.division_code from dispatch.work_order as w where w.work_order_id = r.work_order_id),
    (select w.division_code from dispatch.work_order as w
     where w.household_id = r.household_id or w.subject = r.subject order by w.opened_on desc limit 1),
    (select h.division_code from dispatch.household as h where h.household_id = r.household_id),
    '000000000000');
-- The first verdict since it was raised: of a visit, or where the check was none, of the work order.
update dispatch.reason as r set verdict = f.verdict, verdict_on = f.given_on
from (
    select distinct on (m.warning_id) m.warning_id, c.verdict, c.given_on
    from dispatch.reason as m
    join (
        select v.work_order_id, v.verdict, v.recorded_on as given_on from dispatch.visit as v
        where v.work_order_id is not null
        union all
        select w.work_order_id, w.verdict, coalesce(w.verified_on, w.closed_on) from dispatch.work_order as w
        where w.verdict is not null
    ) as c on c.work_order_id = m.work_order_id and c.given_on >= m.raised_on
        and (m.cleared_on is null or m.cleared_on >= c.given_on)
    where m.covered
    order by m.warning_id, c.given_on
) as f
where f.warning_id = r.warning_id;

alter table dispatch.reason alter column division_code set not null;
alter table dispatch.reason add constraint reason_verdict_known
    check (verdict in ('verified_true', 'verified_partly', 'not_true', 'already_aided', 'cannot_find',
                       'moved_away', 'refuses_help', 'died'));
alter table dispatch.reason add constraint reason_verdict_has_day check ((verdict is null) = (verdict_on is null));
alter table dispatch.reason add constraint reason_verdict_of_covered check (verdict is null or covered);
create index reason_raised on dispatch.reason (raised_on);
create index reason_verdict on dispatch.reason (verdict_on) where verdict_on is not null;

-- Indicators whose yield fell below the pack's floor: told once, until they recover.
create table dispatch.yield_fall (
    yield_fall_id uuid not null,
    indicator text not null,
    division_code text not null,
    fell_on date not null,
    verdicts_from date not null,
    verdicts_to date not null,
    checked bigint not null,
    found_true bigint not null,
    floor_permille integer not null,
    recovered_on date,
    constraint yield_fall_pkey primary key (yield_fall_id),
    constraint yield_fall_counts_possible check (found_true between 0 and checked),
    constraint yield_fall_was_below check (found_true * 1000 < checked * floor_permille)
);
comment on column dispatch.yield_fall.division_code is 'County or city whose warnings are counted';
create unique index yield_fall_one_open on dispatch.yield_fall (indicator, division_code) where recovered_on is null;
