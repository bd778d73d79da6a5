-- What the mesh itself does for households, as its services tell it: sources of rules beside the bureaus' data. Everything
-- the mesh did is here, so that a household without a row is one for which nothing was done.

-- Visits made before the mesh knew of a household are not here: one is due from that day on.
alter table monitoring.household add column first_seen_on date;
update monitoring.household h set first_seen_on = c.first_seen_on from monitoring.county c where c.county_code = h.county_code;
alter table monitoring.household alter column first_seen_on set not null;
comment on column monitoring.household.first_seen_on is 'Business date on which the household came into the roster';

create table monitoring.visit (
    visit_id     uuid not null constraint visit_pk primary key,
    household_id uuid not null,
    visited_on   date not null,
    met          boolean not null,
    photo        boolean not null,
    minutes      integer,
    group_ticked text,
    lives_alone  boolean,
    carer        text,
    verdict      text
);
comment on column monitoring.visit.minutes is 'Null: not told, which is not nought; so are group, living alone and carer';
create index visit_household on monitoring.visit (household_id);

-- Receipts come from feedback, referrals from dispatch, in whatever order.
create table monitoring.receipt (
    referral_id uuid not null constraint receipt_pk primary key,
    signed_on   date not null
);
create view monitoring.referral_state as
    select r.referral_id, r.household_id, r.person_key, r.bureau, r.programme, r.issued_on, r.due_on, r.settled_on, r.decision,
           s.signed_on
    from monitoring.referral r
    left join monitoring.receipt s on s.referral_id = r.referral_id;

create table monitoring.feedback (
    feedback_id  uuid not null constraint feedback_pk primary key,
    household_id uuid not null,
    person_key   uuid,
    bureau       text not null,
    record_no    text not null,
    supersedes   text,
    superseded   boolean not null default false,
    programme    text not null,
    decision     text not null,
    reason_code  text,
    evidence     boolean not null,
    amount_fen   bigint not null,
    handled_on   date not null,
    paid_on      date
);
comment on table monitoring.feedback is 'Every record of a bureau; a correction and what it corrects may come in any order';
create index feedback_household on monitoring.feedback (household_id);
create index feedback_record on monitoring.feedback (bureau, record_no);
create index feedback_correction on monitoring.feedback (bureau, supersedes) where supersedes is not null;
create view monitoring.feedback_in_force as
    select f.feedback_id, f.household_id, f.person_key, f.bureau, f.programme, f.decision, f.reason_code, f.evidence, f.amount_fen,
           f.handled_on, f.paid_on
    from monitoring.feedback f
    where not f.superseded;

alter table monitoring.referral add column work_order_id uuid;
create index referral_work_order on monitoring.referral (work_order_id) where work_order_id is not null;
create table monitoring.work_order (
    work_order_id uuid not null constraint work_order_pk primary key,
    household_id  uuid not null,
    opened_on     date not null,
    level         integer not null constraint work_order_level check (level between 1 and 5),
    verdict       text,
    closed_on     date
);
comment on column monitoring.work_order.level is 'The strictest it was opened or found true with';
create index work_order_household on monitoring.work_order (household_id);
create view monitoring.work_order_state as
    select w.work_order_id, w.household_id, w.opened_on, w.closed_on, 'L' || w.level as severity, w.verdict,
           (select count(*) from monitoring.referral r where r.work_order_id = w.work_order_id) as needs_true,
           (select count(*) from monitoring.referral r
            where r.work_order_id = w.work_order_id and r.decision in ('granted', 'already_aided')) as needs_handled
    from monitoring.work_order w;
