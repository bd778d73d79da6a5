//! Wall and CPU time, medians, and what machine it was.

use std::{collections::BTreeMap, fs, time::Instant};

use anyhow::Context as _;
use serde_json::{Value, json};

/// A stretch of work: wall seconds and the CPU seconds the whole machine spent in it. Client, mesh and database share
/// the machine, so their sum is the fair figure; other processes are in it too, which `load` tells.
#[derive(Clone, Copy, Debug)]
pub struct Cost {
    pub wall: f64,
    pub cpu: f64,
}

/// Starts a measurement.
pub struct Watch {
    began: Instant,
    busy: f64,
}

impl Watch {
    pub fn start() -> Watch {
        Watch { began: Instant::now(), busy: busy_seconds() }
    }

    pub fn stop(self) -> Cost {
        Cost { wall: self.began.elapsed().as_secs_f64(), cpu: busy_seconds() - self.busy }
    }
}

/// CPU seconds all cores have been busy since the machine started.
fn busy_seconds() -> f64 {
    let text = fs::read_to_string("/proc/stat").unwrap_or_default();
    let line = text.lines().next().unwrap_or_default();
    let ticks: Vec<f64> = line.split_whitespace().skip(1).filter_map(|t| t.parse().ok()).collect();
    // user, nice, system, irq, softirq; idle and iowait are not work. A tick is 1/100 s on every Linux we run on.
    [0, 1, 2, 5, 6].iter().filter_map(|i| ticks.get(*i)).sum::<f64>() / 100.0
}

/// Whose CPU counts: this process, the database with all its backends, and a child when there is one. Unlike [`Watch`]
/// it leaves out whatever else the machine does, so it holds under load.
pub struct Processes {
    postmaster: u32,
    child: Option<u32>,
}

impl Processes {
    /// Of the database that the connection leads to.
    pub async fn of(connection: &mut sqlx::PgConnection) -> anyhow::Result<Processes> {
        let backend: i32 = sqlx::query_scalar("select pg_backend_pid()").fetch_one(connection).await?;
        let stat = Stat::read(u32::try_from(backend)?).context("the database is on another machine")?;
        Ok(Processes { postmaster: stat.parent, child: None })
    }

    pub fn with(&self, child: u32) -> Processes {
        Processes { postmaster: self.postmaster, child: Some(child) }
    }

    pub fn watch(&self) -> ProcessWatch<'_> {
        ProcessWatch { processes: self, began: Instant::now(), busy: self.seconds() }
    }

    fn seconds(&self) -> f64 {
        let mut sum = 0.0;
        for one in [Some(std::process::id()), self.child].into_iter().flatten() {
            sum += Stat::read(one).map_or(0.0, |stat| stat.own);
        }
        let postmaster = Stat::read(self.postmaster);
        // Backends that are gone are in the postmaster's account of its children.
        sum += postmaster.map_or(0.0, |stat| stat.own + stat.reaped);
        for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
            let pid = entry.file_name().to_str().and_then(|name| name.parse().ok());
            let stat = pid.and_then(Stat::read).filter(|stat| stat.parent == self.postmaster);
            sum += stat.map_or(0.0, |stat| stat.own);
        }
        sum
    }
}

/// A running measurement.
pub struct ProcessWatch<'a> {
    processes: &'a Processes,
    began: Instant,
    busy: f64,
}

impl ProcessWatch<'_> {
    pub fn stop(self) -> Cost {
        Cost { wall: self.began.elapsed().as_secs_f64(), cpu: self.processes.seconds() - self.busy }
    }
}

/// CPU seconds so far of this program, each service of the mesh that runs it, and each service's sessions at the database.
pub struct Accounts {
    postmaster: u32,
    mesh: u32,
}

/// CPU seconds by who spent them.
pub type Spent = BTreeMap<String, f64>;

impl Accounts {
    /// Of the database that the connection leads to.
    pub async fn of(connection: &mut sqlx::PgConnection) -> anyhow::Result<Accounts> {
        let postmaster = Processes::of(connection).await?.postmaster;
        Ok(Accounts { postmaster, mesh: std::os::unix::process::parent_id() })
    }

