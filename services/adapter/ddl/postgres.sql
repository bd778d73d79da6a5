-- 库表交换 database table exchange, PostgreSQL. Copied and run by the bureau's DBA in a schema of the bureau's own; the
-- tables of the datasets are written by `minqing_adapter::template::ddl`. Insert a batch's rows and its control row in
-- one transaction, or the control row last: nothing is read before ready_at is set. A corrected batch takes a new number.

create table mq_batch (
    batch_no  varchar(64) not null,
    -- a dataset by name or Chinese title, 'receipt' or 'feedback'
    dataset   varchar(64) not null,
    -- county code, data date and snapshot or changes; empty for receipts and feedback
    county    varchar(12),
    as_of     date,
    mode      varchar(8),
    row_count integer     not null,
    ready_at  timestamp,
    constraint mq_batch_pk primary key (batch_no)
);

create table mq_batch_result (
    batch_no    varchar(64) not null,
    outcome     varchar(8)  not null,
    batch       varchar(64),
    sent        integer,
    accepted    integer,
    refused     integer,
    changed     integer,
    reason      varchar(64),
    column_name varchar(200),
    message_zh  text,
    message     text,
    finished_at timestamp   not null,
    constraint mq_batch_result_pk primary key (batch_no)
);

-- One refused row: its place in the batch, its mq_seq, where, why. Never the value.
create table mq_row_result (
    batch_no    varchar(64) not null,
    row_no      integer     not null,
    mq_seq      bigint,
    column_name varchar(200),
    reason      varchar(64) not null,
    message_zh  text        not null,
    message     text        not null,
    constraint mq_row_result_pk primary key (batch_no, row_no)
);

create table mq_receipt (
    mq_seq      bigint      not null,
    mq_batch_no varchar(64) not null,
    referral    varchar(64),
    operator    varchar(64),
    constraint mq_receipt_pk primary key (mq_batch_no, mq_seq)
);

create table mq_feedback (
    mq_seq        bigint      not null,
    mq_batch_no   varchar(64) not null,
    record_no     varchar(64),
    referral      varchar(64),
    id_number     varchar(18),
    programme     varchar(40),
    decision      varchar(40),
    reason_code   varchar(40),
    legal_basis   varchar(200),
    amount_fen    bigint,
    service_count integer,
    period_from   date,
    period_to     date,
    paid_on       date,
    deferred_to   date,
    handled_on    date,
    supersedes    varchar(64),
    constraint mq_feedback_pk primary key (mq_batch_no, mq_seq)
);

-- Referrals for the bureau, a row for each person; it keeps or deletes them as its own rules say.
create table mq_referral (
    referral        varchar(64) not null,
    person_no       integer     not null,
    programme       varchar(40),
    programme_title varchar(200),
    level           varchar(8),
    reason          varchar(40),
    reason_title    varchar(200),
    division_code   varchar(12),
    id_number       varchar(18),
    name            varchar(200),
    phone           varchar(40),
    address         varchar(500),
    issued_on       date,
    due_on          date,
    constraint mq_referral_pk primary key (referral, person_no)
);

create table mq_identity_list (
    list_month       varchar(7)  not null,
    entry_no         integer     not null,
    id_number        varchar(18),
    name             varchar(200),
    assistance_class varchar(60),
    division_code    varchar(12),
    valid_from       date,
    valid_to         date,
    constraint mq_identity_list_pk primary key (list_month, entry_no)
);

-- The adapter's account: it reads what the bureau sends, adds what the bureau gets, changes and deletes nothing.
-- create role minqing_exchange login password '…';
grant select on mq_batch, mq_receipt, mq_feedback to minqing_exchange;
grant select, insert on mq_batch_result, mq_row_result, mq_referral, mq_identity_list to minqing_exchange;
