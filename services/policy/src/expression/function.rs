//! Functions a pack may call. Aggregates run over the rows that the fact's `where` lets through.

use sqlparser::ast::{DuplicateTreatment, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Value};

use super::{
    Node, Ty,
    compile::{Compiler, refused},
    operator,
};
use crate::{
    error::{Fault, did_you_mean},
    kind::Kind,
};

const AGGREGATES: [&str; 8] = ["bool_or", "bool_and", "sum", "min", "max", "count", "count_if", "newest"];
const SCALARS: [&str; 10] =
    ["coalesce", "nullif", "greatest", "least", "abs", "round", "full_years", "month_of", "year_of", "school_year_of"];

/// Arguments of a call after the general checks.
struct Arguments<'a> {
    list: Vec<&'a Expr>,
    star: bool,
    distinct: bool,
}

impl Compiler<'_> {
    pub(super) fn function(&mut self, call: &Function, depth: usize) -> Result<Node, Fault> {
        let name = call.name.to_string().to_lowercase();
        let arguments = arguments(call, &name)?;
        if AGGREGATES.contains(&name.as_str()) {
            return self.aggregate(&name, &arguments, depth);
        }
        if arguments.star || arguments.distinct {
            return Err(refused(&format!("`*` or distinct in {name}")));
        }
        if name == "date_part" {
            return self.date_part_function(&arguments, depth);
        }
        if !SCALARS.contains(&name.as_str()) {
            let known = AGGREGATES.into_iter().chain(SCALARS).chain(["ceil", "floor", "date_part"]);
            let hint = did_you_mean(&name, known.clone())
                .unwrap_or_else(|| format!("functions allowed: {}", known.collect::<Vec<_>>().join(", ")));
            return Err(refused(&format!("the function `{name}`")).hint(hint));
        }
        let mut nodes = Vec::with_capacity(arguments.list.len());
        for argument in &arguments.list {
            nodes.push(self.node(argument, depth)?);
        }
        scalar(&name, &nodes)
    }

    fn date_part_function(&mut self, arguments: &Arguments<'_>, depth: usize) -> Result<Node, Fault> {
        let [Expr::Value(part), date] = arguments.list.as_slice() else {
            return Err(refused("this date_part").hint("date_part('year', d)"));
        };
        let field = match &part.value {
            Value::SingleQuotedString(text) if text == "year" => sqlparser::ast::DateTimeField::Year,
            Value::SingleQuotedString(text) if text == "month" => sqlparser::ast::DateTimeField::Month,
            Value::SingleQuotedString(text) if text == "day" => sqlparser::ast::DateTimeField::Day,
            _ => return Err(refused("this date_part").hint("'year', 'month' or 'day'")),
        };
        let date = self.node(date, depth)?;
        self.date_part(&field, &date)
    }

    fn aggregate(&mut self, name: &str, arguments: &Arguments<'_>, depth: usize) -> Result<Node, Fault> {
        if !self.env.aggregate {
            return Err(refused(&format!("the aggregate `{name}`"))
                .hint("aggregates belong in facts over a source or over members"));
        }
        let filter = self.env.filter.as_ref().map(|w| format!(" filter (where {w})")).unwrap_or_default();
        if arguments.star {
            if name != "count" {
                return Err(refused(&format!("`*` in {name}")));
            }
            return Ok(aggregated(format!("count(*){filter}"), Ty::Known(Kind::Integer), false));
        }
        let mut nodes = Vec::with_capacity(arguments.list.len());
        for argument in &arguments.list {
            nodes.push(self.node(argument, depth)?);
        }
        if nodes.iter().any(|node| node.aggregate) {
            return Err(refused("an aggregate inside an aggregate"));
        }
        if arguments.distinct && name != "count" {
            return Err(refused(&format!("distinct in {name}")));
        }
        let wanted = if name == "newest" { 2 } else { 1 };
        if nodes.len() != wanted {
            return Err(count_fault(name, wanted));
        }
        aggregate_of(name, &nodes, (&filter, arguments.distinct))
    }
}

