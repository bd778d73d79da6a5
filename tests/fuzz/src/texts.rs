//! Single values: ID numbers, dates, numbers, codes, divisions, and names of files and resources.

use minqing_adapter::{
    files::{
        archive,
        name::{self, Kind},
        result,
    },
    row::{
        schema::code_key,
        text::{self, Scale},
    },
};
use minqing_kit::{
    call::Caller,
    id,
    keys::{IdNumber, Keyring},
    page,
};
use minqing_proto::minqing::types::v1::BatchMode;

use crate::{
    has_a_reason,
    rows::{SCHEMAS, choose},
};

/// An ID number: one person has one number, however it is typed.
pub fn id_number(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let Ok(id) = IdNumber::parse(&text) else { return };
    let whole = id.expose();
    assert!(whole.len() == 18 && whole[..17].bytes().all(|b| b.is_ascii_digit()), "18 characters");
    assert_eq!(id.birth_on().format("%Y%m%d").to_string(), whole[6..14]);
    let wide: String = whole.chars().map(|c| char::from_u32(c as u32 + 0xfee0).unwrap()).collect();
    for again in [whole.to_owned(), whole.to_lowercase(), format!(" {whole} "), wide] {
        assert!(IdNumber::parse(&again).as_ref() == Ok(&id));
    }
    // A number of another person in one place is no number: the check digit tells.
    let mut other = whole.as_bytes().to_vec();
    other[16] = b'0' + (other[16] - b'0' + 1) % 10;
    assert!(IdNumber::parse(std::str::from_utf8(&other).unwrap()).is_err());
}

/// Dates, months, numbers, yes and no, divisions and codes: what is read is written in one way, which reads as the same.
pub fn values(data: &[u8]) {
    let Some((schema, bytes)) = choose(data) else { return };
    let text = String::from_utf8_lossy(bytes);
    let trimmed = text::trim(&text);
    assert_eq!(text::trim(&trimmed), trimmed);
    assert_eq!(text::narrow(&text::narrow(&text)), text::narrow(&text));
    if let Some(date) = text::date(&text) {
        assert_eq!(text::date(&date.format("%Y-%m-%d").to_string()), Some(date));
        assert_eq!(text::month(&text), Some(date.format("%Y-%m").to_string()), "a date has its month");
    }
    if let Some(month) = text::month(&text) {
        assert_eq!(text::month(&month), Some(month));
    }
    for scale in [Scale::One, Scale::Yuan] {
        if let Some(number) = text::number(&text, scale) {
            let sign = if number < 0 { "-" } else { "" };
            let (whole, rest) = (number.unsigned_abs() / 100, number.unsigned_abs() % 100);
            let again = if scale == Scale::One { number.to_string() } else { format!("{sign}{whole}.{rest:02}") };
            assert_eq!(text::number(&again, scale), Some(number));
        }
    }
    if let Some(code) = text::division(&text) {
        assert_eq!(text::division(&format!("{code:012}")), Some(code));
    }
    let _ = (text::truth(&text), text::is_scientific(&text), text::has_unreadable(&text));
    let key = code_key(&text);
    assert_eq!(code_key(&key), key, "a code is looked up in one form");
    for column in &schema.columns {
        if let Some(standard) = column.codes.get(&key) {
            assert_eq!(column.codes.get(&code_key(standard)), Some(standard), "a standard code stands for itself");
        }
    }
    assert_eq!(schema.header(&text), schema.header(&trimmed));
}

/// Names of files, of resources, of callers, and page tokens.
pub fn names(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let title = |title: &str| SCHEMAS.iter().find(|s| s.dataset.title == title).map(|s| s.name().to_owned());
    match name::parse(&text, &title) {
        Err(refusal) => has_a_reason(&refusal),
        Ok((Kind::Batch(batch), _)) => {
            assert!(batch.mode != BatchMode::Unspecified);
            let rows = batch.row_count.map(|n| format!(" __ {n}")).unwrap_or_default();
            let mode = if batch.mode == BatchMode::Snapshot { "全量" } else { "changes" };
            let (dataset, division, as_of, no) = (&batch.dataset, &batch.division, &batch.as_of, &batch.batch_no);
            let again = name::parse(&format!("{dataset} __ {division} __ {as_of} __ {mode} __ {no}{rows}.csv"), &title);
            assert_eq!(again.unwrap().0, Kind::Batch(batch));
        }
        Ok(_) => (),
    }
    assert!(result::result_name(&text).len() <= 211 && result::receipt_name(&text).len() <= 213);
    let _ = archive::is_archive(&text);
    if let Ok(id) = id::parse_name("batches", &text, "name") {
        assert_eq!(id::name("batches", id), text);
    }
    if let Ok(caller) = Caller::parse(&text) {
        assert_eq!(Caller::parse(caller.as_str()).unwrap().as_str(), text);
    }
    if let Ok(page) = page::page(0, &text, "filter", 500) {
        let token = page.after.map(|key| page::next_token(&key, "filter")).unwrap_or_default();
        assert!(token.eq_ignore_ascii_case(&text), "only a token that was given out leads on");
    }
    if let Err(error) = Keyring::from_json(&text) {
        assert!(!format!("{error:#}").is_empty());
    }
}
