//! The pack's statements taken apart, so that their steps can be timed alone and fed from other tables. They are a list of
//! common table expressions and a last select; if that ever changes, this fails at once and says so.

use anyhow::{Context as _, ensure};

/// A statement's steps.
#[derive(Clone, Debug)]
pub struct Steps {
    /// `name as materialized` or `name (columns) as`, and the body.
    ctes: Vec<(String, String)>,
    select: String,
}

impl Steps {
    pub fn of(sql: &str) -> anyhow::Result<Steps> {
        let body = sql.strip_prefix("with ").context("the pack's statement does not begin with steps")?;
        let (steps, select) = body.split_once("\n)\nselect ").context("the pack's statement has no last select")?;
        let mut ctes = Vec::new();
        for step in steps.split("\n),\n") {
            let (head, body) = step.split_once(" (\n").context("a step of the pack's statement has no body")?;
            ensure!(
                head.ends_with(" materialized") || head.ends_with(" as"),
                "the pack's statement has a step `{head}`"
            );
            ctes.push((head.to_owned(), body.to_owned()));
        }
        Ok(Steps { ctes, select: format!("select {select}") })
    }

    fn place(&self, name: &str) -> anyhow::Result<usize> {
        let found = self.ctes.iter().position(|(head, _)| head.split(' ').next() == Some(name));
        found.with_context(|| format!("the pack's statement has no step `{name}`"))
    }

    /// Puts another body into a step.
    pub fn replace(&mut self, name: &str, body: &str) -> anyhow::Result<()> {
        let place = self.place(name)?;
        body.clone_into(&mut self.ctes[place].1);
        Ok(())
    }

    /// Another last select over the same steps.
    pub fn with_select(&self, select: &str) -> String {
        let steps: Vec<String> = self.ctes.iter().map(|(head, body)| format!("{head} (\n{body}\n)")).collect();
        format!("with {}\n{select}", steps.join(",\n"))
    }

    pub fn whole(&self) -> String {
        self.with_select(&self.select)
    }

    /// Reads the facts of the first layer from tables that hold them already.
    pub fn over_facts(mut self) -> anyhow::Result<Steps> {
        for level in ["household", "person"] {
            let body =
                format!("  select f.* from bench.{level}_fact f\n  join scope s on s.household_id = f.household_id");
            self.replace(&format!("{level}_0"), &body)?;
        }
        Ok(self)
    }
}
