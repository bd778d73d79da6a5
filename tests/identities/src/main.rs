//! Prints precision and recall of identity proposals by kind of slip.

use std::io::Write as _;

use clap::Parser;
use minqing_identities::{
    dirt::{self, SLIPS},
    people,
    run::Mesh,
    score,
};
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;

/// A register of people and as many rows with one slip each, through a real adapter and a real register.
#[derive(Parser)]
struct Options {
    /// People on file.
    #[arg(long, default_value_t = 5_000)]
    people: usize,
    /// Rows with a slip, shared equally among the kinds.
    #[arg(long, default_value_t = 5_000)]
    rows: usize,
    #[arg(long, default_value_t = 7)]
    seed: u64,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let mut rng = ChaCha8Rng::seed_from_u64(options.seed);
    let people = people::people(options.people, &mut rng);
    let rows = dirt::rows(options.rows / SLIPS.len(), &people, &mut rng);
    let mut mesh = Mesh::start().await?;
    mesh.collect(&people).await?;
    let taken = mesh.send(&rows).await?;
    let reviews = mesh.reviews().await?;
    let scores = score::scores(&people, &rows, &reviews);
    let mut out = std::io::stdout().lock();
    writeln!(out, "people {}, rows {}, reviews {}, seed {}", people.len(), rows.len(), reviews.len(), options.seed)?;
    writeln!(
        out,
        "rows taken {}, of them linked {}, refused with a remedy {}\n",
        taken.accepted, taken.linked, taken.with_remedy
    )?;
    write!(out, "{scores}")?;
    drop(out);
    mesh.stop().await
}
