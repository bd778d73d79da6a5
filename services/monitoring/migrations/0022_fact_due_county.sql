-- Whose facts wait for which county: found by its index, however many households wait.

alter table monitoring.fact_due add column county_code text;
comment on column monitoring.fact_due.county_code is 'County of the household when it became due; they are told after the county is evaluated';
update monitoring.fact_due f set county_code = h.county_code from monitoring.household h where h.household_id = f.household_id;
delete from monitoring.fact_due where county_code is null;
alter table monitoring.fact_due alter column county_code set not null;
create index fact_due_county on monitoring.fact_due (county_code, household_id);
