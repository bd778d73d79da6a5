//! J3: every rule of the pack over a city in the database, from facts in tables to outcomes and explanations in a table;
//! beside COPY out of the inputs and COPY in of the results, beside OpenFisca, and beside two rules engines.

mod book;
mod child;
mod copy;
mod facts;
mod ours;
mod profile;
mod records;
mod statement;
mod subset;
mod town;
mod translate;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, ensure};
use chrono::NaiveDate;
use minqing_policy::Pack;
use serde_json::{Map, Value, json};
use sqlx::{AssertSqlSafe, PgConnection};
use uuid::Uuid;

use self::{
    book::Book,
    child::Program,
    facts::Facts,
    ours::{From, Kept, Ours, SLICE, Tallies},
    town::Town,
    translate::Language,
};
use crate::measure::{Cost, Processes, middle, round};

/// What the caller of the job says.
pub struct Options {
    pub repeats: usize,
    pub households: usize,
    /// Households the engines judge: they are slow.
    pub engine_households: usize,
    pub policy: PathBuf,
    /// Python with OpenFisca; without it that part is left out.
    pub python: Option<PathBuf>,
    /// The engines' program; without it that part is left out.
    pub engines: Option<PathBuf>,
    pub scratch: PathBuf,
}

/// What every part works with.
struct Bench<'a> {
    options: &'a Options,
    town: Town,
    ids: Vec<Uuid>,
    today: NaiveDate,
    pack: Pack,
    /// The rules that anchors judge too.
    part: Pack,
    facts: Facts,
    processes: Processes,
}

pub async fn run(admin: &str, today: &str, options: &Options) -> anyhow::Result<Value> {
    let pack = Pack::load(&options.policy).map_err(|errors| anyhow::anyhow!("the policy pack: {errors}"))?;
    let day: NaiveDate = today.parse()?;
    let (chosen, left) = subset::choose(&pack, (&options.policy, &options.scratch.join("one")), day);
    ensure!(!chosen.is_empty(), "no rule of the pack can be said by the anchors: {left:?}");
    let part = subset::pack(&pack, (&options.policy, &options.scratch.join("part")), (&chosen, day))?;
    let town = Town::build(admin, (&pack, today, options.households), &subset::sources(&part)).await?;
    let facts = Facts::gather(&town, &part).await?;
    let mut connection = town.connect().await?;
    town::run(&mut connection, ours::TABLES).await?;
    let processes = Processes::of(&mut connection).await?;
    let ids = town.ids().await?;
    let bench = Bench { options, ids, today: day, pack, part, facts, processes, town };
    let mut figures = Map::new();
    figures.insert("city".to_owned(), bench.city(&mut connection).await?);
    figures.insert("profile".to_owned(), profile::of(&bench, &mut connection).await?);
    figures.insert("rules_of_anchors".to_owned(), json!({"judged": chosen, "left_out": left}));
    figures.insert("openfisca".to_owned(), bench.openfisca(&mut connection).await?);
    figures.insert("engines".to_owned(), bench.engines(&mut connection).await?);
    drop(connection);
    town::drop_database(admin).await?;
    Ok(Value::Object(figures))
}

