//! SIGKILL at each step of a file's life, of a table pass, of a ZIP and of a withdrawal. Whoever starts next goes on: no row
//! is lost or taken twice, and the bureau is told whole and once.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use minqing_city::person::check_digit;
use minqing_test_kit::Postgres;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};

use super::{
    harness::{Mesh, binary},
    mesh_calls::{PATIENCE, TODAY, collect},
};

const SET: &str = "student_enrolment";
/// Rows of a batch, one of which is refused.
const ROWS: usize = 1_200;
const PROCESS: &str = "adapter-education";

/// What can be seen of the work: a query that gives true, or a file.
enum Seen {
    Row(&'static str),
    File(&'static str),
}

/// What comes after a step waits at a gate until the power is cut: the writing of one row, named by its table, what is done
/// to it and its `name` or `batch_no`.
enum Gate {
    Mesh(&'static str),
    Bureau(&'static str),
    /// The step is the end: nothing comes after it.
    End,
}

/// A step, named by the first thing that can be seen of it. `$` stands for the number of the batch.
struct Step {
    name: &'static str,
    seen: Seen,
    gate: Gate,
}

const fn row(name: &'static str, query: &'static str, gate: Gate) -> Step {
    Step { name, seen: Seen::Row(query), gate }
}

const fn file(name: &'static str, path: &'static str, gate: Gate) -> Step {
    Step { name, seen: Seen::File(path), gate }
}

const STORED: &str = "select exists (select from adapter_education.raw where digest is not null and batch_id is null)";
const SENT: &str = "select exists (select from monitoring.batch m \
    where not exists (select from adapter_education.batch b where b.id = m.batch_id))";
const WHOLE: &str = "select exists (select from adapter_education.batch where batch_no = '$')";

const OF_A_FILE: [Step; 8] = [
    file(
        "moved",
        "taken/student_enrolment__621202__2026-10-26__changes__$.csv",
        Gate::Mesh("adapter_education.file INSERT student_enrolment__621202__2026-10-26__changes__$.csv"),
    ),
    row(
        "noted",
        "select exists (select from adapter_education.file where name like '%\\_\\_$.csv')",
        Gate::Mesh("adapter_education.raw INSERT "),
    ),
    row("stored", STORED, Gate::Mesh("monitoring.batch INSERT ")),
    row("sent", SENT, Gate::Mesh("adapter_education.batch INSERT $")),
    row("whole", WHOLE, Gate::Mesh(FILE_ENDS)),
    file("signed", "result/student_enrolment__621202__2026-10-26__changes__$.csv.receipt.json", Gate::Mesh(FILE_ENDS)),
    file("told", "result/student_enrolment__621202__2026-10-26__changes__$.csv.result.csv", Gate::Mesh(FILE_ENDS)),
    file("done", "done/student_enrolment__621202__2026-10-26__changes__$.csv", Gate::End),
];
const FILE_ENDS: &str = "adapter_education.file UPDATE student_enrolment__621202__2026-10-26__changes__$.csv";

const OF_A_TABLE: [Step; 5] = [
    row(
        "noted",
        "select exists (select from adapter_education.table_batch where batch_no = '$')",
        Gate::Mesh("adapter_education.raw INSERT "),
    ),
    row("stored", STORED, Gate::Mesh("monitoring.batch INSERT ")),
    row("sent", SENT, Gate::Mesh("adapter_education.batch INSERT $")),
    row("whole", WHOLE, Gate::Bureau("exchange.mq_batch_result INSERT $")),
    row(
        "told",
        "select exists (select from adapter_education.table_batch where batch_no = '$' and told_at is not null)",
        Gate::End,
    ),
];

const OF_A_ZIP: [Step; 4] = [
    file(
        "moved",
        "taken/$.zip",
        Gate::Mesh("adapter_education.file INSERT student_enrolment__621202__2026-10-26__changes__$a.csv"),
    ),
    row(
        "first taken",
        "select exists (select from adapter_education.batch where batch_no = '$a')",
        Gate::Mesh("adapter_education.batch INSERT $b"),
    ),
    row(
        "second taken",
        "select exists (select from adapter_education.batch where batch_no = '$b')",
        Gate::Mesh("adapter_education.file UPDATE student_enrolment__621202__2026-10-26__changes__$b.csv"),
    ),
    file("told", "result/$.zip.result.csv", Gate::End),
];

const OF_A_WITHDRAWAL: [Step; 4] = [
    row(
        "noted",
        "select exists (select from adapter_education.file where name = 'withdraw_$.csv')",
        Gate::Mesh("monitoring.batch UPDATE "),
    ),
    row(
        "marked",
        "select exists (select from monitoring.batch m join adapter_education.batch b on b.id = m.batch_id \
         where b.batch_no = '$' and withdrawn_on is not null)",
        Gate::Mesh("adapter_education.withdrawal INSERT "),
    ),
    row(
        "kept",
        "select exists (select from adapter_education.withdrawal w join adapter_education.batch b on b.id = w.batch_id \
         where batch_no = '$')",
        Gate::Mesh("adapter_education.file UPDATE withdraw_$.csv"),
    ),
    file("told", "result/withdraw_$.csv.result.csv", Gate::Mesh("adapter_education.file UPDATE withdraw_$.csv")),
];

/// A row waits for whoever holds its gate.
const WAITS: &str = "create or replace function gate() returns trigger language plpgsql as $$ begin \
    perform pg_advisory_xact_lock_shared(hashtext(format('%s.%s %s %s', tg_table_schema, tg_table_name, tg_op, \
      coalesce(to_jsonb(new) ->> 'name', to_jsonb(new) ->> 'batch_no')))); \
    return new; end $$";

#[tokio::test(flavor = "multi_thread")]
async fn a_power_cut_at_any_step_loses_no_row_and_doubles_none() -> anyhow::Result<()> {
    let bureau = Bureau::start().await?;
    let mesh = Mesh::waiting(&["--exchange-database", &format!("education={}", bureau.url)])?;
    collect(&mesh, 300_000).await??;
    let mut cutter = Cutter::new(&mesh, &bureau).await?;

    for (n, step) in OF_A_FILE.iter().enumerate() {
        let no = format!("F{n}");
        cutter.shut(step, &no).await?;
        cutter.drop_file(&batch_file(&no), csv(n, ROWS).as_bytes())?;
        cutter.cut(step, &no, &cutter.path("done", &batch_file(&no))).await?;
        cutter.told_of_a_batch(&no)?;
    }
    for (n, step) in OF_A_TABLE.iter().enumerate() {
        let no = format!("T{n}");
        cutter.shut(step, &no).await?;
        bureau.send(&no, n + 20).await?;
        cutter.cut_until(step, &no, || bureau.is_told(&no)).await?;
        ensure!(bureau.counts(&no).await? == (1_200, 1_199, 1, 1), "{no} {:?}", bureau.counts(&no).await?);
    }
    for (n, step) in OF_A_ZIP.iter().enumerate() {
        let no = format!("Z{n}");
        let (a, b) = (format!("{no}a"), format!("{no}b"));
        let parts = [(batch_file(&a), csv(2 * n + 40, ROWS)), (batch_file(&b), csv(2 * n + 41, ROWS))];
        cutter.shut(step, &no).await?;
        cutter.drop_file(&format!("{no}.zip"), &packed(&parts)?)?;
        cutter.cut(step, &no, &cutter.path("done", &format!("{no}.zip"))).await?;
        for no in [&a, &b] {
            cutter.told_of_a_batch(no)?;
        }
    }
    let taken = OF_A_FILE.len() + OF_A_TABLE.len() + 2 * OF_A_ZIP.len();
    cutter.stands(taken, 0).await?;

    for (n, step) in OF_A_WITHDRAWAL.iter().enumerate() {
        let no = format!("F{n}");
        let name = format!("withdraw_{no}.csv");
        cutter.shut(step, &no).await?;
        cutter.drop_file(&name, format!("批次号,撤回原因,经办人\n{no},误报,u-1\n").as_bytes())?;
        cutter.cut(step, &no, &cutter.path("done", &name)).await?;
        let told = fs::read_to_string(cutter.path("result", &format!("{name}.result.csv")))?;
        ensure!(told.contains("接收 accepted,1\r\n"), "{told}");
    }
    cutter.stands(taken, OF_A_WITHDRAWAL.len()).await
}

/// Kills the adapter of a mesh when a step is seen, while the next one waits at its gate.
struct Cutter<'a> {
    mesh: &'a Mesh,
    connection: PgConnection,
    bureau: PgConnection,
}

impl Cutter<'_> {
    async fn new<'a>(mesh: &'a Mesh, bureau: &Bureau) -> anyhow::Result<Cutter<'a>> {
        let connection = PgConnection::connect(&mesh.database()).await?;
        let mut cutter = Cutter { mesh, connection, bureau: PgConnection::connect(&bureau.admin).await? };
        for steps in [OF_A_FILE.as_slice(), &OF_A_TABLE, &OF_A_ZIP, &OF_A_WITHDRAWAL] {
            for step in steps {
                cutter.build_gate(&step.gate).await?;
            }
        }
        Ok(cutter)
    }

