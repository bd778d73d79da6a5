//! Expressions of the ZEN engine, compiled to its byte code and run by its machine. The engine around them, a graph of
//! nodes, brings a JavaScript runtime and dependencies that ours refuses; without it they are faster.

use anyhow::Context as _;
use serde_json::json;

use crate::{book::Known, engine::Engine};

pub struct ZenEngine {
    machine: zen_expression::vm::VM,
}

impl Default for ZenEngine {
    fn default() -> Self {
        Self { machine: zen_expression::vm::VM::new() }
    }
}

impl Engine for ZenEngine {
    type Subject = zen_expression::Scope;
    type Program = zen_expression::Expression<zen_expression::expression::Standard>;

    fn subject(&self, facts: &[(String, Known)]) -> anyhow::Result<Self::Subject> {
        let mut subject = zen_expression::Scope::new(zen_expression::Variable::empty_object());
        for (name, value) in facts {
            self.add(&mut subject, name, *value);
        }
        Ok(subject)
    }

    fn program(&mut self, text: &str) -> anyhow::Result<Self::Program> {
        zen_expression::compile_expression(text).with_context(|| format!("ZEN does not take `{text}`"))
    }

    fn add(&self, subject: &mut Self::Subject, name: &str, value: Known) {
        let value = match value {
            Known::Truth(value) => json!(value),
            Known::Number(value) => json!(value),
        };
        subject.base().dot_insert(name, value.into());
    }

    fn run(&mut self, program: &Self::Program, subject: &Self::Subject) -> anyhow::Result<Known> {
        match program.evaluate_with_scope(subject, &mut self.machine)? {
            zen_expression::Variable::Bool(value) => Ok(Known::Truth(value)),
            zen_expression::Variable::Number(value) => Ok(Known::Number(value.try_into().unwrap_or(f64::NAN))),
            other => anyhow::bail!("ZEN answered {other:?}"),
        }
    }
}
