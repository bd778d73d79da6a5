-- Exchange tables bring withdrawals (撤回), files and tables bring ledgers (台账).
alter table file drop constraint file_kind_known;
alter table file add constraint file_kind_known
    check (kind in ('batch', 'receipt', 'feedback', 'withdrawal', 'ledger', 'identity_list', 'archive', 'unknown'));
alter table table_batch drop constraint table_batch_kind_known;
alter table table_batch add constraint table_batch_kind_known
    check (kind in ('batch', 'receipt', 'feedback', 'withdrawal', 'ledger', 'unknown'));
