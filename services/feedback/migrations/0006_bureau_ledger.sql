-- A record may also differ from the bureau's own ledger: the other side is the register or the bureau.
alter table feedback.difference drop constraint difference_sides_fit_kind;
alter table feedback.difference rename column registry_amount_fen to other_amount_fen;
alter table feedback.difference rename column registry_decision to other_decision;
alter table feedback.difference add column counterpart text not null default 'registry';
alter table feedback.difference alter column counterpart drop default;
update feedback.difference set kind = case kind
    when 'missing_in_registry' then 'missing_there' when 'missing_in_feedback' then 'missing_here' else kind end;
alter table feedback.difference
    add constraint difference_counterpart_known check (counterpart in ('registry', 'bureau')),
    add constraint difference_sides_fit_kind check (
        case kind
            when 'missing_there' then decision is not null and other_decision is null
            when 'missing_here' then decision is null and other_decision is not null
            when 'content_differs' then decision is not null and other_decision is not null
            else false
        end
        and (decision is null) = (amount_fen is null) and (other_decision is null) = (other_amount_fen is null));

drop index feedback.difference_open_once;
create unique index difference_open_once
    on feedback.difference (counterpart, month, bureau, programme, record_no, kind) where resolved_at is null;
