//! The pack's expressions in other engines' languages, so that anchors judge by the same rules whatever the pack says. Those
//! languages know no "unknown": each expression becomes two texts, its value and whether it is known, folded where that
//! never varies. A form that is not named here is an error, and the rule stays out of the comparison.

use std::collections::BTreeSet;

use anyhow::{Context as _, bail, ensure};
use chrono::NaiveDate;
use sqlparser::{
    ast::{
        BinaryOperator, CaseWhen, CastKind, CeilFloorKind, DataType, DateTimeField, Expr, Function, FunctionArg,
        FunctionArgExpr, FunctionArguments, InTarget, UnaryOperator, Value,
    },
    dialect::PostgreSqlDialect,
    parser::Parser,
};

/// An anchor's language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// Numpy, for OpenFisca.
    Python,
    /// Common Expression Language.
    Cel,
    /// Of the ZEN engine.
    Zen,
}

/// An expression in another language. A boolean that is not known has the value false.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    pub value: String,
    /// Whether it is known; [`Language::yes`] or [`Language::no`] when that never varies.
    pub known: String,
}

/// What a name is to the anchor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Name {
    Parameter,
    /// A fact that is always known, never, or now and then.
    Always,
    Never {
        boolean: bool,
    },
    Sometimes,
}

pub fn parse(text: &str) -> anyhow::Result<Expr> {
    let mut parser = Parser::new(&PostgreSqlDialect {}).with_recursion_limit(60).try_with_sql(text)?;
    parser.parse_expr().with_context(|| format!("cannot read `{text}`"))
}

/// Shows every part of an expression of a pack.
pub fn walk<'a>(expr: &'a Expr, see: &mut impl FnMut(&'a Expr)) {
    see(expr);
    let mut inner: Vec<&Expr> = Vec::new();
    match expr {
        Expr::Nested(one) | Expr::IsNull(one) | Expr::IsNotNull(one) => inner.push(one),
        Expr::UnaryOp { expr, .. }
        | Expr::Cast { expr, .. }
        | Expr::Extract { expr, .. }
        | Expr::Ceil { expr, .. }
        | Expr::Floor { expr, .. } => inner.push(expr),
        Expr::BinaryOp { left, right, .. } => inner.extend([left.as_ref(), right]),
        Expr::IsDistinctFrom(a, b) | Expr::IsNotDistinctFrom(a, b) => inner.extend([a.as_ref(), b]),
        Expr::Between { expr, low, high, .. } => inner.extend([expr.as_ref(), low, high]),
        Expr::In { expr, target: InTarget::List(list), .. } => inner.extend(std::iter::once(expr.as_ref()).chain(list)),
        Expr::Case { conditions, else_result, .. } => {
            inner.extend(conditions.iter().flat_map(|branch| [&branch.condition, &branch.result]));
            inner.extend(else_result.as_deref());
        }
        Expr::Function(call) => inner.extend(arguments(call).unwrap_or_default()),
        _ => {}
    }
    for part in inner {
        walk(part, see);
    }
}

/// Names an expression uses.
pub fn names(expr: &Expr) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    walk(expr, &mut |part| {
        if let Expr::Identifier(ident) = part {
            found.insert(ident.value.to_lowercase());
        }
    });
    found
}

/// Days since 2000-01-01, as PostgreSQL sends dates.
pub fn days(date: NaiveDate) -> i64 {
    (date - NaiveDate::from_ymd_opt(2000, 1, 1).unwrap_or_default()).num_days()
}

/// An aggregate over members: its name and what it runs over; count(*) runs over nothing.
pub fn aggregate(expr: &Expr) -> anyhow::Result<(String, Option<&Expr>)> {
    let Expr::Function(call) = expr else { bail!("`{expr}` is no aggregate") };
    let name = call.name.to_string().to_lowercase();
    ensure!(["count", "count_if", "bool_or", "bool_and", "sum", "max", "min"].contains(&name.as_str()), "no {name}");
    ensure!(!call.to_string().to_lowercase().contains("distinct"), "distinct in `{call}`");
    match arguments(call)?.as_slice() {
        [] => Ok((name, None)),
        [one] => Ok((name, Some(*one))),
        _ => bail!("{name} with more than one argument"),
    }
}

