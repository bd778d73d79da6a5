-- The number and the name as they came are kept for some days after a review was last decided, then deleted: keys, proofs,
-- decisions and links stay.
alter table registry.identity_review
    add column texts_deleted_on date,
    add constraint identity_review_texts_deleted
        check (texts_deleted_on is null or (number_sealed is null and name_sealed is null));
comment on column registry.identity_review.texts_deleted_on is 'Null while they are kept, or when none were';

create index identity_review_decided_with_texts on registry.identity_review (review_id)
    where state <> 'open' and (number_sealed is not null or name_sealed is not null);
