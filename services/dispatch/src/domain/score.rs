//! How much speaks for looking at a household first: a sum of a few addends, each of which a person can read.

/// Points of a work order for which everything speaks.
pub const MOST: i32 = 1000;

/// What the pack gives to each ground, and from how much of it on it counts in full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Weights {
    pub level: i32,
    pub yields: i32,
    pub bureaus: i32,
    pub visit: i32,
    pub bureaus_full: i32,
    pub visit_full_days: i32,
}

/// What is known of a work order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grounds {
    /// 1 is the most urgent, 5 the least.
    pub level: i16,
    /// Best yield, of late, among the indicators of its standing warnings; unknown when too few were checked.
    pub yield_permille: Option<i32>,
    /// Bureaus whose data speak for it besides those behind its most urgent warning.
    pub further_bureaus: i32,
    pub visit: LastVisit,
}

/// When somebody was there last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LastVisit {
    /// It is about a feed.
    NoPlace,
    /// None is on record.
    Never,
    DaysAgo(i32),
}

/// What an addend is given for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ground {
    Level,
    Yield { permille: i32 },
    Bureaus { further: i32 },
    NeverVisited,
    Visited { days_ago: i32 },
}

/// The addends that are not nought; their sum is the score, 0 to [`MOST`].
pub fn addends(grounds: &Grounds, weights: &Weights) -> Vec<(Ground, i32)> {
    let part = |weight: i32, of: i32, full: i32| {
        let full = full.max(1);
        weight.clamp(0, MOST) * of.clamp(0, full) / full
    };
    let mut all = vec![(Ground::Level, part(weights.level, 5 - i32::from(grounds.level), 4))];
    if let Some(permille) = grounds.yield_permille {
        all.push((Ground::Yield { permille }, part(weights.yields, permille, MOST)));
    }
    let further = grounds.further_bureaus;
    all.push((Ground::Bureaus { further }, part(weights.bureaus, further, weights.bureaus_full)));
    match grounds.visit {
        LastVisit::NoPlace => {}
        LastVisit::Never => all.push((Ground::NeverVisited, part(weights.visit, 1, 1))),
        LastVisit::DaysAgo(days_ago) => {
            all.push((Ground::Visited { days_ago }, part(weights.visit, days_ago, weights.visit_full_days)));
        }
    }
    let mut left = MOST;
    for (_, points) in &mut all {
        *points = (*points).min(left);
        left -= *points;
    }
    all.retain(|(_, points)| *points > 0);
    all
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const WEIGHTS: Weights =
        Weights { level: 400, yields: 300, bureaus: 200, visit: 100, bureaus_full: 3, visit_full_days: 180 };

    fn score(grounds: &Grounds, weights: &Weights) -> i32 {
        addends(grounds, weights).iter().map(|(_, points)| points).sum()
    }

    fn grounds() -> impl Strategy<Value = Grounds> {
        let visit =
            prop_oneof![Just(LastVisit::NoPlace), Just(LastVisit::Never), (-400..4_000).prop_map(LastVisit::DaysAgo),];
        (1_i16..=5, prop::option::of(0..=1000), 0..12, visit).prop_map(
            |(level, yield_permille, further_bureaus, visit)| Grounds { level, yield_permille, further_bureaus, visit },
        )
    }

    fn weights() -> impl Strategy<Value = Weights> {
        let any = || prop_oneof![-10..2_000, Just(i32::MAX), Just(i32::MIN)];
        (any(), any(), any(), any(), any(), any()).prop_map(
            |(level, yields, bureaus, visit, bureaus_full, visit_full_days)| Weights {
                level,
                yields,
                bureaus,
                visit,
                bureaus_full,
                visit_full_days,
            },
        )
    }

    #[test]
    fn everything_that_speaks_for_it_gives_a_thousand_and_nothing_gives_nought() {
        let all = Grounds { level: 1, yield_permille: Some(1000), further_bureaus: 3, visit: LastVisit::Never };
        assert_eq!(
            addends(&all, &WEIGHTS),
            [
                (Ground::Level, 400),
                (Ground::Yield { permille: 1000 }, 300),
                (Ground::Bureaus { further: 3 }, 200),
                (Ground::NeverVisited, 100),
            ]
        );
        let none = Grounds { level: 5, yield_permille: None, further_bureaus: 0, visit: LastVisit::DaysAgo(0) };
        assert_eq!(addends(&none, &WEIGHTS), []);
    }

    proptest! {
        #[test]
        fn it_is_between_nought_and_a_thousand_whatever_the_pack_says(g in grounds(), w in weights()) {
            let all = addends(&g, &w);
            prop_assert!(all.iter().all(|(_, points)| *points > 0));
            prop_assert!((0..=MOST).contains(&score(&g, &w)));
        }

        #[test]
        fn more_that_speaks_for_it_never_gives_less(g in grounds(), w in weights(), more in 1_i32..500) {
            let least = score(&g, &w);
            let level = Grounds { level: (g.level - 1).max(1), ..g };
            let yields = Grounds { yield_permille: g.yield_permille.map(|y| (y + more).min(MOST)), ..g };
            let known = Grounds { yield_permille: g.yield_permille.or(Some(more)), ..g };
            let bureaus = Grounds { further_bureaus: g.further_bureaus + more, ..g };
            let visit = match g.visit {
                LastVisit::DaysAgo(days) => LastVisit::DaysAgo(days + more),
                other => other,
            };
            let never = if g.visit == LastVisit::NoPlace { g.visit } else { LastVisit::Never };
            for richer in [level, yields, known, bureaus, Grounds { visit, ..g }, Grounds { visit: never, ..g }] {
                prop_assert!(score(&richer, &w) >= least, "{richer:?}");
            }
        }
    }
}
