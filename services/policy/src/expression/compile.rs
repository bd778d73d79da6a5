//! The whitelist: every form of expression that passes, written anew. A form that is not named here is refused.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use sqlparser::ast::{
    BinaryOperator, CaseWhen, CastKind, CeilFloorKind, DataType, DateTimeField, Expr, Ident, InTarget, UnaryOperator,
    Value,
};

use super::{DEPTH_LIMIT, Env, Node, Ty, operator, unknown_name};
use crate::{error::Fault, kind::Kind};

pub(super) struct Compiler<'a> {
    pub env: &'a Env,
    pub uses: BTreeSet<String>,
}

impl Compiler<'_> {
    pub(super) fn node(&mut self, expr: &Expr, depth: usize) -> Result<Node, Fault> {
        if depth > DEPTH_LIMIT {
            return Err(
                Fault::new("the expression is nested too deeply", "表达式嵌套过深").hint("name parts of it as facts")
            );
        }
        let next = depth + 1;
        match expr {
            Expr::Identifier(ident) => self.name(ident),
            Expr::Value(value) => literal(&value.value),
            Expr::TypedString(typed) if typed.data_type == DataType::Date => match &typed.value.value {
                Value::SingleQuotedString(text) => date_literal(text),
                _ => Err(refused("this date literal")),
            },
            Expr::Nested(inner) => self.node(inner, next),
            Expr::UnaryOp { op, expr } => {
                let inner = self.node(expr, next)?;
                match op {
                    UnaryOperator::Not => operator::not(&inner),
                    UnaryOperator::Minus => operator::negative(&inner),
                    _ => Err(refused(&format!("the operator `{op}`"))),
                }
            }
            Expr::BinaryOp { left, op, right } => {
                let (left, right) = (self.node(left, next)?, self.node(right, next)?);
                binary(&left, op, &right)
            }
            Expr::IsNull(inner) => Ok(null_test(&self.node(inner, next)?, "is null")),
            Expr::IsNotNull(inner) => Ok(null_test(&self.node(inner, next)?, "is not null")),
            Expr::IsDistinctFrom(a, b) => self.distinct(a, b, ("is distinct from", next)),
            Expr::IsNotDistinctFrom(a, b) => self.distinct(a, b, ("is not distinct from", next)),
            Expr::Between { expr, negated, low, high } => {
                let (value, low, high) = (self.node(expr, next)?, self.node(low, next)?, self.node(high, next)?);
                operator::same(&value, &low)?;
                operator::same(&value, &high)?;
                let not = if *negated { "not " } else { "" };
                let sql = format!("({} {not}between {} and {})", value.sql, low.sql, high.sql);
                Ok(Node::new(sql, Ty::Known(Kind::Boolean)).over(&[&value, &low, &high]))
            }
            Expr::In { expr, target: InTarget::List(list), negated, global: false } => {
                self.in_list(expr, list, (*negated, next))
            }
            Expr::Case { operand: None, conditions, else_result, .. } => {
                self.case(conditions, else_result.as_deref(), next)
            }
            Expr::Cast { kind: CastKind::DoubleColon, expr, data_type, format: None } => {
                self.cast(expr, data_type, next)
            }
            Expr::Extract { field, expr, .. } => {
                let inner = self.node(expr, next)?;
                self.date_part(field, &inner)
            }
            Expr::Ceil { expr, field: CeilFloorKind::DateTimeField(DateTimeField::NoDateTime) } => {
                let inner = self.node(expr, next)?;
                operator::rounded("ceil", &inner)
            }
            Expr::Floor { expr, field: CeilFloorKind::DateTimeField(DateTimeField::NoDateTime) } => {
                let inner = self.node(expr, next)?;
                operator::rounded("floor", &inner)
            }
            Expr::Function(call) => self.function(call, next),
            Expr::Subquery(_) | Expr::Exists { .. } | Expr::In { .. } => {
                Err(refused("a subquery").hint("facts and parameters are already joined; name them"))
            }
            Expr::CompoundIdentifier(_) => {
                Err(refused(&format!("the qualified name `{expr}`")).hint("write the plain name"))
            }
            _ => Err(refused(&format!("`{}`", shortened(expr)))),
        }
    }

    fn name(&mut self, ident: &Ident) -> Result<Node, Fault> {
        if ident.quote_style.is_some() {
            return Err(
                refused(&format!("the quoted name `{}`", ident.value)).hint("text stands in single quotes: 'valid'")
            );
        }
        let name = ident.value.to_lowercase();
        if name == "as_of" {
            return Ok(Node::new(self.env.as_of.clone(), Ty::Known(Kind::Date)));
        }
        let slot = self.env.names.get(&name).ok_or_else(|| unknown_name(&name, self.env))?;
        self.uses.insert(name);
        let node = Node::new(slot.sql.clone(), Ty::Known(slot.kind));
        let unit = (!slot.unit.is_empty()).then(|| slot.unit.clone());
        Ok(Node { nullable: true, row: slot.row, unit, ..node })
    }

    fn distinct(&mut self, a: &Expr, b: &Expr, (word, depth): (&str, usize)) -> Result<Node, Fault> {
        let (a, b) = (self.node(a, depth)?, self.node(b, depth)?);
        operator::same(&a, &b)?;
        let node = Node::new(format!("({} {word} {})", a.sql, b.sql), Ty::Known(Kind::Boolean)).over(&[&a, &b]);
        Ok(Node { nullable: false, ..node })
    }

    fn in_list(&mut self, expr: &Expr, list: &[Expr], (negated, depth): (bool, usize)) -> Result<Node, Fault> {
        let value = self.node(expr, depth)?;
        let mut items = Vec::with_capacity(list.len());
        for item in list {
            let item = self.node(item, depth)?;
            operator::same(&value, &item)?;
            operator::exact(&value, &item)?;
            items.push(item);
        }
        let texts: Vec<&str> = items.iter().map(|item| item.sql.as_str()).collect();
        let not = if negated { "not " } else { "" };
        let sql = format!("({} {not}in ({}))", value.sql, texts.join(", "));
        let parts: Vec<&Node> = std::iter::once(&value).chain(&items).collect();
        Ok(Node::new(sql, Ty::Known(Kind::Boolean)).over(&parts))
    }

    /// An unknown branch condition makes the whole unknown: falling through to `else` would turn it into no.
    fn case(&mut self, branches: &[CaseWhen], other: Option<&Expr>, depth: usize) -> Result<Node, Fault> {
        let other = other.ok_or_else(|| Fault::new("this case has no else", "case 缺少 else"))?;
        let other = self.node(other, depth)?;
        let mut sql = String::from("case");
        let mut parts = Vec::new();
        let mut result = other.clone();
        for branch in branches {
            let condition = self.node(&branch.condition, depth)?;
            operator::boolean(&condition)?;
            let value = self.node(&branch.result, depth)?;
            result.ty = operator::same(&result, &value)?;
            result.unit = result.unit.or_else(|| value.unit.clone());
            result.fraction |= value.fraction;
            if condition.nullable {
                sql.push_str(&format!(" when ({}) is null then null", condition.sql));
            }
            sql.push_str(&format!(" when {} then {}", condition.sql, value.sql));
            parts.extend([condition, value]);
        }
        sql.push_str(&format!(" else {} end", other.sql));
        parts.push(other);
        if result.ty == Ty::Null {
            return Err(refused("a case of nothing but null"));
        }
        let all: Vec<&Node> = parts.iter().collect();
        Ok(Node { fraction: result.fraction, unit: result.unit, ..Node::new(format!("({sql})"), result.ty) }.over(&all))
    }

    fn cast(&mut self, expr: &Expr, to: &DataType, depth: usize) -> Result<Node, Fault> {
        // A literal is checked here, so that no text can fail a whole batch when the statement runs.
        if let (Expr::Value(value), DataType::Date) = (expr, to)
            && let Value::SingleQuotedString(text) = &value.value
        {
            return date_literal(text);
        }
        let inner = self.node(expr, depth)?;
        let kind = match (to, inner.ty) {
            (DataType::BigInt(None), Ty::Number | Ty::Known(Kind::Integer | Kind::Money | Kind::Ratio)) => {
                Kind::Integer
            }
            (DataType::Date, Ty::Known(Kind::Date)) => Kind::Date,
            (DataType::Text, Ty::Known(kind)) if kind != Kind::Ratio && !inner.fraction => Kind::Text,
            _ => {
                return Err(refused(&format!("the cast of {} to {to}", inner.kind_name()))
                    .hint("casts allowed: number to bigint, 'YYYY-MM-DD' to date, anything to text"));
            }
        };
        Ok(Node::new(format!("({})::{}", inner.sql, kind.sql_type()), Ty::Known(kind)).over(&[&inner]))
    }

    pub(super) fn date_part(&self, field: &DateTimeField, inner: &Node) -> Result<Node, Fault> {
        let part = match field {
            DateTimeField::Year => "year",
            DateTimeField::Month => "month",
            DateTimeField::Day => "day",
            _ => return Err(refused(&format!("the date part `{field}`")).hint("year, month or day")),
        };
        operator::expect(inner, Kind::Date)?;
        Ok(Node::new(format!("extract({part} from {})::bigint", inner.sql), Ty::Known(Kind::Integer)).over(&[inner]))
    }
}

