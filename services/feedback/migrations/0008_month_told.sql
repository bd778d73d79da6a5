-- The business date on which a month that is over was first told as compared; from then on its differences are told.
alter table feedback.book_month add column told_on date;

create index difference_by_month on feedback.difference (month, bureau, record_no);
