-- Rules read what was found of a household's warnings.

create index verdict_household on monitoring.verdict (household_id);