    async fn build_gate(&mut self, gate: &Gate) -> anyhow::Result<()> {
        let Some((connection, key)) = self.side(gate) else { return Ok(()) };
        let table = key.split_whitespace().next().context("a gate names its table")?;
        connection.execute(WAITS).await?;
        let trigger = format!(
            "create or replace trigger gate before insert or update on {table} for each row execute function gate()"
        );
        connection.execute(AssertSqlSafe(trigger)).await?;
        Ok(())
    }

    fn side(&mut self, gate: &Gate) -> Option<(&mut PgConnection, &'static str)> {
        match gate {
            Gate::Mesh(key) => Some((&mut self.connection, *key)),
            Gate::Bureau(key) => Some((&mut self.bureau, *key)),
            Gate::End => None,
        }
    }

    /// Shuts the gate behind a step, before the work begins.
    async fn shut(&mut self, step: &Step, no: &str) -> anyhow::Result<()> {
        let Some((connection, key)) = self.side(&step.gate) else { return Ok(()) };
        sqlx::query("select pg_advisory_lock(hashtext($1))").bind(key.replace('$', no)).execute(connection).await?;
        Ok(())
    }

    async fn open(&mut self, step: &Step, no: &str) -> anyhow::Result<()> {
        let Some((connection, key)) = self.side(&step.gate) else { return Ok(()) };
        let opened: bool = sqlx::query_scalar("select pg_advisory_unlock(hashtext($1))")
            .bind(key.replace('$', no))
            .fetch_one(connection)
            .await?;
        ensure!(opened, "the gate behind `{}` was not shut", step.name);
        Ok(())
    }

