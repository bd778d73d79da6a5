//! The engines' side of J3: the same rules over households in memory, one thread. Reads rules and households once from the
//! file named first, then the name of an engine a line from standard input; answers one line of JSON each.

mod book;
mod cel_engine;
mod engine;
mod zen_engine;

use std::{
    fs,
    io::{BufRead as _, Write as _},
    time::Instant,
};

use anyhow::Context as _;
use serde_json::json;

use crate::{
    book::{Book, Household, Input},
    engine::{Compiled, Engine, Held},
};

fn main() -> anyhow::Result<()> {
    let path = std::env::args().nth(1).context("the file of rules and households is missing")?;
    let input: Input = serde_json::from_slice(&fs::read(path)?)?;
    let mut cel = Side::of(cel_engine::CelEngine::new()?, &input.cel, &input.households)?;
    let mut zen = Side::of(zen_engine::ZenEngine::default(), &input.zen, &input.households)?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", json!({"ready": true}))?;
    for line in std::io::stdin().lock().lines() {
        let answer = match line?.trim() {
            "cel" => cel.judge()?,
            "zen" => zen.judge()?,
            other => anyhow::bail!("no engine `{other}`"),
        };
        writeln!(out, "{answer}")?;
        out.flush()?;
    }
    Ok(())
}

struct Side<'a, E: Engine> {
    book: &'a Book,
    compiled: Compiled<'a, E>,
    households: Vec<Held<E::Subject>>,
}

impl<'a, E: Engine> Side<'a, E> {
    fn of(engine: E, book: &'a Book, households: &[Household]) -> anyhow::Result<Self> {
        let compiled = Compiled::of(engine, book)?;
        let households = compiled.hold(households)?;
        Ok(Self { book, compiled, households })
    }

    fn judge(&mut self) -> anyhow::Result<serde_json::Value> {
        let began = Instant::now();
        let counts = self.compiled.judge(&mut self.households)?;
        let seconds = began.elapsed().as_secs_f64();
        let counts: serde_json::Map<_, _> =
            self.book.rules.iter().zip(counts).map(|(rule, count)| (rule.id.clone(), json!(count))).collect();
        Ok(json!({"seconds": seconds, "counts": counts}))
    }
}
