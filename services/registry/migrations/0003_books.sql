-- The books sum a month's entries that stand for bureaus' records; class decisions have no record number.
create index chain_entry_by_book on registry.chain_entry (occurred_on, bureau, programme)
    where superseded_by is null and record_no <> '';
