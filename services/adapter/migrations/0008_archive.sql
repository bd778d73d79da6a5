-- A dropped ZIP is a file with a life of its own; its members are files as any others.
alter table file drop constraint file_kind_known;
alter table file add constraint file_kind_known
    check (kind in ('batch', 'receipt', 'feedback', 'withdrawal', 'identity_list', 'archive', 'unknown'));
