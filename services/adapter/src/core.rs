//! What every part of one adapter shares: the bureau, its datasets made ready, the peers, the process's context.

use std::{collections::HashMap, sync::Arc};

use minqing_kit::Context;
use minqing_proto::minqing::types::v1;

use crate::{bureau::Bureau, division::Divisions, peers::Peers, places::Places, receipt, row::schema::Schema};

/// One adapter.
pub struct Core {
    pub bureau: Bureau,
    pub number: v1::Bureau,
    pub cx: Context,
    pub peers: Peers,
    pub divisions: Arc<Divisions>,
    pub places: Places,
    pub receipts: Arc<receipt::Keys>,
    schemas: HashMap<String, Arc<Schema>>,
}

impl Core {
    /// Fails when the bureau's data do not fit the contract: better at start than at the first row.
    pub fn new(bureau: Bureau, cx: Context) -> anyhow::Result<Core> {
        let schemas =
            Schema::all(bureau).map_err(|faults| anyhow::anyhow!("{}: {}", bureau.name, faults.join("; ")))?;
        let number = bureau.number().ok_or_else(|| anyhow::anyhow!("the contract has no bureau {}", bureau.name))?;
        let peers = Peers::new(&cx)?;
        let receipts = Arc::new(receipt::Keys::load(cx.settings.signing_dir.as_deref())?);
        Ok(Core {
            bureau,
            number,
            divisions: Arc::new(Divisions::new(peers.clone())),
            peers,
            cx,
            places: Places::default(),
            receipts,
            schemas: schemas.into_iter().map(|s| (s.name().to_owned(), Arc::new(s))).collect(),
        })
    }

    pub fn schema(&self, dataset: &str) -> Option<Arc<Schema>> {
        self.schemas.get(dataset).cloned()
    }

    /// Name of the dataset with this Chinese title.
    pub fn dataset_titled(&self, title: &str) -> Option<String> {
        let found = self.bureau.datasets.iter().find(|d| self.schema(d).is_some_and(|s| s.dataset.title == title));
        found.map(|d| (*d).to_owned())
    }

    /// Every dataset, by name.
    pub fn schemas(&self) -> Vec<Arc<Schema>> {
        let mut all: Vec<_> = self.schemas.values().cloned().collect();
        all.sort_by(|a, b| a.name().cmp(b.name()));
        all
    }
}
