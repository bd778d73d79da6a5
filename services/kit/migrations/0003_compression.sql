-- Events and kept answers reach tens of kilobytes. lz4 packs them in a third of the time of the compression by default;
-- what is there already stays as it is.
alter table outbox alter column payload set compression lz4;
alter table idempotency alter column response set compression lz4;