fn binary(left: &Node, op: &BinaryOperator, right: &Node) -> Result<Node, Fault> {
    match op {
        BinaryOperator::And => operator::logical(left, "and", right),
        BinaryOperator::Or => operator::logical(left, "or", right),
        BinaryOperator::Eq => operator::compare(left, "=", right),
        BinaryOperator::NotEq => operator::compare(left, "<>", right),
        BinaryOperator::Lt => operator::compare(left, "<", right),
        BinaryOperator::LtEq => operator::compare(left, "<=", right),
        BinaryOperator::Gt => operator::compare(left, ">", right),
        BinaryOperator::GtEq => operator::compare(left, ">=", right),
        BinaryOperator::Plus => operator::add(left, "+", right),
        BinaryOperator::Minus => operator::add(left, "-", right),
        BinaryOperator::Multiply => operator::multiply(left, right),
        BinaryOperator::Divide => operator::divide(left, right),
        _ => Err(refused(&format!("the operator `{op}`"))),
    }
}

fn null_test(inner: &Node, word: &str) -> Node {
    let node = Node::new(format!("({} {word})", inner.sql), Ty::Known(Kind::Boolean)).over(&[inner]);
    Node { nullable: false, ..node }
}

fn literal(value: &Value) -> Result<Node, Fault> {
    match value {
        Value::Number(text, false) => number(text),
        Value::SingleQuotedString(text) => text_literal(text),
        Value::Boolean(value) => Ok(Node::new(value.to_string(), Ty::Known(Kind::Boolean))),
        Value::Null => Ok(Node { nullable: true, ..Node::new("null".to_owned(), Ty::Null) }),
        other => Err(refused(&format!("the literal `{other}`"))),
    }
}