fn arguments<'a>(call: &'a Function, name: &str) -> Result<Arguments<'a>, Fault> {
    let plain = call.within_group.is_empty()
        && call.filter.is_none()
        && call.over.is_none()
        && call.null_treatment.is_none()
        && matches!(call.parameters, FunctionArguments::None)
        && !call.uses_odbc_syntax
        && call.name.0.len() == 1
        && call.name.0.iter().all(|part| part.as_ident().is_some_and(|ident| ident.quote_style.is_none()));
    let FunctionArguments::List(list) = &call.args else {
        return Err(refused(&format!("`{name}` without an argument list")));
    };
    if !plain || !list.clauses.is_empty() {
        return Err(
            refused(&format!("this form of `{name}`")).hint("plain calls only; rows are chosen by the fact's where")
        );
    }
    let mut found = Arguments {
        list: Vec::new(),
        star: false,
        distinct: list.duplicate_treatment == Some(DuplicateTreatment::Distinct),
    };
    for argument in &list.args {
        match argument {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => found.list.push(expr),
            FunctionArg::Unnamed(FunctionArgExpr::Wildcard) if list.args.len() == 1 => found.star = true,
            _ => return Err(refused(&format!("this argument of `{name}`"))),
        }
    }
    Ok(found)
}

fn aggregated(sql: String, ty: Ty, nullable: bool) -> Node {
    Node { aggregate: true, nullable, ..Node::new(sql, ty) }
}

/// A true row decides `bool_or`, a false row `bool_and`; apart from that an unknown row makes the whole unknown.
fn aggregate_of(name: &str, nodes: &[Node], (filter, distinct): (&str, bool)) -> Result<Node, Fault> {
    let node = &nodes[0];
    let sql = &node.sql;
    let guard = |plain: String| match node.nullable {
        true => format!("(case when bool_or(({sql}) is null){filter} then null else {plain} end)"),
        false => plain,
    };
    let numeric = matches!(node.ty, Ty::Number | Ty::Known(Kind::Integer | Kind::Money));
    let boolean = Ty::Known(Kind::Boolean);
    let (text, ty) = match name {
        "bool_or" | "bool_and" => {
            operator::boolean(node)?;
            let plain = guard(format!("{name}({sql}){filter}"));
            let decided = if name == "bool_or" {
                format!("(case when bool_or({sql}){filter} then true else {plain} end)")
            } else {
                format!("(case when not bool_and({sql}){filter} then false else {plain} end)")
            };
            (decided, boolean)
        }
        "count_if" => {
            operator::boolean(node)?;
            (guard(format!("sum(case when {sql} then 1 else 0 end){filter}")), Ty::Known(Kind::Integer))
        }
        "count" => {
            let distinct = if distinct { "distinct " } else { "" };
            (guard(format!("count({distinct}{sql}){filter}")), Ty::Known(Kind::Integer))
        }
        "sum" if numeric => {
            let ty = if node.ty == Ty::Number { Ty::Known(Kind::Integer) } else { node.ty };
            (guard(format!("sum({sql}){filter}")), ty)
        }
        "min" | "max" if node.ty != boolean && node.ty != Ty::Null => {
            (guard(format!("{name}({sql}){filter}")), node.ty)
        }
        "newest" if node.ty != Ty::Null => {
            let by = &nodes[1].sql;
            // The value breaks ties, so that the answer does not depend on the order in which rows arrived.
            let newest = format!("(array_agg({sql} order by {by} desc nulls last, {sql} desc nulls last){filter})[1]");
            (newest, node.ty)
        }
        _ => return Err(refused(&format!("{name} of {}", node.kind_name()))),
    };
    let unit = if matches!(name, "count" | "count_if") { None } else { node.unit.clone() };
    Ok(Node { fraction: node.fraction && name != "count", unit, ..aggregated(text, ty, true) })
}

