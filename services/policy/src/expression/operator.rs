//! Operators with their kinds: what may meet what, and what comes out. Products and quotients are computed as
//! `numeric`, so they neither overflow nor lose the fraction before the pack says how it is rounded.

use super::{Node, Ty, compile::refused};
use crate::{error::Fault, kind::Kind};

const BOOLEAN: Ty = Ty::Known(Kind::Boolean);

/// Common type of two values that meet in a comparison or branch.
pub(super) fn same(a: &Node, b: &Node) -> Result<Ty, Fault> {
    use Kind::{Integer, Money, Ratio};
    match (a.ty, b.ty) {
        (x, y) if x == y => one_unit(a, b).map(|()| x),
        (Ty::Null, other) | (other, Ty::Null) => Ok(other),
        (Ty::Number, Ty::Known(kind @ (Integer | Money | Ratio))) => Ok(Ty::Known(kind)),
        (Ty::Known(kind @ (Integer | Money | Ratio)), Ty::Number) => Ok(Ty::Known(kind)),
        (Ty::Known(Integer), Ty::Known(Ratio)) | (Ty::Known(Ratio), Ty::Known(Integer)) => Ok(Ty::Known(Ratio)),
        _ => {
            let fault = Fault::new(
                format!("{} meets {}", a.kind_name(), b.kind_name()),
                format!("“{}”与“{}”不能比较或合并", a.kind_zh(), b.kind_zh()),
            );
            let money = [a.ty, b.ty].contains(&Ty::Known(Money));
            Err(if money { fault.hint("money is in fen; only money or a literal number may meet it") } else { fault })
        }
    }
}

/// Refuses two declared units that differ.
fn one_unit(a: &Node, b: &Node) -> Result<(), Fault> {
    match (&a.unit, &b.unit) {
        (Some(one), Some(other)) if one != other => {
            Err(Fault::new(format!("wrong unit: {one} meets {other}"), format!("单位不符：“{one}”与“{other}”"))
                .hint("bring both to one unit first, such as a monthly standard * 12"))
        }
        _ => Ok(()),
    }
}

pub(super) fn expect(node: &Node, kind: Kind) -> Result<(), Fault> {
    if node.ty == Ty::Known(kind) {
        return Ok(());
    }
    Err(Fault::new(
        format!("{kind} is wanted here, not {}", node.kind_name()),
        format!("此处应为“{}”，而不是“{}”", kind.title_zh(), node.kind_zh()),
    ))
}

pub(super) fn boolean(node: &Node) -> Result<(), Fault> {
    expect(node, Kind::Boolean)
}

pub(super) fn not(inner: &Node) -> Result<Node, Fault> {
    boolean(inner)?;
    Ok(Node::new(format!("(not {})", inner.sql), BOOLEAN).over(&[inner]))
}

pub(super) fn negative(inner: &Node) -> Result<Node, Fault> {
    match inner.ty {
        Ty::Number | Ty::Known(Kind::Integer | Kind::Money | Kind::Ratio) => {
            let node = Node::new(format!("(- {})", inner.sql), inner.ty).over(&[inner]);
            Ok(Node { fraction: inner.fraction, nonzero: inner.nonzero, unit: inner.unit.clone(), ..node })
        }
        _ => Err(refused(&format!("minus before {}", inner.kind_name()))),
    }
}

pub(super) fn logical(a: &Node, word: &str, b: &Node) -> Result<Node, Fault> {
    boolean(a)?;
    boolean(b)?;
    Ok(Node::new(format!("({} {word} {})", a.sql, b.sql), BOOLEAN).over(&[a, b]))
}

/// Refuses equality of a quotient that nothing has rounded.
pub(super) fn exact(a: &Node, b: &Node) -> Result<(), Fault> {
    if a.quotient || b.quotient {
        let zh = "除法结果未取整即比较是否相等";
        return Err(Fault::new("a quotient is compared for equality before it is rounded", zh)
            .hint("round it, or multiply the other side out"));
    }
    Ok(())
}

pub(super) fn compare(a: &Node, op: &str, b: &Node) -> Result<Node, Fault> {
    let ty = same(a, b)?;
    if ty == Ty::Null {
        return Err(refused("a comparison with null").hint("write is null or is not null"));
    }
    if [a.ty, b.ty].contains(&Ty::Null) {
        return Err(refused("a comparison with null").hint("it is never true; write is null or is not null"));
    }
    if matches!(op, "=" | "<>") {
        exact(a, b)?;
    }
    let node = Node::new(format!("({} {op} {})", a.sql, b.sql), BOOLEAN).over(&[a, b]);
    Ok(Node { quotient: false, ..node })
}

