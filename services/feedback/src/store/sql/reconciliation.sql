with issued as (
    select r.bureau, r.programme, to_char(r.issued_on, 'YYYY-MM') as month, count(*) as referrals,
           count(r.signed_on) as receipts
    from feedback.referral as r
    where ($1::text is null or r.bureau = $1) and ($2::date is null or r.issued_on >= $2)
      and ($3::date is null or r.issued_on < $3)
    group by r.bureau, r.programme, to_char(r.issued_on, 'YYYY-MM')
),
booked as (
    select f.bureau, f.programme, to_char(coalesce(f.paid_on, f.handled_on), 'YYYY-MM') as month, f.record_no,
           f.decision, f.amount_fen, concat_ws(e'\t', f.record_no, f.amount_fen, f.decision) as content
    from feedback.record as f
    where f.superseded_by is null and ($1::text is null or f.bureau = $1)
      and ($2::date is null or coalesce(f.paid_on, f.handled_on) >= $2)
      and ($3::date is null or coalesce(f.paid_on, f.handled_on) < $3)
),
recorded as (
    select b.bureau, b.programme, b.month, count(*) as feedback,
           count(*) filter (where b.decision = 'granted') as granted,
           coalesce(sum(b.amount_fen) filter (where b.decision = 'granted'), 0)::bigint as amount_fen,
           string_agg(b.record_no, e'\n' order by b.record_no collate "C") as numbers,
           string_agg(b.content, e'\n' order by b.record_no collate "C") as contents
    from booked as b
    group by b.bureau, b.programme, b.month
)
select bureau, programme, month, coalesce(i.referrals, 0) as referrals, coalesce(i.receipts, 0) as receipts,
       coalesce(c.feedback, 0) as feedback, coalesce(c.granted, 0) as granted,
       coalesce(c.amount_fen, 0) as amount_fen,
       encode(sha256(convert_to(coalesce(c.numbers, ''), 'UTF8')), 'hex') as digest,
       encode(sha256(convert_to(coalesce(c.contents, ''), 'UTF8')), 'hex') as content_digest
from issued as i
full join recorded as c using (bureau, programme, month)
order by bureau, programme, month