fn scalar(name: &str, nodes: &[Node]) -> Result<Node, Fault> {
    let parts: Vec<&Node> = nodes.iter().collect();
    let texts: Vec<&str> = nodes.iter().map(|node| node.sql.as_str()).collect();
    let (least, most) = match name {
        "coalesce" | "greatest" | "least" => (2, 6),
        "nullif" | "full_years" => (2, 2),
        _ => (1, 1),
    };
    if nodes.len() < least || nodes.len() > most {
        return Err(count_fault(name, least));
    }
    if matches!(name, "coalesce" | "greatest" | "least" | "nullif") && nodes.iter().all(|node| node.ty == Ty::Null) {
        return Err(refused(&format!("{name} of nothing but null")));
    }
    match name {
        "coalesce" | "greatest" | "least" => {
            let mut ty = nodes[0].clone();
            for node in &nodes[1..] {
                ty.ty = operator::same(&ty, node)?;
                ty.unit = ty.unit.or_else(|| node.unit.clone());
            }
            let call = format!("{name}({})", texts.join(", "));
            let fraction = nodes.iter().any(|node| node.fraction);
            if name == "coalesce" {
                let node = Node::new(call, ty.ty).over(&parts);
                let nullable = nodes.iter().all(|node| node.nullable);
                return Ok(Node { nullable, fraction, unit: ty.unit, ..node });
            }
            // PostgreSQL skips nulls here, which would turn unknown into a value.
            let unknown: Vec<String> =
                nodes.iter().filter(|node| node.nullable).map(|node| format!("({}) is null", node.sql)).collect();
            let sql = if unknown.is_empty() {
                call
            } else {
                format!("(case when {} then null else {call} end)", unknown.join(" or "))
            };
            Ok(Node { fraction, unit: ty.unit, ..Node::new(sql, ty.ty).over(&parts) })
        }
        "nullif" => {
            let ty = operator::same(&nodes[0], &nodes[1])?;
            let node = Node::new(format!("nullif({})", texts.join(", ")), ty).over(&parts);
            Ok(Node { nullable: true, fraction: nodes[0].fraction, nonzero: nodes[1].sql == "0::bigint", ..node })
        }
        "round" => operator::rounded("round", &nodes[0]),
        "abs" => {
            operator::negative(&nodes[0])?;
            let node = Node::new(format!("abs({})", texts[0]), nodes[0].ty).over(&parts);
            Ok(Node { fraction: nodes[0].fraction, unit: nodes[0].unit.clone(), ..node })
        }
        _ => of_dates(name, nodes, &parts),
    }
}

/// Functions of dates, each spelled in plain SQL so that no function of our own must exist in the database.
fn of_dates(name: &str, nodes: &[Node], parts: &[&Node]) -> Result<Node, Fault> {
    for node in nodes {
        operator::expect(node, Kind::Date)?;
    }
    let date = &nodes[0].sql;
    let (sql, kind) = match name {
        "full_years" => (
            format!("extract(year from age(({})::timestamp, ({date})::timestamp))::bigint", nodes[1].sql),
            Kind::Integer,
        ),
        "month_of" => (format!("to_char({date}, 'YYYY-MM')"), Kind::Text),
        "year_of" => (format!("extract(year from {date})::bigint"), Kind::Integer),
        // A school year starts on 1 September.
        _ => (
            format!(
                "(to_char({date} - interval '8 months', 'YYYY') || '-' || to_char({date} + interval '4 months', 'YYYY'))"
            ),
            Kind::Text,
        ),
    };
    Ok(Node::new(sql, Ty::Known(kind)).over(parts))
}

fn count_fault(name: &str, wanted: usize) -> Fault {
    Fault::new(format!("`{name}` takes {wanted} arguments"), format!("“{name}”需要{wanted}个参数"))
}
