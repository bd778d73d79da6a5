-- Rows about a township concern every household there, found as they are asked for.

create index household_township on monitoring.household ((left(division_code, 9) || '000'), household_id);
