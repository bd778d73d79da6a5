-- Policy packs on their way into use: proposed by one person, approved by another.

create table monitoring.policy (
    policy_id            uuid not null constraint policy_pk primary key,
    pack                 text not null,
    content_hash         text not null,
    valid_from           date not null,
    reason               text not null,
    archive              bytea not null,
    proposed_by          text not null,
    proposed_by_operator text,
    proposed_on          date not null,
    approved_by          text,
    approved_by_operator text,
    approved_on          date,
    constraint policy_hash check (content_hash = encode(sha256(archive), 'hex')),
    constraint policy_approved_whole check ((approved_by is null) = (approved_on is null)),
    constraint policy_second_person check (approved_by <> proposed_by)
);
comment on column monitoring.policy.archive is 'The pack as proposed, as minqing-policy makes and reads it';
create unique index policy_one_open on monitoring.policy (content_hash) where approved_on is null;
create index policy_content on monitoring.policy (content_hash, policy_id);