fn number(text: &str) -> Result<Node, Fault> {
    let digits = text.chars().all(|c| c.is_ascii_digit() || c == '.');
    if !digits || text.len() > 15 {
        return Err(refused(&format!("the number `{text}`")).hint("at most 15 digits, no exponent"));
    }
    let fraction = text.contains('.');
    let nonzero = text.chars().any(|c| matches!(c, '1'..='9'));
    // Whole literals are bigint: PostgreSQL would compute with small ones as integer, and overflow.
    let sql = if fraction { text.to_owned() } else { format!("{text}::bigint") };
    Ok(Node { fraction, nonzero, ..Node::new(sql, Ty::Number) })
}

fn text_literal(text: &str) -> Result<Node, Fault> {
    if text.contains('\\') || text.chars().any(char::is_control) {
        return Err(refused("a text literal with a backslash or control character"));
    }
    Ok(Node::new(format!("'{}'::text", text.replace('\'', "''")), Ty::Known(Kind::Text)))
}

fn date_literal(text: &str) -> Result<Node, Fault> {
    let plain = text.len() == 10 && text.bytes().all(|b| b.is_ascii_digit() || b == b'-');
    let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().filter(|_| plain);
    let date =
        date.ok_or_else(|| Fault::new(format!("`{text}` is no date YYYY-MM-DD"), format!("“{text}”不是有效日期")))?;
    Ok(Node::new(format!("'{date}'::date"), Ty::Known(Kind::Date)))
}

/// Fault for a form that is not on the whitelist.
pub(super) fn refused(what: &str) -> Fault {
    Fault::new(format!("{what} is not allowed in a pack"), "政策包不允许此种写法")
}

fn shortened(expr: &Expr) -> String {
    expr.to_string().chars().take(60).collect()
}
