-- How far the daily pass over deadlines has come: every effect of a day up to this one is written.
create table dispatch.deadline_pass (
    only_row boolean not null,
    through_on date not null,
    constraint deadline_pass_pkey primary key (only_row),
    constraint deadline_pass_one_row check (only_row)
);
