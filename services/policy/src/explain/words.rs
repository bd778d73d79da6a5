//! An outcome in plain words, Chinese and English.

use std::fmt::Write as _;

use chrono::NaiveDate;
use minqing_proto::minqing::types::v1::{ConditionValue, MissingSource, NearestChange, ParameterValue, Truth};

use crate::{
    kind::Kind,
    model::{Confidence, Title},
    pack::Pack,
};

/// A rule's outcome with all it rests on.
#[derive(Debug, Clone, Copy)]
pub struct Judged<'a> {
    /// The pack.
    pub pack: &'a Pack,
    /// Rule in words.
    pub title: &'a Title,
    /// Law and article.
    pub citation: &'a str,
    /// Business date.
    pub on: NaiveDate,
    /// Outcome.
    pub verdict: Option<bool>,
    /// Amount in fen, and what it is for.
    pub amount: Option<(i64, &'a str)>,
    /// Conditions with their outcomes.
    pub conditions: &'a [ConditionValue],
    /// Parameters used.
    pub parameters: &'a [ParameterValue],
    /// What unknown conditions wait for.
    pub missing: &'a [MissingSource],
    /// What would turn the outcome.
    pub nearest: Option<&'a NearestChange>,
}

/// Words of one language.
struct Words {
    verdict: [&'static str; 3],
    marks: [&'static str; 3],
    by: fn(&str, NaiveDate) -> String,
    join: &'static str,
    amount: &'static str,
    waits: &'static str,
    from: &'static str,
    unsure: &'static str,
    turns: fn(&str, &str, &str) -> String,
    unknown: &'static str,
}

const ZH: Words = Words {
    verdict: ["符合", "不符合", "尚不能判定"],
    marks: ["是", "否", "未知"],
    by: |citation, on| format!("（依据{citation}，按{on}的数据和规定）"),
    join: "；",
    amount: "金额",
    waits: "待补充",
    from: "提供单位：",
    unsure: "以下标准尚待主管部门确认",
    turns: |title, value, needed| format!("若“{title}”由{value}变为{needed}，结果将改变。"),
    unknown: "未知",
};

const EN: Words = Words {
    verdict: ["met", "not met", "cannot be decided yet"],
    marks: ["yes", "no", "unknown"],
    by: |citation, on| format!(" ({citation}; data and rules of {on})"),
    join: "; ",
    amount: "amount",
    waits: "waiting for",
    from: "from ",
    unsure: "these values are still to be confirmed",
    turns: |title, value, needed| format!("The outcome would change if `{title}` were {needed} instead of {value}."),
    unknown: "unknown",
};

impl Judged<'_> {
    /// In Chinese.
    pub fn text(&self) -> String {
        self.write(&ZH, |title| &title.zh, |c| &c.title, |p| &p.title, |m| (&m.title, &m.supplier), |n| &n.title)
    }

    /// In English.
    pub fn text_en(&self) -> String {
        self.write(
            &EN,
            |title| &title.en,
            |c| &c.title_en,
            |p| &p.title_en,
            |m| (&m.title_en, &m.supplier_en),
            |n| &n.title_en,
        )
    }

    fn write(
        &self,
        words: &Words,
        title: fn(&Title) -> &str,
        condition: fn(&ConditionValue) -> &str,
        parameter: fn(&ParameterValue) -> &str,
        source: for<'m> fn(&'m MissingSource) -> (&'m str, &'m str),
        fact: fn(&NearestChange) -> &str,
    ) -> String {
        let verdict = words.verdict[place(self.verdict)];
        let mut text = format!("{}: {verdict}{}", title(self.title), (words.by)(self.citation, self.on));
        let conditions =
            self.conditions.iter().map(|c| format!("{} — {}", condition(c), words.marks[of_truth(c.value())]));
        let _ = write!(text, "\n{}", conditions.collect::<Vec<_>>().join(words.join));
        if let (Some((fen, unit)), Some(true)) = (self.amount, self.verdict) {
            let _ = write!(text, "\n{}: {}", words.amount, yuan(fen, unit));
        }
        if !self.missing.is_empty() {
            let list = self.missing.iter().map(source).map(|(what, who)| format!("{what} ({}{who})", words.from));
            let _ = write!(text, "\n{}: {}", words.waits, list.collect::<Vec<_>>().join(words.join));
        }
        let unsure: Vec<&str> = self.parameters.iter().filter(|p| is_unsure(p)).map(parameter).collect();
        if !unsure.is_empty() {
            let _ = write!(text, "\n{}: {}", words.unsure, unsure.join(words.join));
        }
        if let Some(change) = self.nearest {
            let shown = |value: &str| {
                if value.is_empty() { words.unknown.to_owned() } else { self.shown(&change.fact, value, words) }
            };
            let _ = write!(text, "\n{}", (words.turns)(fact(change), &shown(&change.value), &shown(&change.needed)));
        }
        text
    }

    fn shown(&self, fact: &str, value: &str, words: &Words) -> String {
        let fact = self.pack.fact(fact);
        match fact.map(|fact| fact.kind) {
            Some(Kind::Money) => {
                value.parse().map_or_else(|_| value.to_owned(), |fen| yuan(fen, fact.map_or("", |f| &f.unit)))
            }
            Some(Kind::Boolean) => words.marks[place(value.parse().ok())].to_owned(),
            _ => value.to_owned(),
        }
    }
}

fn place(value: Option<bool>) -> usize {
    match value {
        Some(true) => 0,
        Some(false) => 1,
        None => 2,
    }
}

fn of_truth(value: Truth) -> usize {
    match value {
        Truth::True => 0,
        Truth::False => 1,
        Truth::Unknown | Truth::Unspecified => 2,
    }
}

fn is_unsure(parameter: &ParameterValue) -> bool {
    Confidence::of(&parameter.confidence).is_some_and(|confidence| confidence >= Confidence::Unconfirmed)
}

/// `390.00 元/month` of 39000 fen/month.
fn yuan(fen: i64, unit: &str) -> String {
    let (sign, fen) = (if fen < 0 { "-" } else { "" }, fen.unsigned_abs());
    format!("{sign}{}.{:02} 元{}", fen / 100, fen % 100, unit.strip_prefix("fen").unwrap_or_default())
}
