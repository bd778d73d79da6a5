with issued as (
    select r.bureau, r.programme, to_char(r.issued_on, 'YYYY-MM') as month, count(*) as referrals,
           count(r.signed_on) as receipts
    from feedback.referral as r
    where ($1::text is null or r.bureau = $1) and ($2::date is null or r.issued_on >= $2)
      and ($3::date is null or r.issued_on < $3)
    group by r.bureau, r.programme, to_char(r.issued_on, 'YYYY-MM')
),
recorded as (
    select f.bureau, f.programme, to_char(f.handled_on, 'YYYY-MM') as month, count(*) as feedback,
           count(*) filter (where f.decision = 'granted') as granted,
           coalesce(sum(f.amount_fen) filter (where f.decision = 'granted'), 0)::bigint as amount_fen,
           string_agg(f.record_no, e'\n' order by f.record_no collate "C") as numbers
    from feedback.record as f
    where f.superseded_by is null and ($1::text is null or f.bureau = $1)
      and ($2::date is null or f.handled_on >= $2) and ($3::date is null or f.handled_on < $3)
    group by f.bureau, f.programme, to_char(f.handled_on, 'YYYY-MM')
)
select bureau, programme, month, coalesce(i.referrals, 0) as referrals, coalesce(i.receipts, 0) as receipts,
       coalesce(c.feedback, 0) as feedback, coalesce(c.granted, 0) as granted,
       coalesce(c.amount_fen, 0) as amount_fen,
       encode(sha256(convert_to(coalesce(c.numbers, ''), 'UTF8')), 'hex') as digest
from issued as i
full join recorded as c using (bureau, programme, month)
order by bureau, programme, month
