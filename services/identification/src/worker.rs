//! Reconcilers of identification.

use std::{sync::Arc, time::Duration};

use futures::{FutureExt as _, future::BoxFuture};
use minqing_kit::{
    Call, Result,
    reconcile::{Pass, Reconciler},
};

use crate::app::Identification;

/// Everything that runs by itself.
pub fn reconcilers(identification: &Arc<Identification>) -> Vec<Arc<dyn Reconciler>> {
    vec![Arc::new(NewPack(Arc::clone(identification)))]
}

/// Assesses open cases anew after a deployment brought another policy pack.
struct NewPack(Arc<Identification>);

impl Reconciler for NewPack {
    fn name(&self) -> &'static str {
        "new_pack"
    }

    fn every(&self) -> Duration {
        Duration::from_secs(60)
    }

    fn run_once(&self) -> BoxFuture<'_, Result<Pass>> {
        async move {
            let call = Call::worker("identification", "new_pack");
            let (did, caught_up) = self.0.renew(&call).await?;
            Ok(Pass { did, caught_up, detail: format!("{did} households assessed with another pack") })
        }
        .boxed()
    }
}
