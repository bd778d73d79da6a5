-- 库表交换 database table exchange, MySQL 8 and MariaDB 10.6 or later. Run by the bureau's DBA in a database of the bureau's own, before the
-- tables of the datasets. Nothing is read before ready_at is set: insert a batch's rows and its control row in one
-- transaction, or the control row last. A corrected batch takes a new number.

create table mq_batch (
    batch_no  varchar(64) not null,
    -- a dataset by name or Chinese title, 'receipt', 'feedback', 'withdrawal', 'ledger' or
    -- 'verification_answer'
    dataset   varchar(64) not null,
    -- county code, data date and snapshot or changes; empty for those five
    county    varchar(40),
    as_of     date,
    mode      varchar(20),
    row_count integer     not null,
    ready_at  datetime,
    constraint mq_batch_pk primary key (batch_no)
) default character set utf8mb4 collate utf8mb4_bin;

-- A feed needs no control rows: its table or view carries mq_county, and an mq_seq that grows with every change. This row
-- says for one dataset and county up to which mq_seq the rows are final (none at or below it will appear, change or go
-- any more) and of which day they are. The adapter takes what lies beyond the last mark, as a batch of changes.
create table mq_feed (
    dataset     varchar(64) not null,
    county      varchar(12) not null,
    as_of       date        not null,
    settled_seq bigint      not null,
    constraint mq_feed_pk primary key (dataset, county)
) default character set utf8mb4 collate utf8mb4_bin;

-- What became of a batch: outcome taken or refused; number of a feed's batch: dataset.county.as_of.settled_seq. To have a
-- refused batch tried again under its number, delete its row here.
create table mq_batch_result (
    batch_no    varchar(64) not null,
    outcome     varchar(8)  not null,
    batch       varchar(64),
    sent        integer,
    accepted    integer,
    refused     integer,
    changed     integer,
    reason      varchar(64),
    column_name varchar(400),
    message_zh  text,
    message     text,
    -- of the accepted, rows taken as a person's by an operator's decision although number or name is at fault: correct
    -- them at the source
    linked      integer,
    finished_at datetime    not null,
    constraint mq_batch_result_pk primary key (batch_no)
) default character set utf8mb4 collate utf8mb4_bin;

-- One refused row: its place in the batch, its mq_seq, where, why. Never the value. What a ledger lacks stands behind
-- its last row, without mq_seq.
create table mq_row_result (
    batch_no    varchar(64) not null,
    row_no      integer     not null,
    mq_seq      bigint,
    column_name varchar(400),
    reason      varchar(64) not null,
    message_zh  text        not null,
    message     text        not null,
    constraint mq_row_result_pk primary key (batch_no, row_no)
) default character set utf8mb4 collate utf8mb4_bin;

-- Signed receipts, canonical JSON, checked by `minqing receipt verify`: one for a batch of rows, one for each referral
-- signed for. subject: batches/… or referrals/….
create table mq_signed_receipt (
    batch_no varchar(64) not null,
    subject  varchar(64) not null,
    receipt  text        not null,
    constraint mq_signed_receipt_pk primary key (batch_no, subject)
) default character set utf8mb4 collate utf8mb4_bin;

-- Referrals the bureau signs for.
create table mq_receipt (
    mq_seq      bigint      not null,
    mq_batch_no varchar(64) not null,
    referral    varchar(100),
    operator    varchar(100),
    constraint mq_receipt_pk primary key (mq_batch_no, mq_seq)
) default character set utf8mb4 collate utf8mb4_bin;

-- What the bureau did.
create table mq_feedback (
    mq_seq        bigint      not null,
    mq_batch_no   varchar(64) not null,
    record_no     varchar(100),
    referral      varchar(100),
    id_number     varchar(40),
    programme     varchar(64),
    decision      varchar(64),
    reason_code   varchar(64),
    legal_basis   varchar(400),
    amount_fen    bigint,
    service_count integer,
    period_from   date,
    period_to     date,
    paid_on       date,
    deferred_to   date,
    handled_on    date,
    supersedes    varchar(100),
    evidence_digest varchar(64),
    constraint mq_feedback_pk primary key (mq_batch_no, mq_seq)
) default character set utf8mb4 collate utf8mb4_bin;

