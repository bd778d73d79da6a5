-- A record belongs to the month of its payment, else of its decision, as in the register's chain of relief.
drop index feedback.record_bureau_handled;
create index record_booked on feedback.record ((coalesce(paid_on, handled_on)), bureau, programme);
