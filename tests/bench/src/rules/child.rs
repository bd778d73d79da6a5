//! A program of another language beside ours: one line in, one line of JSON out.

use std::{path::Path, process::Stdio, time::Duration};

use anyhow::{Context as _, ensure};
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
};

/// Longest wait for an answer.
const PATIENCE: Duration = Duration::from_secs(900);

pub struct Program {
    child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

impl Program {
    /// Starts it and waits until it is ready.
    pub async fn start(program: &Path, arguments: &[&str]) -> anyhow::Result<Program> {
        let mut child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        let input = child.stdin.take().context("no standard input")?;
        let output = BufReader::new(child.stdout.take().context("no standard output")?).lines();
        let mut started = Program { child, input, output };
        let ready = started.answer().await?;
        ensure!(ready["ready"] == Value::Bool(true), "{} said {ready}", program.display());
        Ok(started)
    }

    pub async fn ask(&mut self, line: &str) -> anyhow::Result<Value> {
        self.input.write_all(format!("{line}\n").as_bytes()).await?;
        self.answer().await
    }

    pub fn id(&self) -> anyhow::Result<u32> {
        self.child.id().context("the program has ended")
    }

    async fn answer(&mut self) -> anyhow::Result<Value> {
        let line = tokio::time::timeout(PATIENCE, self.output.next_line()).await.context("no answer came")??;
        Ok(serde_json::from_str(&line.context("the program ended without an answer")?)?)
    }
}