-- Batches the bureau takes back: by number or batches/…, why, who.
create table mq_withdrawal (
    mq_seq      bigint      not null,
    mq_batch_no varchar(64) not null,
    batch       varchar(100),
    reason      varchar(400),
    operator    varchar(100),
    constraint mq_withdrawal_pk primary key (mq_batch_no, mq_seq)
) default character set utf8mb4 collate utf8mb4_bin;

-- The bureau's own ledger of whole months, a row for each record in force; mq_row_result tells where the mesh differs.
create table mq_ledger (
    mq_seq      bigint      not null,
    mq_batch_no varchar(64) not null,
    month       varchar(20),
    programme   varchar(64),
    record_no   varchar(100),
    decision    varchar(64),
    amount_fen  bigint,
    constraint mq_ledger_pk primary key (mq_batch_no, mq_seq)
) default character set utf8mb4 collate utf8mb4_bin;

-- What the bureau answers to verifications, a row for each person and dataset: outcome found 有记录, nothing_found 无记录 or
-- cannot 无法核对. Found: batch_no of the dataset's batch, sent before; cannot: reason_code.
create table mq_verification_answer (
    mq_seq       bigint      not null,
    mq_batch_no  varchar(64) not null,
    verification varchar(100),
    id_number    varchar(40),
    dataset      varchar(100),
    outcome      varchar(64),
    batch_no     varchar(100),
    reason_code  varchar(100),
    constraint mq_verification_answer_pk primary key (mq_batch_no, mq_seq)
) default character set utf8mb4 collate utf8mb4_bin;

-- Referrals for the bureau, a row for each person; it keeps or deletes them as its own rules say.
create table mq_referral (
    referral        varchar(64) not null,
    person_no       integer     not null,
    programme       varchar(100),
    programme_title varchar(200),
    level           varchar(8),
    reason          varchar(100),
    reason_title    varchar(200),
    division_code   varchar(12),
    id_number       varchar(18),
    name            varchar(200),
    phone           varchar(100),
    address         varchar(1000),
    issued_on       date,
    due_on          date,
    constraint mq_referral_pk primary key (referral, person_no)
) default character set utf8mb4 collate utf8mb4_bin;

-- Referrals taken back after they were written: the data behind them were withdrawn, nothing is to be done.
create table mq_referral_withdrawn (
    referral     varchar(64) not null,
    programme    varchar(100),
    withdrawn_on date,
    constraint mq_referral_withdrawn_pk primary key (referral)
) default character set utf8mb4 collate utf8mb4_bin;

-- Verification requests (核对), a row for each person and dataset asked for, on the person's authorisation.
create table mq_verification (
    verification     varchar(64) not null,
    item_no          integer     not null,
    type_title       varchar(100),
    id_number        varchar(18),
    name             varchar(200),
    authorisation    varchar(64),
    dataset          varchar(64),
    authorised_until date,
    requested_on     date,
    due_on           date,
    constraint mq_verification_pk primary key (verification, item_no)
) default character set utf8mb4 collate utf8mb4_bin;

-- Verifications called off after they were written: nothing may be looked up for them any more.
create table mq_verification_withdrawn (
    verification varchar(64) not null,
    withdrawn_on date,
    constraint mq_verification_withdrawn_pk primary key (verification)
) default character set utf8mb4 collate utf8mb4_bin;

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
) default character set utf8mb4 collate utf8mb4_bin;

-- The adapter's account: it reads what the bureau sends, adds what the bureau gets, changes and deletes nothing. Make it
-- first, with a password of your own and over TLS, and let the firewall admit the adapter's address only:
--   create user minqing_exchange identified by '…' require ssl;
-- A view that calls functions needs execute on them, too, or MariaDB does not show it.
grant select on mq_batch to minqing_exchange;
grant select on mq_feed to minqing_exchange;
grant select on mq_receipt to minqing_exchange;
grant select on mq_feedback to minqing_exchange;
grant select on mq_withdrawal to minqing_exchange;
grant select on mq_ledger to minqing_exchange;
grant select on mq_verification_answer to minqing_exchange;
grant select, insert on mq_batch_result to minqing_exchange;
grant select, insert on mq_row_result to minqing_exchange;
grant select, insert on mq_signed_receipt to minqing_exchange;
grant select, insert on mq_referral to minqing_exchange;
grant select, insert on mq_referral_withdrawn to minqing_exchange;
grant select, insert on mq_verification to minqing_exchange;
grant select, insert on mq_verification_withdrawn to minqing_exchange;
grant select, insert on mq_identity_list to minqing_exchange;
