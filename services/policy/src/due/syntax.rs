//! What an expression is made of: its parts, the names in it, where the business date stands.

use std::collections::BTreeSet;

use sqlparser::ast::{Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, InTarget};

const AS_OF: &str = "as_of";
const AGGREGATES: [&str; 8] = ["bool_or", "bool_and", "sum", "min", "max", "count", "count_if", "newest"];

/// Parts of an expression that passed the check, in the order in which they stand.
pub(super) fn parts(expr: &Expr) -> Vec<&Expr> {
    match expr {
        Expr::Nested(one)
        | Expr::IsNull(one)
        | Expr::IsNotNull(one)
        | Expr::UnaryOp { expr: one, .. }
        | Expr::Cast { expr: one, .. }
        | Expr::Extract { expr: one, .. }
        | Expr::Ceil { expr: one, .. }
        | Expr::Floor { expr: one, .. } => vec![one.as_ref()],
        Expr::BinaryOp { left: one, right: other, .. }
        | Expr::IsDistinctFrom(one, other)
        | Expr::IsNotDistinctFrom(one, other) => vec![one.as_ref(), other.as_ref()],
        Expr::Between { expr, low, high, .. } => vec![expr.as_ref(), low.as_ref(), high.as_ref()],
        Expr::In { expr, target: InTarget::List(list), .. } => std::iter::once(expr.as_ref()).chain(list).collect(),
        Expr::Case { conditions, else_result, .. } => {
            let branches = conditions.iter().flat_map(|branch| [&branch.condition, &branch.result]);
            branches.chain(else_result.as_deref()).collect()
        }
        Expr::Function(call) => arguments(call),
        _ => Vec::new(),
    }
}

/// Arguments of a call.
pub(super) fn arguments(call: &Function) -> Vec<&Expr> {
    let FunctionArguments::List(list) = &call.args else { return Vec::new() };
    let mut found = Vec::new();
    for argument in &list.args {
        if let FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) = argument {
            found.push(expr);
        }
    }
    found
}

/// Name of the function that is called, in lower case.
pub(super) fn function(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Function(call) => Some(call.name.to_string().to_lowercase()),
        _ => None,
    }
}

/// An aggregate function's call.
pub(super) fn is_aggregate(expr: &Expr) -> bool {
    function(expr).is_some_and(|name| AGGREGATES.contains(&name.as_str()))
}

/// Holds an aggregate.
pub(super) fn aggregates(expr: &Expr) -> bool {
    is_aggregate(expr) || parts(expr).into_iter().any(aggregates)
}

/// The business date stands in it.
pub(crate) fn is_timed(expr: &Expr) -> bool {
    is_as_of(expr) || parts(expr).into_iter().any(is_timed)
}

/// The business date stands in it, outside of aggregates.
pub(crate) fn is_timed_outside(expr: &Expr) -> bool {
    is_as_of(expr) || (!is_aggregate(expr) && parts(expr).into_iter().any(is_timed_outside))
}

/// Timed arguments of the aggregates in it.
pub(crate) fn timed_arguments(expr: &Expr) -> Vec<&Expr> {
    if is_aggregate(expr) {
        return parts(expr).into_iter().filter(|argument| is_timed(argument)).collect();
    }
    parts(expr).into_iter().flat_map(timed_arguments).collect()
}

/// Names in it, in lower case; not the business date.
pub(super) fn names(expr: &Expr) -> BTreeSet<String> {
    match expr {
        Expr::Identifier(_) if is_as_of(expr) => BTreeSet::new(),
        Expr::Identifier(ident) => BTreeSet::from([ident.value.to_lowercase()]),
        _ => parts(expr).into_iter().flat_map(names).collect(),
    }
}

/// Names under an operation that can make something known of what is unknown.
pub(super) fn assumed_names(expr: &Expr) -> BTreeSet<String> {
    let assumes = match expr {
        Expr::IsNull(_) | Expr::IsNotNull(_) | Expr::IsDistinctFrom(..) | Expr::IsNotDistinctFrom(..) => true,
        _ => function(expr).is_some_and(|name| ["coalesce", "newest"].contains(&name.as_str())),
    };
    if assumes {
        return names(expr);
    }
    parts(expr).into_iter().flat_map(assumed_names).collect()
}

/// The expression without the brackets around it.
pub(super) fn bare(expr: &Expr) -> &Expr {
    match expr {
        Expr::Nested(inner) => bare(inner),
        _ => expr,
    }
}

fn is_as_of(expr: &Expr) -> bool {
    matches!(expr, Expr::Identifier(ident) if ident.value.eq_ignore_ascii_case(AS_OF))
}
