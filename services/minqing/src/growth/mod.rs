//! `minqing growth`: by what the tables are split over many machines, as statements for whoever runs the database; and the
//! statements that `deploy/growth/simulate` measures.

mod layout;

use std::{
    collections::BTreeMap,
    io::{self, StdoutLock, Write as _},
    path::PathBuf,
};

use clap::Subcommand;
use minqing_policy::{Pack, catalogue};

use layout::{Table, Way};

/// What can be asked about growth.
#[derive(Subcommand)]
pub enum Command {
    /// Print the statements that split the tables over the machines of a Citus cluster (输出 Citus 分布语句).
    Citus,
    /// Print each table with the column it is split by, as JSON (输出各表的分布列).
    Keys,
    /// Print the tables of the record sets, which monitoring makes at its start (输出数据集建表语句).
    Tables,
    /// Print the statement that screens households by a pack; $1 uuid[] households, $2 date (输出政策包筛查语句).
    Screening {
        /// The pack's folder.
        #[arg(long)]
        policy: PathBuf,
    },
}

/// Runs the command.
pub fn run(command: &Command) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    match command {
        Command::Citus => citus(&mut out, &layout::tables()?)?,
        Command::Keys => {
            serde_json::to_writer_pretty(&mut out, &layout::tables()?)?;
            writeln!(out)?;
        }
        Command::Tables => {
            for statement in catalogue::record_sets().iter().flat_map(catalogue::record_table_ddl) {
                writeln!(out, "{statement};")?;
            }
        }
        Command::Screening { policy } => writeln!(out, "{}", Pack::load(policy)?.hits_sql())?,
    }
    Ok(())
}

/// Copies come first, since split tables may name their rows.
fn citus(out: &mut StdoutLock<'_>, tables: &[Table]) -> io::Result<()> {
    writeln!(
        out,
        "-- As the database's owner, after the services have made their tables and while none of them runs."
    )?;
    writeln!(out, "create extension if not exists citus;")?;
    for Table { schema, table, way } in tables {
        if matches!(way, Way::Reference) {
            writeln!(out, "select create_reference_table('{schema}.{table}');")?;
        }
    }
    let mut first: BTreeMap<(&str, &str), &str> = BTreeMap::new();
    for Table { schema, table, way } in tables {
        match way {
            Way::Reference => {}
            Way::Local { because } => writeln!(out, "-- {schema}.{table} stays whole: {because}")?,
            Way::Split { group, column, held } if held.is_empty() => {
                let beside = first.entry((schema, group)).or_insert(table);
                let beside = if *beside == table { "none".to_owned() } else { format!("{schema}.{beside}") };
                writeln!(
                    out,
                    "select create_distributed_table('{schema}.{table}', '{column}', colocate_with => '{beside}');"
                )?;
            }
            Way::Split { column, held, .. } => {
                writeln!(out, "-- {schema}.{table} ({column}) stays whole for now:")?;
                for (constraint, guards) in held {
                    writeln!(out, "--   {constraint}: {guards}")?;
                }
            }
        }
    }
    Ok(())
}
