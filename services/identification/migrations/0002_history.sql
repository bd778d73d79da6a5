-- What was known of households at the end of each business day on which it changed, and which pack was in force: an
-- assessment as of a past day reads nothing else.

-- known_on is the business date on which identification took the state over. It never falls while the sequence rises, so
-- the state at the end of a day is the row with the greatest known_on that is not after it.
-- Facts are kept and read whole, never searched: json, with the compression whose window spans all members of a household,
-- takes up to a third less than jsonb.
create table identification.household_fact_history (
    household_id  uuid   not null,
    known_on      date   not null,
    division_code text   not null,
    area_kind     text   not null,
    as_of         date   not null,
    sequence      bigint not null,
    facts         json   compression lz4 not null,
    persons       json   compression lz4 not null,
    constraint household_fact_history_pk primary key (household_id, known_on),
    constraint household_fact_history_area_known check (area_kind in ('urban', 'rural', 'unspecified'))
);

create table identification.household_history (
    household_id  uuid   not null,
    known_on      date   not null,
    division_code text   not null,
    area_kind     text   not null,
    members       uuid[] not null,
    classes       jsonb  not null,
    as_of         date   not null,
    sequence      bigint not null,
    constraint household_history_pk primary key (household_id, known_on),
    constraint household_history_area_known check (area_kind in ('urban', 'rural', 'unspecified'))
);

-- What is known already came on a day nobody wrote down: the day its sender says is the nearest there is.
insert into identification.household_fact_history
    (household_id, known_on, division_code, area_kind, as_of, sequence, facts, persons)
select household_id, as_of, division_code, area_kind, as_of, sequence, facts::json, persons::json
from identification.household_fact;

insert into identification.household_history
    (household_id, known_on, division_code, area_kind, members, classes, as_of, sequence)
select household_id, as_of, division_code, area_kind, members, classes, as_of, sequence
from identification.household;

-- Packs worked with, whole.
create table identification.policy_pack (
    -- SHA-256 of files, hexadecimal.
    content_hash  text  not null,
    tag           text  not null,
    -- The pack's archive.
    files         bytea not null,
    registered_on date  not null,
    constraint policy_pack_pk primary key (content_hash),
    constraint policy_pack_whole check (content_hash = encode(sha256(files), 'hex'))
);

-- Which pack was in force from which day until the next row's. A pack that comes back after another has two rows.
create table identification.policy_pack_in_force (
    active_from  date not null,
    content_hash text not null,
    constraint policy_pack_in_force_pk primary key (active_from),
    constraint policy_pack_in_force_pack_fk foreign key (content_hash) references identification.policy_pack (content_hash)
);

create index policy_pack_in_force_pack on identification.policy_pack_in_force (content_hash);
