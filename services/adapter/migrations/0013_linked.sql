-- Rows of a batch whose number or name is at fault and which were taken as a person's by an operator's decision.
alter table batch add column linked_rows integer[] not null default '{}';
