//! Expressions of a pack: SQL text in, checked SQL text out. Nothing of the input reaches the output but what the
//! whitelist in `compile` writes anew, so a pack can read its listed names and do arithmetic, and nothing else.
//!
//! Stricter than PostgreSQL in three places, because unknown is not no: aggregates, `greatest`, `least` and `case`
//! answer unknown when an input that decides them is unknown, where PostgreSQL would skip it.

mod compile;
mod function;
mod operator;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use sqlparser::{dialect::PostgreSqlDialect, parser::Parser, tokenizer::Token};

use crate::{
    error::{Fault, did_you_mean},
    kind::Kind,
};

/// Longest expression taken, and longest SQL made of one.
const TEXT_LIMIT: usize = 4_000;
const SQL_LIMIT: usize = 64_000;
const DEPTH_LIMIT: usize = 40;

/// What a name stands for.
#[derive(Debug, Clone)]
pub(crate) struct Slot {
    pub sql: String,
    pub kind: Kind,
    /// Unit as the pack declares it; empty when it declares none.
    pub unit: String,
    /// Differs between the rows an aggregate runs over.
    pub row: bool,
}

impl Slot {
    pub(crate) fn new(sql: String, kind: Kind) -> Self {
        Self { sql, kind, unit: String::new(), row: false }
    }

    pub(crate) fn in_unit(mut self, unit: &str) -> Self {
        unit.clone_into(&mut self.unit);
        self
    }

    pub(crate) fn of_rows(mut self) -> Self {
        self.row = true;
        self
    }
}

/// Names an expression may use, and the form it must have.
#[derive(Debug, Clone, Default)]
pub(crate) struct Env {
    pub names: Arc<BTreeMap<String, Slot>>,
    /// SQL of the business date.
    pub as_of: String,
    /// The expression is an aggregate over rows; `row` names stand only inside aggregate functions.
    pub aggregate: bool,
    /// Condition on the rows an aggregate counts.
    pub filter: Option<String>,
}

/// A checked expression.
#[derive(Debug, Clone)]
pub(crate) struct Compiled {
    pub sql: String,
    pub kind: Option<Kind>,
    /// May be unknown.
    pub nullable: bool,
    /// May have digits after the point, so it must be rounded before it is kept.
    pub fraction: bool,
    /// Names used.
    pub uses: BTreeSet<String>,
}

/// Type of a part: known, or still open because only literals stand there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ty {
    Known(Kind),
    /// Number without a unit yet: takes the unit of what it meets.
    Number,
    /// The literal null.
    Null,
}

/// A checked part of an expression.
#[derive(Debug, Clone)]
struct Node {
    sql: String,
    ty: Ty,
    nullable: bool,
    fraction: bool,
    /// A name that differs between rows stands outside an aggregate.
    row: bool,
    /// Holds an aggregate.
    aggregate: bool,
    /// Divisor that cannot be zero.
    nonzero: bool,
    /// Unit, while no multiplication has changed it.
    unit: Option<String>,
    /// Quotient that nothing has rounded yet: PostgreSQL keeps some sixteen digits of it.
    quotient: bool,
}

impl Node {
    fn new(sql: String, ty: Ty) -> Self {
        Self {
            sql,
            ty,
            nullable: false,
            fraction: false,
            row: false,
            aggregate: false,
            nonzero: false,
            unit: None,
            quotient: false,
        }
    }

    /// Marks of every part the node is made of.
    fn over(mut self, parts: &[&Node]) -> Self {
        self.nullable |= parts.iter().any(|part| part.nullable);
        self.row |= parts.iter().any(|part| part.row);
        self.aggregate |= parts.iter().any(|part| part.aggregate);
        self.quotient |= parts.iter().any(|part| part.quotient);
        self
    }

    /// Of a unit, where one is known.
    fn in_unit(mut self, unit: Option<String>) -> Self {
        self.unit = unit;
        self
    }

    fn kind_name(&self) -> &'static str {
        match self.ty {
            Ty::Known(kind) => kind.name(),
            Ty::Number => "number",
            Ty::Null => "null",
        }
    }

    fn kind_zh(&self) -> &'static str {
        match self.ty {
            Ty::Known(kind) => kind.title_zh(),
            Ty::Number => "数字",
            Ty::Null => "空值",
        }
    }
}