    /// As [`Accounts::now`], once a session that was just closed is in the postmaster's account: one that ends while this
    /// looks would be in nobody's.
    pub async fn settled(&self) -> Spent {
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        self.now()
    }

    pub fn now(&self) -> Spent {
        let mut spent = Spent::new();
        let mut add = |who: String, seconds: f64| *spent.entry(who).or_default() += seconds;
        add("client".to_owned(), Stat::read(std::process::id()).map_or(0.0, |stat| stat.own));
        // Sessions that are gone are in the postmaster's account of its children.
        let postmaster = Stat::read(self.postmaster);
        add("database: others".to_owned(), postmaster.map_or(0.0, |stat| stat.own + stat.reaped));
        for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
            let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
            let Some(stat) = Stat::read(pid) else { continue };
            let command = fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            if stat.parent == self.postmaster {
                let role = command.split(' ').nth(1).and_then(|role| role.strip_prefix("minqing_"));
                add(format!("database: {}", role.unwrap_or("others")), stat.own);
            } else if stat.parent == self.mesh {
                let mut words = command.split('\0').skip_while(|word| *word != "serve");
                words.next().and(words.next()).into_iter().for_each(|service| add(service.to_owned(), stat.own));
            }
        }
        spent
    }
}

/// What was spent between two looks.
pub fn between(before: &Spent, after: &Spent) -> Spent {
    after.iter().map(|(who, seconds)| (who.clone(), seconds - before.get(who).copied().unwrap_or_default())).collect()
}

pub fn sum(spent: &Spent) -> f64 {
    spent.values().sum()
}

/// Microseconds a row by who spent them, the most first; what is less than a hundredth is left out.
pub fn by_row(spent: &Spent, rows: usize) -> Value {
    let mut most: Vec<_> = spent.iter().filter(|(_, seconds)| **seconds * 100.0 >= sum(spent)).collect();
    most.sort_by(|a, b| b.1.total_cmp(a.1));
    #[expect(clippy::cast_precision_loss, reason = "small counts")]
    let of_row = |seconds: f64| round(seconds / rows as f64 * 1e6);
    let told: Vec<_> = most.into_iter().map(|(who, seconds)| format!("{who} {}", of_row(*seconds))).collect();
    json!(told.join(", "))
}

/// A process's account.
struct Stat {
    parent: u32,
    own: f64,
    reaped: f64,
}

impl Stat {
    fn read(pid: u32) -> Option<Stat> {
        let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name before it may hold anything, spaces and brackets too.
        let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
        let seconds = |from: usize| {
            fields.iter().skip(from).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
        };
        Some(Stat { parent: fields.get(1)?.parse().ok()?, own: seconds(11), reaped: seconds(13) })
    }
}

/// Load average of the last minute.
pub fn load() -> f64 {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace().next().and_then(|t| t.parse().ok()).unwrap_or(0.0)
}

/// Processor, cores, memory, load.
pub fn machine() -> Value {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu.lines().find_map(|l| l.strip_prefix("model name")).unwrap_or_default();
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let total = memory.lines().next().unwrap_or_default().to_owned();
    json!({
        "processor": model.trim_start_matches([' ', '\t', ':']),
        "cores": std::thread::available_parallelism().map_or(0, usize::from),
        "memory": total,
        "load_before": load(),
    })
}

/// The middle wall and CPU seconds.
pub fn middle(costs: &[Cost]) -> Cost {
    let of = |part: fn(&Cost) -> f64| median(&costs.iter().map(part).collect::<Vec<_>>());
    Cost { wall: of(|cost| cost.wall), cpu: of(|cost| cost.cpu) }
}

/// The middle value.
pub fn median(values: &[f64]) -> f64 {
    percentile(values, 50.0)
}

/// A percentile by nearest rank.
pub fn percentile(values: &[f64], p: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    if sorted.is_empty() {
        return 0.0;
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rank within the list")]
    let rank = ((p / 100.0 * sorted.len() as f64).ceil() as usize).clamp(1, sorted.len());
    sorted[rank - 1]
}

/// Three significant digits are all that such a measurement carries.
pub fn round(value: f64) -> f64 {
    if value == 0.0 || !value.is_finite() {
        return value;
    }
    let scale = 10_f64.powf(2.0 - value.abs().log10().floor());
    (value * scale).round() / scale
}