impl Bench<'_> {
    /// One pass of ours; what earlier passes stored is gone before it begins.
    async fn pass(
        &self,
        connection: &mut PgConnection,
        ours: &Ours,
        households: usize,
    ) -> anyhow::Result<(Cost, Tallies)> {
        town::run(connection, "truncate bench.outcome").await?;
        let watch = self.processes.watch();
        let tallies = ours.judge(connection, &self.ids[..households], SLICE).await?;
        Ok((watch.stop(), tallies))
    }

    /// The whole pack, beside COPY.
    async fn city(&self, connection: &mut PgConnection) -> anyhow::Result<Value> {
        let ours = Ours::of(&self.pack, self.today, From::Records, Kept::Explained)?;
        let (mut mine, mut bare) = (Vec::new(), Vec::new());
        let mut moved = copy::Moved::default();
        // One slice, and one copy below, warm caches and do not count.
        let sample = SLICE.min(self.ids.len());
        self.pass(connection, &ours, sample).await?;
        let mut results = Vec::new();
        for turn in 0..self.options.repeats.max(1) {
            mine.push(self.pass(connection, &ours, self.ids.len()).await?.0);
            if turn == 0 {
                results = copy::results(connection).await?;
                copy::both(&self.town.url, &results).await?;
            }
            let watch = self.processes.watch();
            moved = copy::both(&self.town.url, &results).await?;
            bare.push(watch.stop());
        }
        let (mine, bare) = (middle(&mine), middle(&bare));
        let (stored, fulfilled): (i64, i64) =
            sqlx::query_as("select count(*), count(distinct rule) from bench.outcome")
                .fetch_one(&mut *connection)
                .await?;
        let households = self.town.households;
        Ok(json!({
            "households": households,
            "members": self.town.members,
            "records": self.town.records,
            "stale_datasets": self.town.stale,
            "rules_true_of_somebody": fulfilled,
            "outcomes_stored": stored,
            "all_outcomes_of_a_sample": self.sample(connection, sample).await?,
            "slice": SLICE,
            "repeats": self.options.repeats,
            "seconds": round(mine.wall),
            "cpu_seconds": round(mine.cpu),
            "households_per_second": round(rate(households, mine.wall)),
            "households_per_cpu_second": round(rate(households, mine.cpu)),
            "copy_seconds": round(bare.wall),
            "copy_cpu_seconds": round(bare.cpu),
            "copy_mib_out": moved.out >> 20,
            "copy_mib_in": moved.within >> 20,
            "ratio_to_copy": round(mine.wall / bare.wall),
            "cpu_ratio_to_copy": round(mine.cpu / bare.cpu),
            "goal": "ratio <= 1.3",
        }))
    }

    /// How many outcomes there are, of which kind: not timed.
    async fn sample(&self, connection: &mut PgConnection, households: usize) -> anyhow::Result<Value> {
        let counted = Ours::of(&self.pack, self.today, From::Records, Kept::Counted)?;
        let tallies = counted.judge(connection, &self.ids[..households], SLICE).await?;
        let sum = |of: fn(&ours::Tally) -> i64| tallies.values().map(of).sum::<i64>();
        let (judged, fulfilled, unknown) = (sum(|t| t.judged), sum(|t| t.fulfilled), sum(|t| t.unknown));
        Ok(json!({
            "households": households,
            "rules": tallies.len(),
            "judged": judged,
            "true": fulfilled,
            "unknown": unknown,
            "false": judged - fulfilled - unknown,
        }))
    }

    /// The rules OpenFisca says too: the whole way from records to explained outcomes, and the shortest way from facts in
    /// flat tables to bare outcomes.
    async fn openfisca(&self, connection: &mut PgConnection) -> anyhow::Result<Value> {
        let Some(python) = &self.options.python else {
            return Ok(json!("left out: OpenFisca-Core could not be installed"));
        };
        let rules = self.options.scratch.join("openfisca.json");
        std::fs::write(&rules, serde_json::to_vec(&self.python_rules(connection).await?)?)?;
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/openfisca/judge.py");
        let mut theirs =
            Program::start(python, &[script, &rules.display().to_string(), self.town.url.as_str()]).await?;
        let with_child = self.processes.with(theirs.id()?);
        let mut figures = Map::new();
        for (title, from, kept) in
            [("records_to_explained", From::Records, Kept::Explained), ("facts_to_bare", From::Facts, Kept::Bare)]
        {
            let ours = Ours::of(&self.part, self.today, from, kept)?;
            let counted = Ours::of(&self.part, self.today, from, Kept::Counted)?;
            let counts = counted.judge(connection, &self.ids, SLICE).await?;
            let input = if from == From::Records { "records" } else { "facts" };
            let command = json!({"input": input, "explained": kept == Kept::Explained, "store": true}).to_string();
            let (mut mine, mut other) = (Vec::new(), Vec::new());
            let mut steps: BTreeMap<String, Vec<f64>> = BTreeMap::new();
            for turn in 0..=self.options.repeats {
                let (cost, _) = self.pass(connection, &ours, self.ids.len()).await?;
                town::run(connection, "truncate bench.openfisca").await?;
                let watch = with_child.watch();
                let answer = theirs.ask(&command).await?;
                let their_cost = watch.stop();
                same_counts(&counts, &answer["counts"])?;
                if turn == 0 {
                    same_rows(connection).await?;
                    continue;
                }
                mine.push(cost);
                other.push(their_cost);
                for (step, seconds) in answer["seconds"].as_object().into_iter().flatten() {
                    steps.entry(step.clone()).or_default().push(seconds.as_f64().unwrap_or_default());
                }
            }
            let (mine, other) = (middle(&mine), middle(&other));
            let steps: Map<String, Value> =
                steps.iter().map(|(step, all)| (step.clone(), json!(round(crate::measure::median(all))))).collect();
            figures.insert(
                title.to_owned(),
                json!({
                    "households_per_second": round(rate(self.town.households, mine.wall)),
                    "cpu_seconds": round(mine.cpu),
                    "openfisca_households_per_second": round(rate(self.town.households, other.wall)),
                    "openfisca_cpu_seconds": round(other.cpu),
                    "openfisca_seconds_by_step": steps,
                    "ratio_to_openfisca": round(other.wall / mine.wall),
                    "cpu_ratio_to_openfisca": round(other.cpu / mine.cpu),
                    "outcomes_equal": true,
                }),
            );
        }
        figures.insert("goal".to_owned(), json!("ratio >= 3"));
        Ok(Value::Object(figures))
    }

    async fn python_rules(&self, connection: &mut PgConnection) -> anyhow::Result<Value> {
        let mut rules = Book::of(&self.part, (Language::Python, self.today), &self.facts.given)?
            .json(&self.part, &self.facts.given);
        let shown = profile::parameters_shown(self, connection).await?;
        for rule in rules["rules"].as_array_mut().context("no rules")? {
            let key = format!("j_{}", rule["key"].as_str().unwrap_or_default());
            let texts: Vec<&Value> = self.facts.places().iter().map(|place| &shown[place.as_str()][&key]).collect();
            rule["parameters"] = texts.iter().map(|text| json!(text.to_string())).collect();
        }
        let mut all = self.facts.json(&self.part);
        all["made"] = rules["made"].take();
        all["rules"] = rules["rules"].take();
        all["today"] = json!(self.today.to_string());
        all["parameters"] = facts::parameters_json(&self.part, self.facts.places(), self.today)?;
        Ok(all)
    }

    /// The same rules as CEL and as ZEN, and ours from facts to verdicts, nothing stored.
    async fn engines(&self, connection: &mut PgConnection) -> anyhow::Result<Value> {
        let Some(program) = &self.options.engines else {
            return Ok(json!("left out: the engines' program was not built"));
        };
        let sample = self.options.engine_households.min(self.ids.len());
        let input = self.options.scratch.join("engines.json");
        self.engine_input(&input, sample).await?;
        let mut theirs = Program::start(program, &[&input.display().to_string()]).await?;
        let ours = Ours::of(&self.part, self.today, From::Facts, Kept::Nothing)?;
        let (_, expected) = self.pass(connection, &ours, sample).await?;
        let mut mine = Vec::new();
        let mut others: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
        for turn in 0..=self.options.repeats {
            let (cost, _) = self.pass(connection, &ours, self.ids.len()).await?;
            if turn > 0 {
                mine.push(cost);
            }
            for engine in ["cel", "zen"] {
                let answer = theirs.ask(engine).await?;
                same_fulfilled(&expected, &answer["counts"]).with_context(|| engine.to_owned())?;
                if turn > 0 {
                    others.entry(engine).or_default().push(answer["seconds"].as_f64().unwrap_or_default());
                }
            }
        }
        let mine = middle(&mine);
        let own_rate = rate(self.town.households, mine.cpu);
        let mut figures = Map::new();
        figures.insert("households_per_cpu_second".to_owned(), json!(round(own_rate)));
        figures.insert("households_of_engines".to_owned(), json!(sample));
        for (engine, seconds) in others {
            let their_rate = rate(sample, crate::measure::median(&seconds));
            figures.insert(format!("{engine}_households_per_second"), json!(round(their_rate)));
            figures.insert(format!("ratio_to_{engine}"), json!(round(own_rate / their_rate)));
        }
        figures.insert("goal".to_owned(), json!("ratio to CEL >= 5, to ZEN >= 8, a thread"));
        Ok(Value::Object(figures))
    }

    async fn engine_input(&self, path: &Path, sample: usize) -> anyhow::Result<()> {
        let households = self.facts.held(&self.town, &self.part, &self.ids[..sample]).await?;
        let book = |language| Book::of(&self.part, (language, self.today), &self.facts.given);
        let input = json!({
            "cel": book(Language::Cel)?.json(&self.part, &self.facts.given),
            "zen": book(Language::Zen)?.json(&self.part, &self.facts.given),
            "households": households,
        });
        Ok(std::fs::write(path, serde_json::to_vec(&input)?)?)
    }
}

