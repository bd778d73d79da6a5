//! Common Expression Language. Its whole numbers and fractions do not meet, so every number is a fraction.

use crate::{book::Known, engine::Engine};

pub struct CelEngine(&'static cel::Context<'static, 'static>);

impl CelEngine {
    /// The functions are leaked once: subjects borrow them for as long as the process runs.
    pub fn new() -> anyhow::Result<Self> {
        let mut root = cel::Context::default();
        let added = [
            root.add_function("ceil", |x: f64| ((x * 1e6).round() / 1e6).ceil()),
            root.add_function("floor", |x: f64| ((x * 1e6).round() / 1e6).floor()),
            root.add_function("round", |x: f64| x.round()),
            root.add_function("abs", |x: f64| x.abs()),
            root.add_function("greatest", |a: f64, b: f64| a.max(b)),
            root.add_function("least", |a: f64, b: f64| a.min(b)),
        ];
        for one in added {
            one.map_err(|error| anyhow::anyhow!("{error:?}"))?;
        }
        Ok(Self(Box::leak(Box::new(root))))
    }
}

impl Engine for CelEngine {
    type Subject = cel::Context<'static, 'static>;
    type Program = cel::Program;

    fn subject(&self, facts: &[(String, Known)]) -> anyhow::Result<Self::Subject> {
        let mut subject = self.0.new_inner_scope();
        for (name, value) in facts {
            self.add(&mut subject, name, *value);
        }
        Ok(subject)
    }

    fn program(&mut self, text: &str) -> anyhow::Result<cel::Program> {
        cel::Program::compile(text).map_err(|error| anyhow::anyhow!("CEL does not take `{text}`: {error}"))
    }

    fn add(&self, subject: &mut Self::Subject, name: &str, value: Known) {
        match value {
            Known::Truth(value) => subject.add_variable_from_value(name, value),
            Known::Number(value) => subject.add_variable_from_value(name, value),
        }
    }

    fn run(&mut self, program: &cel::Program, subject: &Self::Subject) -> anyhow::Result<Known> {
        match program.execute(subject).map_err(|error| anyhow::anyhow!("CEL: {error:?}"))? {
            cel::Value::Bool(value) => Ok(Known::Truth(value)),
            cel::Value::Float(value) => Ok(Known::Number(value)),
            other => anyhow::bail!("CEL answered {other:?}"),
        }
    }
}
