//! Families: who lives together, how old they are, where, and on what income.

use chrono::NaiveDate;
use rand::Rng;

use super::{Builder, plant::FUND_TOWNSHIPS};
use crate::{
    calendar,
    division::{County, Township, townships},
    household::Household,
    person::{self, Person, Sex},
};

/// A member to be: sex, age, relation to the head.
pub(crate) type Role = (Sex, i64, &'static str);

impl Builder {
    /// A family of an ordinary size, the head between 25 and 80.
    pub(crate) fn roles(&mut self) -> Vec<Role> {
        let size = match self.between(0, 99) {
            0..12 => 1,
            12..36 => 2,
            36..58 => 3,
            58..79 => 4,
            79..92 => 5,
            92..98 => 6,
            _ => 7,
        };
        let head = if size == 1 { self.between(45, 84) } else { self.between(28, 70) };
        let sex = if self.chance(0.82) { Sex::Male } else { Sex::Female };
        let mut roles = vec![(sex, head, "02")];
        if size > 1 {
            let spouse = (head + self.between(-4, 4)).max(22);
            roles.push(if sex == Sex::Male { (Sex::Female, spouse, "12") } else { (Sex::Male, spouse, "11") });
        }
        while roles.len() < size {
            let next = self.further(head, roles.len());
            roles.push(next);
        }
        roles
    }

    /// A family with enough people to earn: those who are neither at school nor old bear less than three others each.
    /// The others have the aid of civil affairs, or are planted.
    pub(crate) fn working_roles(&mut self) -> Vec<Role> {
        loop {
            let roles = self.roles();
            let earners = roles.iter().filter(|(_, age, _)| (22..60).contains(age)).count();
            if earners > 0 && roles.len() - earners < 3 * earners {
                return roles;
            }
        }
    }

    fn further(&mut self, head: i64, place: usize) -> Role {
        let boy = self.chance(0.52);
        let sex = if boy { Sex::Male } else { Sex::Female };
        if place >= 4 && head < 62 {
            let age = (head + self.between(22, 30)).min(93);
            return if boy { (sex, age, "51") } else { (sex, age, "52") };
        }
        let child = (head - self.between(23, 34)).max(0);
        if place >= 4 && child > 24 {
            let age = (child - self.between(22, 28)).max(0);
            return (sex, age, if boy { "41" } else { "42" });
        }
        (sex, child, if boy { "20" } else { "30" })
    }

    /// Makes a household of these roles with an income of so many percent of the standard a head.
    pub(crate) fn household(&mut self, county: County, rural: bool, roles: &[Role], percent: i64) -> Household {
        let township = self.township(county, rural);
        let surname = person::surname(&mut self.rng);
        let members: Vec<Person> = roles
            .iter()
            .map(|(sex, age, relation)| {
                let birth = self.birth(*age);
                let (id_number, birth_on) = self.numbers.next(county, birth, *sex);
                // Spouses keep their own family's name.
                let own =
                    if matches!(*relation, "11" | "12" | "52") { person::surname(&mut self.rng) } else { surname };
                let name = person::name(&mut self.rng, own);
                Person { id_number, name, sex: *sex, birth_on, relation }
            })
            .collect();
        let heads = i64::try_from(members.len()).unwrap_or(1);
        let standard = self.city.thresholds.standard_fen(county, rural);
        let income_fen = standard * 12 * heads * percent / 100;
        let number = self.city.households.len() + 1;
        let village = self.between(1, 19);
        Household {
            no: format!("{county}{number:08}"),
            county,
            township: township.code,
            rural,
            address: format!("{}第{village}村民小组{}号", township.title, number % 997 + 1),
            income_fen,
            // Within what every class of civil affairs allows.
            assets_fen: (self.between(0, 60) * 50_000).min(standard * self.city.thresholds.beside.assets_aided * heads),
            house_count: 1,
            members,
            vehicles: Vec::new(),
            classes: Vec::new(),
        }
    }

    fn township(&mut self, county: County, rural: bool) -> Township {
        let free = |t: &&Township| t.urban() != rural && !FUND_TOWNSHIPS.contains(&t.code);
        let fitting: Vec<Township> = townships(county).iter().filter(free).copied().collect();
        // Counties without street offices have their townspeople in the first town.
        match fitting.len() {
            0 => townships(county)[0],
            count => fitting[self.rng.random_range(0..count)],
        }
    }

    /// A birthday that makes somebody this old at the start and, except for grown-ups, all through the play.
    fn birth(&mut self, age: i64) -> NaiveDate {
        use chrono::Datelike as _;
        let start = calendar::start();
        let year = start.year() - i32::try_from(age).unwrap_or(0);
        let month = self.rng.random_range(1..=10);
        let day = self.rng.random_range(1..=25);
        NaiveDate::from_ymd_opt(year, month, day).unwrap_or(start)
    }
}
