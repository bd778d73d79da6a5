//! `minqing adapter new`.

use clap::Args;

/// Options.
#[derive(Args)]
pub struct Options {
    /// Name.
    name: String,
}

pub fn run(_: &Options) -> anyhow::Result<()> {
    Ok(())
}