fn arguments(call: &Function) -> anyhow::Result<Vec<&Expr>> {
    let FunctionArguments::List(list) = &call.args else { bail!("`{call}`") };
    let mut found = Vec::new();
    for argument in &list.args {
        match argument {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => found.push(expr),
            FunctionArg::Unnamed(FunctionArgExpr::Wildcard) => {}
            _ => bail!("`{call}`"),
        }
    }
    Ok(found)
}

/// Writes expressions in a language; `look` says what a name is.
pub struct Translator<'a> {
    pub language: Language,
    pub today: NaiveDate,
    pub look: &'a dyn Fn(&str) -> Option<Name>,
}

impl Translator<'_> {
    pub fn told(&self, expr: &Expr) -> anyhow::Result<Told> {
        match expr {
            Expr::Nested(inner) => self.told(inner),
            Expr::Identifier(ident) => self.name(&ident.value.to_lowercase()),
            Expr::Value(value) => self.literal(&value.value),
            Expr::UnaryOp { op: UnaryOperator::Not, expr } => {
                let inner = self.told(expr)?;
                let value = self.both(&inner.known, &self.negated(&inner.value));
                Ok(Told { value, known: inner.known })
            }
            Expr::UnaryOp { op: UnaryOperator::Minus, expr } => {
                let inner = self.told(expr)?;
                Ok(Told { value: format!("(-{})", inner.value), known: inner.known })
            }
            Expr::BinaryOp { left, op, right } => self.binary(left, op, right),
            Expr::IsNull(inner) => Ok(self.sure(self.negated(&self.told(inner)?.known))),
            Expr::IsNotNull(inner) => Ok(self.sure(self.told(inner)?.known)),
            Expr::Between { expr, negated, low, high } => {
                let (value, low, high) = (self.told(expr)?, self.told(low)?, self.told(high)?);
                let within =
                    self.logical(&self.compared(&value, ">=", &low), true, &self.compared(&value, "<=", &high));
                Ok(if *negated { self.denied(&within) } else { within })
            }
            Expr::In { expr, target: InTarget::List(list), negated, .. } => {
                let value = self.told(expr)?;
                let mut any = self.sure(self.no().to_owned());
                for item in list {
                    any = self.logical(&any, false, &self.compared(&value, self.equal(), &self.told(item)?));
                }
                Ok(if *negated { self.denied(&any) } else { any })
            }
            Expr::Case { operand: None, conditions, else_result: Some(other), .. } => self.case(conditions, other),
            Expr::Cast { kind: CastKind::DoubleColon, expr, data_type, .. } => self.cast(expr, data_type),
            Expr::Ceil { expr, field: CeilFloorKind::DateTimeField(DateTimeField::NoDateTime) } => {
                let inner = self.told(expr)?;
                Ok(Told { value: format!("ceil({})", inner.value), known: inner.known })
            }
            Expr::Floor { expr, field: CeilFloorKind::DateTimeField(DateTimeField::NoDateTime) } => {
                let inner = self.told(expr)?;
                Ok(Told { value: format!("floor({})", inner.value), known: inner.known })
            }
            Expr::Function(call) => self.function(call),
            other => bail!("`{other}` has no counterpart"),
        }
    }

    pub fn yes(&self) -> &'static str {
        if self.language == Language::Python { "True" } else { "true" }
    }

    pub fn no(&self) -> &'static str {
        if self.language == Language::Python { "False" } else { "false" }
    }

    fn sure(&self, value: String) -> Told {
        Told { value, known: self.yes().to_owned() }
    }

    fn name(&self, name: &str) -> anyhow::Result<Told> {
        if name == "as_of" {
            return Ok(self.sure(self.number(&days(self.today).to_string())));
        }
        let value = match self.language {
            Language::Python => format!("v(\"{name}\")"),
            Language::Cel | Language::Zen => name.to_owned(),
        };
        let known = match self.language {
            Language::Python => format!("v(\"{name}__known\")"),
            Language::Cel | Language::Zen => format!("{name}__known"),
        };
        Ok(match (self.look)(name).with_context(|| format!("`{name}` has no counterpart"))? {
            Name::Parameter if self.language == Language::Python => self.sure(format!("p(\"{name}\")")),
            Name::Parameter | Name::Always => self.sure(value),
            Name::Never { boolean: true } => Told { value: self.no().to_owned(), known: self.no().to_owned() },
            Name::Never { boolean: false } => Told { value: self.number("0"), known: self.no().to_owned() },
            Name::Sometimes => Told { value, known },
        })
    }

    pub fn number(&self, text: &str) -> String {
        // CEL does not let whole numbers and fractions meet: every number is a fraction there.
        if self.language == Language::Cel && !text.contains('.') { format!("{text}.0") } else { text.to_owned() }
    }

    fn literal(&self, value: &Value) -> anyhow::Result<Told> {
        match value {
            Value::Number(text, _) => Ok(self.sure(self.number(text))),
            Value::Boolean(true) => Ok(self.sure(self.yes().to_owned())),
            Value::Boolean(false) => Ok(self.sure(self.no().to_owned())),
            other => bail!("the literal {other} has no counterpart"),
        }
    }

    fn cast(&self, expr: &Expr, to: &DataType) -> anyhow::Result<Told> {
        match (expr, to) {
            (Expr::Value(value), DataType::Date) => {
                let Value::SingleQuotedString(text) = &value.value else { bail!("the date {value}") };
                Ok(self.sure(self.number(&days(text.parse()?).to_string())))
            }
            (inner, DataType::BigInt(_) | DataType::Date) => self.told(inner),
            _ => bail!("a cast to {to} has no counterpart"),
        }
    }

    fn binary(&self, left: &Expr, op: &BinaryOperator, right: &Expr) -> anyhow::Result<Told> {
        let (a, b) = (self.told(left)?, self.told(right)?);
        Ok(match op {
            BinaryOperator::And => self.logical(&a, true, &b),
            BinaryOperator::Or => self.logical(&a, false, &b),
            BinaryOperator::Eq => self.compared(&a, self.equal(), &b),
            BinaryOperator::NotEq => self.compared(&a, "!=", &b),
            BinaryOperator::Lt | BinaryOperator::LtEq | BinaryOperator::Gt | BinaryOperator::GtEq => {
                self.compared(&a, &op.to_string(), &b)
            }
            BinaryOperator::Plus | BinaryOperator::Minus | BinaryOperator::Multiply | BinaryOperator::Divide => {
                Told { value: format!("({} {op} {})", a.value, b.value), known: self.both(&a.known, &b.known) }
            }
            _ => bail!("the operator {op} has no counterpart"),
        })
    }

    fn equal(&self) -> &'static str {
        "=="
    }

    fn compared(&self, a: &Told, op: &str, b: &Told) -> Told {
        let known = self.both(&a.known, &b.known);
        Told { value: self.both(&known, &format!("({} {op} {})", a.value, b.value)), known }
    }

    fn denied(&self, a: &Told) -> Told {
        Told { value: self.both(&a.known, &self.negated(&a.value)), known: a.known.clone() }
    }

    /// And, or: known when both are, or when one alone decides.
    pub fn logical(&self, a: &Told, and: bool, b: &Told) -> Told {
        let plain = self.both(&a.known, &b.known);
        if and {
            let decides = |one: &Told| self.both(&one.known, &self.negated(&one.value));
            let known = self.either(&plain, &self.either(&decides(a), &decides(b)));
            Told { value: self.both(&a.value, &b.value), known }
        } else {
            let value = self.either(&a.value, &b.value);
            Told { known: self.either(&plain, &value), value }
        }
    }

    /// Known or else the value that counts then.
    pub fn assumed(&self, a: &Told, otherwise: bool) -> Told {
        let value = if otherwise { self.either(&a.value, &self.negated(&a.known)) } else { a.value.clone() };
        self.sure(value)
    }

    fn choose(&self, which: &str, a: &str, b: &str) -> String {
        if which == self.yes() || a == b {
            return a.to_owned();
        }
        if which == self.no() {
            return b.to_owned();
        }
        match self.language {
            Language::Python => format!("where({which}, {a}, {b})"),
            Language::Cel | Language::Zen => format!("({which} ? {a} : {b})"),
        }
    }

    fn case(&self, branches: &[CaseWhen], other: &Expr) -> anyhow::Result<Told> {
        let mut rest = self.told(other)?;
        for branch in branches.iter().rev() {
            let (which, value) = (self.told(&branch.condition)?, self.told(&branch.result)?);
            let known = self.both(&which.known, &self.choose(&which.value, &value.known, &rest.known));
            rest = Told { value: self.choose(&which.value, &value.value, &rest.value), known };
        }
        Ok(rest)
    }

    fn function(&self, call: &Function) -> anyhow::Result<Told> {
        let name = call.name.to_string().to_lowercase();
        let mut parts = Vec::new();
        for argument in arguments(call)? {
            parts.push(self.told(argument)?);
        }
        match (name.as_str(), parts.as_slice()) {
            ("coalesce", [first @ .., last]) => Ok(first.iter().rev().fold(last.clone(), |rest, one| Told {
                value: self.choose(&one.known, &one.value, &rest.value),
                known: self.either(&one.known, &rest.known),
            })),
            ("greatest" | "least", [first, rest @ ..]) => {
                Ok(rest.iter().fold(first.clone(), |so_far, one| self.extreme(&name, &so_far, one)))
            }
            ("nullif", [a, b]) => {
                let same = self.compared(a, self.equal(), b).value;
                // The value stands in a divisor: something that is not nothing takes the place of the unknown.
                Ok(Told {
                    value: self.choose(&same, &self.number("1"), &a.value),
                    known: self.both(&a.known, &self.negated(&same)),
                })
            }
            ("abs" | "round", [one]) => Ok(Told { value: format!("{name}({})", one.value), known: one.known.clone() }),
            _ => bail!("the function {name} has no counterpart"),
        }
    }

    pub fn extreme(&self, name: &str, a: &Told, b: &Told) -> Told {
        let value = match self.language {
            Language::Python | Language::Cel => format!("{name}({}, {})", a.value, b.value),
            Language::Zen => {
                format!("{}([{}, {}])", if name == "greatest" { "max" } else { "min" }, a.value, b.value)
            }
        };
        Told { value, known: self.both(&a.known, &b.known) }
    }

    pub fn both(&self, a: &str, b: &str) -> String {
        if a == self.no() || b == self.no() {
            return self.no().to_owned();
        }
        if a == self.yes() || a == b {
            return b.to_owned();
        }
        if b == self.yes() {
            return a.to_owned();
        }
        format!(
            "({a} {} {b})",
            match self.language {
                Language::Python => "&",
                Language::Cel => "&&",
                Language::Zen => "and",
            }
        )
    }

    pub fn either(&self, a: &str, b: &str) -> String {
        if a == self.yes() || b == self.yes() {
            return self.yes().to_owned();
        }
        if a == self.no() || a == b {
            return b.to_owned();
        }
        if b == self.no() {
            return a.to_owned();
        }
        format!(
            "({a} {} {b})",
            match self.language {
                Language::Python => "|",
                Language::Cel => "||",
                Language::Zen => "or",
            }
        )
    }

    pub fn negated(&self, a: &str) -> String {
        if a == self.yes() {
            return self.no().to_owned();
        }
        if a == self.no() {
            return self.yes().to_owned();
        }
        match self.language {
            Language::Python => format!("(~{a})"),
            Language::Cel => format!("(!{a})"),
            Language::Zen => format!("(not {a})"),
        }
    }
}