/// Checks `text` against the whitelist and `env` and renders it.
pub(crate) fn compile(text: &str, env: &Env) -> Result<Compiled, Fault> {
    if text.len() > TEXT_LIMIT {
        return Err(Fault::new(
            format!("the expression is longer than {TEXT_LIMIT} bytes"),
            format!("表达式超过{TEXT_LIMIT}字节"),
        )
        .hint("name parts of it as facts"));
    }
    compile_part(&parse(text)?, env)
}

/// As [`compile`], of an expression or a part of one that is parsed already.
pub(crate) fn compile_part(expr: &sqlparser::ast::Expr, env: &Env) -> Result<Compiled, Fault> {
    let mut compiler = compile::Compiler { env, uses: BTreeSet::new() };
    let node = compiler.node(expr, 0)?;
    if env.aggregate && node.row {
        return Err(Fault::new("a row's column stands outside an aggregate function", "行字段出现在聚合函数之外")
            .hint("wrap it in bool_or, bool_and, sum, min, max, count_if or newest"));
    }
    if node.sql.len() > SQL_LIMIT {
        return Err(Fault::new("the expression grows too large", "表达式展开后过大").hint("name parts of it as facts"));
    }
    let kind = match node.ty {
        Ty::Known(kind) => Some(kind),
        Ty::Number | Ty::Null => None,
    };
    Ok(Compiled { sql: node.sql, kind, nullable: node.nullable, fraction: node.fraction, uses: compiler.uses })
}

/// Compiles an expression that must be a yes-or-no question.
pub(crate) fn compile_boolean(text: &str, env: &Env) -> Result<Compiled, Fault> {
    let compiled = compile(text, env)?;
    if compiled.kind == Some(Kind::Boolean) {
        return Ok(compiled);
    }
    let kind = compiled.kind.map_or("a bare literal", Kind::name);
    Err(Fault::new(format!("a condition must be boolean, this is {kind}"), "条件必须是“是否”类型")
        .hint("compare it with something"))
}

/// Compiles an expression whose value is kept as `wanted`.
pub(crate) fn compile_as(text: &str, env: &Env, wanted: Kind) -> Result<Compiled, Fault> {
    let mut compiled = compile(text, env)?;
    let fits = match compiled.kind {
        Some(kind) => kind == wanted,
        None => matches!(wanted, Kind::Integer | Kind::Money),
    };
    if !fits {
        let found = compiled.kind.map_or("a number", Kind::name);
        return Err(Fault::new(
            format!("the expression is {found}, but {wanted} is declared"),
            format!("表达式类型与声明的“{}”不符", wanted.title_zh()),
        ));
    }
    if compiled.fraction {
        return Err(Fault::new(
            "the value may have a fraction and nothing says how it is rounded",
            "数值可能带小数，未规定取整方式",
        )
        .hint("wrap it in ceil, floor or round; whole yuan: ceil(x / 100) * 100"));
    }
    compiled.sql = format!("({})::{}", compiled.sql, wanted.sql_type());
    Ok(compiled)
}

pub(crate) fn parse(text: &str) -> Result<sqlparser::ast::Expr, Fault> {
    let fault = |error: sqlparser::parser::ParserError| {
        Fault::new(format!("not a valid expression: {error}"), "表达式语法错误")
    };
    let dialect = PostgreSqlDialect {};
    let mut parser = Parser::new(&dialect).with_recursion_limit(DEPTH_LIMIT).try_with_sql(text).map_err(fault)?;
    let expr = parser.parse_expr().map_err(fault)?;
    let rest = parser.peek_token();
    if rest.token != Token::EOF {
        return Err(Fault::new(
            format!("the expression ends before `{}`", rest.token),
            format!("表达式在“{}”之前已结束", rest.token),
        )
        .hint("one expression only; no `;`, no second statement"));
    }
    Ok(expr)
}

/// Fault for a name the expression may not use.
fn unknown_name(name: &str, env: &Env) -> Fault {
    let known = env.names.keys().map(String::as_str).chain(["as_of"]);
    let hint = did_you_mean(name, known)
        .unwrap_or_else(|| "names are the source's columns, facts of the same level, parameters and as_of".to_owned());
    Fault::new(format!("unknown name `{name}`"), format!("未知名称“{name}”")).hint(hint)
}