    fn path(&self, sub: &str, name: &str) -> PathBuf {
        self.mesh.path("exchange").join("education").join(sub).join(name)
    }

    fn drop_file(&self, name: &str, content: &[u8]) -> anyhow::Result<()> {
        let part = self.path("inbox", &format!("{name}.part"));
        fs::write(&part, content)?;
        Ok(fs::rename(part, self.path("inbox", name))?)
    }

    async fn cut(&mut self, step: &Step, no: &str, end: &Path) -> anyhow::Result<()> {
        self.cut_until(step, no, async || Ok(end.exists())).await
    }

    /// Cuts the power at the step, opens the gate, cuts it again as soon as the next process is there; then lets the work come to its end.
    async fn cut_until(
        &mut self,
        step: &Step,
        no: &str,
        ended: impl AsyncFn() -> anyhow::Result<bool>,
    ) -> anyhow::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while !self.sees(&step.seen, no).await? {
            ensure!(Instant::now() < deadline, "{no}: `{}` was not seen\n{}", step.name, self.mesh.wreckage());
        }
        let killed = self.kill(None, deadline).await?;
        let in_time = matches!(step.gate, Gate::End) || !ended().await?;
        ensure!(in_time, "{no} was at its end before the cut at `{}`", step.name);
        self.open(step, no).await?;
        self.kill(Some(killed), deadline).await?;
        while !ended().await? {
            ensure!(Instant::now() < deadline, "{no} cut at `{}` has no end\n{}", step.name, self.mesh.wreckage());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    async fn sees(&mut self, seen: &Seen, no: &str) -> anyhow::Result<bool> {
        Ok(match seen {
            Seen::File(path) => self.path("", &path.replace('$', no)).exists(),
            Seen::Row(query) => {
                sqlx::query_scalar(AssertSqlSafe(query.replace('$', no))).fetch_one(&mut self.connection).await?
            }
        })
    }

    /// SIGKILL for the adapter's process, another one than the one killed before.
    async fn kill(&self, before: Option<u32>, deadline: Instant) -> anyhow::Result<u32> {
        loop {
            let running = self.mesh.process(PROCESS).filter(|id| Some(*id) != before);
            if let Some(id) = running {
                let killed = Command::new("kill").args(["-KILL", &id.to_string()]).status()?;
                ensure!(killed.success(), "the process was gone");
                return Ok(id);
            }
            ensure!(Instant::now() < deadline, "the adapter did not start again\n{}", self.mesh.wreckage());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// The result file of a batch is whole, and its receipt verifies.
    fn told_of_a_batch(&self, no: &str) -> anyhow::Result<()> {
        let name = batch_file(no);
        let told = fs::read_to_string(self.path("result", &format!("{name}.result.csv")))?;
        for line in ["报送 sent,1200\r\n", "接收 accepted,1199\r\n", "退回 refused,1\r\n", "\r\n1,"] {
            ensure!(told.contains(line), "{no}: no {line:?} in {told}");
        }
        let key = self.mesh.path("signing").join("adapter.education").join("public.pem");
        let receipt = self.path("result", &format!("{name}.receipt.json"));
        let checked =
            Command::new(binary("minqing")).args(["receipt", "verify"]).arg(receipt).arg("--key").arg(key).output()?;
        ensure!(checked.status.success(), "{checked:?}");
        Ok(())
    }

    /// That so many batches were taken, so many of them withdrawn, and each row of the others stands once.
    async fn stands(&mut self, batches: usize, withdrawn: usize) -> anyhow::Result<()> {
        let (batches, withdrawn) = (i64::try_from(batches)?, i64::try_from(withdrawn)?);
        let good = i64::try_from(ROWS - 1)?;
        for (what, expected) in [
            ("adapter_education.batch", batches),
            ("adapter_education.receipt where kind = 'batch'", batches),
            ("adapter_education.row_error", batches),
            ("adapter_education.withdrawal", withdrawn),
            ("adapter_education.file where state <> 'done'", 0),
            ("adapter_education.table_batch where state <> 'told'", 0),
            ("monitoring.batch where bureau = 'education'", batches),
            ("monitoring.record_education_student_enrolment", (batches - withdrawn) * good),
        ] {
            let query = format!("select count(*) from {what}");
            let deadline = Instant::now() + PATIENCE;
            loop {
                let found: i64 =
                    sqlx::query_scalar(AssertSqlSafe(query.clone())).fetch_one(&mut self.connection).await?;
                if found == expected {
                    break;
                }
                ensure!(Instant::now() < deadline, "{what}: {found}, not {expected}\n{}", self.mesh.wreckage());
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
        for folder in ["inbox", "taken"] {
            ensure!(fs::read_dir(self.path(folder, ""))?.next().is_none(), "something is left in {folder}");
        }
        Ok(())
    }
}

/// A bureau's own database with the tables its DBA was given.
struct Bureau {
    admin: String,
    url: String,
}

impl Bureau {
    async fn start() -> anyhow::Result<Bureau> {
        let server = tokio::task::block_in_place(Postgres::shared)?;
        let mut root = PgConnection::connect(&server.admin_url("postgres")).await?;
        for statement in ["create role minqing_exchange login", "create database bureau"] {
            root.execute(statement).await?;
        }
        root.close().await?;
        let admin = format!("{}?options=-csearch_path%3Dexchange", server.admin_url("bureau"));
        let url = admin.replace("postgres@", "minqing_exchange@") + "&sslmode=disable";
        let mut conn = PgConnection::connect(&admin).await?;
        let ddl = Command::new(binary("minqing"))
            .args(["exchange", "tables", "--bureau", "education", "--database", "postgres"])
            .output()?;
        let ddl = String::from_utf8(ddl.stdout)?;
        let before = "create schema exchange; grant usage on schema exchange to minqing_exchange;";
        conn.execute(AssertSqlSafe(format!("{before}\n{ddl}"))).await?;
        conn.close().await?;
        Ok(Bureau { admin, url })
    }

    /// The rows, then the control row.
    async fn send(&self, no: &str, batch: usize) -> anyhow::Result<()> {
        let rows = (0..ROWS).map(|n| {
            format!(
                "({n}, '{no}', '{}', '石敢当', '621202100000', 'senior_high', 'S-1', '高一', true, '2026-09-01', 'enrolled')",
                id_number(batch, n)
            )
        });
        let rows = rows.collect::<Vec<_>>().join(", ");
        let mut conn = PgConnection::connect(&self.admin).await?;
        conn.execute(AssertSqlSafe(format!(
            "insert into mq_{SET} values {rows}; \
             insert into mq_batch values ('{no}', '{SET}', '621202', '{TODAY}', 'changes', {ROWS}, now())"
        )))
        .await?;
        Ok(conn.close().await?)
    }

    async fn is_told(&self, no: &str) -> anyhow::Result<bool> {
        Ok(self.counts(no).await? != (0, 0, 0, 0))
    }

    /// Rows sent, accepted and refused as the result says, and signed receipts; all 0 before there is a result.
    async fn counts(&self, no: &str) -> anyhow::Result<(i32, i32, i32, i64)> {
        let mut conn = PgConnection::connect(&self.admin).await?;
        let counts = sqlx::query_as(
            "select sent, accepted, refused, (select count(*) from mq_signed_receipt s where s.batch_no = r.batch_no) \
             from mq_batch_result r where batch_no = $1",
        )
        .bind(no)
        .fetch_optional(&mut conn)
        .await?;
        conn.close().await?;
        Ok(counts.unwrap_or_default())
    }
}

fn batch_file(no: &str) -> String {
    format!("{SET}__621202__{TODAY}__changes__{no}.csv")
}

/// Persons of their own for each batch; the first number has a wrong check digit.
fn id_number(batch: usize, n: usize) -> String {
    let body = format!("6212021{:03}{:02}{:02}{:03}", 980 + batch / 10, n / 100 + 1, 1 + batch % 10 * 2, n % 100);
    let digit = check_digit(&body);
    let wrong = if digit == '0' { '1' } else { '0' };
    format!("{body}{}", if n == 0 { wrong } else { digit })
}

fn csv(batch: usize, rows: usize) -> String {
    let line = |n| format!("{},石敢当,621202100000,senior_high,S-1,高一,是,2026-09-01,enrolled\n", id_number(batch, n));
    let head = "id_number,name,division_code,stage,school_code,grade,boarding,enrolled_on,status\n";
    std::iter::once(head.to_owned()).chain((0..rows).map(line)).collect()
}

fn packed(parts: &[(String, String)]) -> anyhow::Result<Vec<u8>> {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, content) in parts {
        zip.start_file(name.as_str(), zip::write::SimpleFileOptions::default())?;
        std::io::Write::write_all(&mut zip, content.as_bytes())?;
    }
    Ok(zip.finish().context("cannot pack")?.into_inner())
}
