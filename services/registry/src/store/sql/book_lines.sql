with booked as (
    select e.bureau, e.programme, e.record_no, e.amount_fen, e.kind,
           concat_ws(e'\t', e.record_no, e.amount_fen,
                     case e.kind when 'aid' then 'granted' when 'refusal' then 'refused' else e.kind end) as content
    from registry.chain_entry as e
    where e.superseded_by is null and e.record_no <> '' and e.occurred_on >= $1 and e.occurred_on < $2
      and ($3::text is null or e.bureau = $3) and (e.bureau, e.programme) > ($4, $5)
)
select b.bureau, b.programme, count(*) as count,
       coalesce(sum(b.amount_fen) filter (where b.kind = 'aid'), 0)::bigint as amount_fen,
       encode(sha256(convert_to(string_agg(b.record_no, e'\n' order by b.record_no collate "C"), 'UTF8')), 'hex')
           as digest,
       encode(sha256(convert_to(string_agg(b.content, e'\n' order by b.record_no collate "C", b.content collate "C"),
                                'UTF8')), 'hex') as content_digest
from booked as b
group by b.bureau, b.programme
order by b.bureau, b.programme
limit $6
