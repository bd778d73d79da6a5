-- A date screened with one policy pack is screened again when another comes into use.

alter table monitoring.screening add column pack text not null default '';
comment on column monitoring.screening.pack is 'Content hash of the policy pack that through and last_household are of';