/// Sum or difference; a date moves by whole days, two dates give days.
pub(super) fn add(a: &Node, op: &str, b: &Node) -> Result<Node, Fault> {
    let days = |node: &Node| matches!(node.ty, Ty::Number | Ty::Known(Kind::Integer)) && !node.fraction;
    if a.ty == Ty::Known(Kind::Date) && days(b) {
        return Ok(Node::new(format!("({} {op} ({})::integer)", a.sql, b.sql), a.ty).over(&[a, b]));
    }
    if a.ty == Ty::Known(Kind::Date) && b.ty == Ty::Known(Kind::Date) && op == "-" {
        return Ok(Node::new(format!("({} - {})::bigint", a.sql, b.sql), Ty::Known(Kind::Integer)).over(&[a, b]));
    }
    let ty = same(a, b)?;
    if !matches!(ty, Ty::Number | Ty::Known(Kind::Integer | Kind::Money | Kind::Ratio)) {
        return Err(refused(&format!("`{op}` between {} and {}", a.kind_name(), b.kind_name())));
    }
    let node = Node::new(format!("({} {op} {})", a.sql, b.sql), ty).over(&[a, b]);
    let unit = a.unit.clone().or_else(|| b.unit.clone());
    Ok(Node { fraction: a.fraction || b.fraction || ty == Ty::Known(Kind::Ratio), unit, ..node })
}

pub(super) fn multiply(a: &Node, b: &Node) -> Result<Node, Fault> {
    use Kind::{Integer, Money, Ratio};
    if a.quotient || b.quotient {
        return Err(Fault::new("a quotient is multiplied before it is rounded", "除法结果未取整即相乘")
            .hint("multiply first, then divide, and round once"));
    }
    let ty = match (a.ty, b.ty) {
        (Ty::Known(Money), Ty::Known(Money)) => {
            return Err(Fault::new("money times money has no meaning", "金额不能与金额相乘"));
        }
        (Ty::Known(Money), Ty::Number | Ty::Known(Integer | Ratio)) => Ty::Known(Money),
        (Ty::Number | Ty::Known(Integer | Ratio), Ty::Known(Money)) => Ty::Known(Money),
        (Ty::Number, Ty::Number) => Ty::Number,
        (Ty::Known(Ratio), Ty::Number | Ty::Known(Integer | Ratio)) => Ty::Known(Ratio),
        (Ty::Number | Ty::Known(Integer), Ty::Known(Ratio)) => Ty::Known(Ratio),
        (Ty::Known(Integer), Ty::Number | Ty::Known(Integer)) | (Ty::Number, Ty::Known(Integer)) => Ty::Known(Integer),
        _ => return Err(refused(&format!("{} times {}", a.kind_name(), b.kind_name()))),
    };
    let ratio = [a.ty, b.ty].contains(&Ty::Known(Ratio));
    let node = Node::new(format!("(({})::numeric * {})", a.sql, b.sql), ty).over(&[a, b]);
    Ok(Node { fraction: a.fraction || b.fraction || ratio, ..node })
}

pub(super) fn divide(a: &Node, b: &Node) -> Result<Node, Fault> {
    use Kind::{Integer, Money, Ratio};
    if !b.nonzero {
        return Err(Fault::new("the divisor may be zero", "除数可能为零").hint("wrap it: x / nullif(y, 0)"));
    }
    let ty = match (a.ty, b.ty) {
        (Ty::Known(Money), Ty::Known(Money)) => Ty::Known(Ratio),
        (Ty::Known(Money), Ty::Number | Ty::Known(Integer | Ratio)) => Ty::Known(Money),
        (Ty::Number | Ty::Known(Integer | Ratio), Ty::Number | Ty::Known(Integer | Ratio)) => Ty::Known(Ratio),
        _ => return Err(refused(&format!("{} divided by {}", a.kind_name(), b.kind_name()))),
    };
    let node = Node::new(format!("(({})::numeric / {})", a.sql, b.sql), ty).over(&[a, b]);
    Ok(Node { fraction: true, quotient: true, ..node })
}

/// `ceil`, `floor` or `round` to whole units.
pub(super) fn rounded(word: &str, inner: &Node) -> Result<Node, Fault> {
    let ty = match inner.ty {
        Ty::Known(Kind::Ratio) => Ty::Known(Kind::Integer),
        Ty::Number | Ty::Known(Kind::Integer | Kind::Money) => inner.ty,
        _ => return Err(refused(&format!("{word} of {}", inner.kind_name()))),
    };
    let node = Node::new(format!("{word}(({})::numeric)", inner.sql), ty).over(&[inner]).in_unit(inner.unit.clone());
    Ok(Node { quotient: false, ..node })
}
