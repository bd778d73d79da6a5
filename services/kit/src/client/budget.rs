//! How many retries a peer may be burdened with: each call earns a tenth of one, up to a small reserve, so that a peer
//! that fails altogether gets about a tenth more calls, not three times as many.

use std::sync::atomic::{AtomicI64, Ordering};

/// Tenths of a retry.
const EARNED: i64 = 1;
const PRICE: i64 = 10;
const RESERVE: i64 = 100;

pub(super) struct Budget(AtomicI64);

impl Default for Budget {
    fn default() -> Self {
        Budget(AtomicI64::new(RESERVE))
    }
}

impl Budget {
    pub fn earn(&self) {
        let _ = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |now| {
            (now < RESERVE).then(|| (now + EARNED).min(RESERVE))
        });
    }

    /// Takes the price of one retry; false when it is not there.
    pub fn spend(&self) -> bool {
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |now| (now >= PRICE).then(|| now - PRICE)).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thousand_failing_calls_get_about_a_tenth_more() {
        let budget = Budget::default();
        let mut retries = 0;
        for _ in 0..1000 {
            budget.earn();
            for _ in 0..2 {
                if budget.spend() {
                    retries += 1;
                }
            }
        }
        assert!((100..=111).contains(&retries), "{retries}");
    }
}