fn rate(count: usize, seconds: f64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "counts far below 2^53")]
    let count = count as f64;
    count / seconds
}

/// Every rule was as often true and unknown on both sides, and paid the same.
fn same_counts(ours: &Tallies, theirs: &Value) -> anyhow::Result<()> {
    for (rule, tally) in ours {
        let mine = json!([tally.fulfilled, tally.unknown, tally.paid_fen]);
        ensure!(theirs[rule] == mine, "{rule}: ours {mine} (true, unknown, fen), theirs {}", theirs[rule]);
    }
    Ok(())
}

fn same_fulfilled(ours: &Tallies, theirs: &Value) -> anyhow::Result<()> {
    for (rule, tally) in ours {
        ensure!(theirs[rule] == json!(tally.fulfilled), "{rule}: ours {}, theirs {}", tally.fulfilled, theirs[rule]);
    }
    Ok(())
}

/// Row by row, explanations included.
async fn same_rows(connection: &mut PgConnection) -> anyhow::Result<()> {
    let columns = "household_id, person_key, rule, amount_fen, conditions, facts, parameters";
    let only = |a: &str, b: &str| {
        format!("select count(*) from (select {columns} from bench.{a} except select {columns} from bench.{b}) d")
    };
    let sql = format!("select ({}), ({})", only("outcome", "openfisca"), only("openfisca", "outcome"));
    let (mine, theirs): (i64, i64) = sqlx::query_as(AssertSqlSafe(sql)).fetch_one(connection).await?;
    ensure!(mine == 0 && theirs == 0, "{mine} outcomes are only ours, {theirs} only OpenFisca's");
    Ok(())
}
