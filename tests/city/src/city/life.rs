//! Ordinary households: classes, work, school, illness, disability and housing in proportions believable for 陇南,
//! and what happens to them during the play. Bureaus know of them what they know of people whose aid has arrived: pupils
//! are on a roll, premiums are paid by whoever has to, renovations begin in time. What chance makes into a case all the
//! same is drawn again: hardship is planted, or comes during the play, so that every warning has its reason.

use chrono::NaiveDate;
use rand::Rng;

use super::{Builder, When, rows};
use crate::{
    calendar,
    dataset::{Dataset, Row},
    division::County,
    household::{Class, Held, Household, Vehicle},
    oracle,
    person::Sex,
};

type Rows = Vec<(When, u8, Row)>;

fn place(member: usize) -> u8 {
    u8::try_from(member).unwrap_or(u8::MAX)
}

impl Builder {
    /// One ordinary household, which concerns no indicator unless something happens to it.
    pub(crate) fn ordinary(&mut self, county: County) {
        loop {
            let (home, known) = self.life(county);
            if !self.concerns_any(&home, &known) {
                self.add(home, known);
                return;
            }
            self.city.redrawn += 1;
        }
    }

    /// Whether any indicator holds on one of the play's days; no window is narrower than the steps.
    fn concerns_any(&self, home: &Household, known: &Rows) -> bool {
        let arrived = super::arrived::rows(home, known);
        let told = |day| move |(when, _, _): &&(When, u8, Row)| *when <= When::On(day);
        let mut rows: Vec<(u8, Row)> = Vec::new();
        self.moments.iter().any(|at| {
            let all = || known.iter().chain(&arrived).filter(told(at.today));
            if all().count() != rows.len() {
                rows = all().map(|(_, member, row)| (*member, row.clone())).collect();
            }
            oracle::is_struck(home, &rows, &self.city.thresholds, at)
        })
    }

    fn life(&mut self, county: County) -> (Household, Rows) {
        let rural = self.chance(0.76);
        let class = self.class();
        let roles = match class {
            Some(Class::Destitute) => {
                vec![(if self.chance(0.7) { Sex::Male } else { Sex::Female }, self.between(62, 84), "02")]
            }
            Some(Class::MinimumLiving) => self.roles(),
            _ => self.working_roles(),
        };
        let percent = match class {
            Some(Class::MinimumLiving | Class::Destitute) => self.between(15, 92),
            Some(Class::Edge) => self.between(102, 145),
            Some(_) => self.between(120, 230),
            None => self.income(),
        };
        let mut home = self.household(county, rural, &roles, percent);
        if let Some(class) = class {
            home.classes.push(self.held(&home, class));
        }
        self.vehicles(&mut home);
        let mut known: Rows = Vec::new();
        self.housing(&home, &mut known);
        self.monitoring(&mut home, &mut known);
        for member in 0..home.members.len() {
            self.person(&home, member, &mut known);
        }
        (home, known)
    }

    fn class(&mut self) -> Option<Class> {
        match self.between(0, 9_999) {
            0..600 => Some(Class::MinimumLiving),
            600..660 => Some(Class::Destitute),
            660..760 => Some(Class::Edge),
            760..810 => Some(Class::Rigid),
            810..820 => Some(Class::OtherHardship),
            _ => None,
        }
    }

    /// Percent of the standard a head: few below three times, most between three and nine.
    fn income(&mut self) -> i64 {
        match self.between(0, 99) {
            0..3 => self.between(125, 220),
            3..15 => self.between(220, 330),
            15..70 => self.between(330, 620),
            70..95 => self.between(620, 1_100),
            _ => self.between(1_100, 2_600),
        }
    }

    pub(crate) fn held(&mut self, home: &Household, class: Class) -> Held {
        let heads = i64::try_from(home.members.len()).unwrap_or(1);
        let line = self.city.thresholds.standard_fen(home.county, home.rural) * heads;
        let amount_fen = match class {
            Class::MinimumLiving => (line - home.income_fen / 12).max(5_000),
            Class::Destitute => line * 13 / 10,
            _ => 0,
        };
        Held { class, member: None, valid_from: self.ago(60, 1_400), amount_fen }
    }

    fn vehicles(&mut self, home: &mut Household) {
        let aided = home.holds(Class::MinimumLiving) || home.holds(Class::Destitute);
        let registered_on = self.ago(100, 3_000);
        let vehicle = match (aided, self.between(0, 999)) {
            (true, 0..3) | (false, 0..220) => Some(("car", "private")),
            (true, 3..10) => Some(("car", "disabled")),
            (true, 10..160) | (false, 220..400) => Some(("motorcycle", "private")),
            (true, 160..220) | (false, 400..470) => Some(("tricycle", "livelihood")),
            (_, 900..940) => Some(("farm", "livelihood")),
            _ => None,
        };
        home.vehicles.extend(vehicle.map(|(kind, usage)| Vehicle { kind, usage, registered_on }));
    }

    fn housing(&mut self, home: &Household, known: &mut Rows) {
        if !home.rural {
            return;
        }
        let grade = match self.between(0, 9_999) {
            0..5_600 => "A",
            5_600..9_880 => "B",
            9_880..9_980 => "C",
            _ => "D",
        };
        let only = self.chance(0.88);
        let surveyed = self.ago(40, 900);
        known.push((When::Before, 0, rows::house(grade, only, surveyed)));
        if matches!(grade, "C" | "D") && self.chance(0.6) {
            let planned = self.ago(30, 200);
            known.push((When::Before, 0, rows::renovation(planned, None)));
        } else if grade == "A" && self.chance(0.05) {
            let planned = self.ago(500, 1_500);
            let accepted = calendar::plus(planned, 200);
            known.push((When::Before, 0, rows::renovation(planned, Some(accepted))));
        }
        if self.chance(0.015) {
            // The summer's flood: slight for most, aided where it was not.
            let ended = NaiveDate::from_ymd_opt(2026, 8, 19).unwrap_or_default();
            let damage = if self.chance(0.1) { "severe" } else { "slight" };
            let crop = i32::try_from(self.between(5, 45)).unwrap_or(0);
            known.push((When::Before, 0, rows::loss("FL202608-01", ended, damage, [crop, 0])));
            if damage == "severe" || self.chance(0.4) {
                known.push((When::Before, 0, rows::relief("FL202608-01", "emergency", calendar::plus(ended, 6))));
            }
            if damage == "severe" {
                known.push((When::Before, 0, rows::relief("FL202608-01", "transitional", calendar::plus(ended, 40))));
            }
        }
    }

    fn monitoring(&mut self, home: &mut Household, known: &mut Rows) {
        if !home.rural || !self.chance(0.019) {
            return;
        }
        let entered = self.ago(20, 900);
        let removed = self.chance(0.35);
        known.push((When::Before, 0, rows::monitored(entered, if removed { "removed" } else { "open" })));
        let kind = ["industry", "employment", "health"][self.rng.random_range(0..3)];
        known.push((When::Before, 0, rows::measure(kind, calendar::plus(entered, 10))));
        if removed {
            return;
        }
        home.classes.push(Held { class: Class::ReturnToPoverty, member: None, valid_from: entered, amount_fen: 0 });
        let checked = home.classes.iter().any(|h| h.class != Class::ReturnToPoverty);
        if !checked && self.chance(0.8) {
            // Most monitored households have been checked for the classes of civil affairs.
            let held = self.held(home, Class::Edge);
            home.classes.push(held);
        }
    }

    fn person(&mut self, home: &Household, member: usize, known: &mut Rows) {
        let m = place(member);
        let age = home.members[member].age(calendar::start());
        let poor = home.classes.iter().any(|h| matches!(h.class, Class::MinimumLiving | Class::Destitute));
        let employed = self.work(home, (m, age), poor, known);
        let monitored = home.holds(Class::ReturnToPoverty);
        let payer = match (poor, monitored) {
            (true, _) => "full_subsidy",
            (_, true) => "fixed_subsidy",
            _ => "self",
        };
        if poor || monitored || self.chance(0.96) {
            let kind = if employed { "employee" } else { "resident" };
            known.push((When::Before, m, rows::enrolment("2026", kind, payer)));
            if self.chance(0.25) {
                let day = calendar::plus(calendar::start(), 15);
                known.push((When::On(day), m, rows::enrolment("2027", kind, payer)));
            }
        }
        self.school(home, (m, age), known);
        self.illness(home, (m, age), known);
        self.disability(home, (m, age), known);
        let sex = home.members[member].sex;
        if sex == Sex::Female && (35..65).contains(&age) && self.chance(0.004) {
            let aided = if self.chance(0.85) { 1_000_000 } else { 0 };
            let diagnosed = self.ago(60, 900);
            known.push((When::Before, m, rows::cancer(diagnosed, aided)));
        }
        if (age < 16 || (sex == Sex::Female && age < 55)) && self.chance(0.03) {
            let kind = if age < 16 { "left_behind_child" } else { "left_behind_woman" };
            let visited = self.ago(20, 200);
            let needs = self.chance(0.1);
            known.push((When::Before, m, rows::visit(kind, visited, needs)));
        }
    }

    /// Insured work over the last months; true when the person has it now.
    fn work(&mut self, home: &Household, who: (u8, i32), poor: bool, known: &mut Rows) -> bool {
        let (m, age) = who;
        if !(18..60).contains(&age) {
            return false;
        }
        let share = if poor {
            0.004
        } else if home.rural {
            0.07
        } else {
            0.33
        };
        if self.chance(share) {
            let base = self.between(2_100, 6_800) * 100;
            let months = ["2026-05", "2026-06", "2026-07", "2026-08", "2026-09", "2026-10"];
            let until = if self.chance(0.03) { 3 } else { months.len() };
            for month in &months[..until] {
                known.push((When::Before, m, rows::payment("employee", base, month)));
            }
            if until == months.len() {
                for (number, month) in [(11, "2026-11"), (12, "2026-12")] {
                    let day = NaiveDate::from_ymd_opt(2026, number, 15).unwrap_or_default();
                    known.push((When::On(day), m, rows::payment("employee", base, month)));
                }
            }
            return until == months.len();
        }
        if self.chance(0.02) {
            let base = self.between(20, 60) * 10_000;
            known.push((When::Before, m, rows::payment("flexible", base, "2026-09")));
        } else if !home.classes.is_empty() || self.chance(0.9) {
            known.push((When::Before, m, rows::resident_pension()));
        }
        if self.chance(0.004) {
            let from = self.ago(200, 400);
            known.push((When::Before, m, rows::unemployment(from, Some(calendar::plus(from, 150)))));
        }
        false
    }

    fn school(&mut self, home: &Household, who: (u8, i32), known: &mut Rows) {
        let (m, age) = who;
        let stage = match age {
            3..6 => "preschool",
            6..15 => "compulsory",
            15..18 if self.chance(0.66) => "senior_high",
            15..18 => "vocational",
            18..22 if self.chance(0.4) => "higher",
            _ => return,
        };
        let year = 2026 - age.rem_euclid(3);
        let began = NaiveDate::from_ymd_opt(year, 9, 1).unwrap_or_default();
        let boarding = age >= 12 && self.chance(0.6);
        let school = format!("362{:07}", self.between(1, 260));
        known.push((When::Before, m, rows::student(stage, &school, began, boarding)));
        if age < 15 || !self.chance(0.85) {
            return;
        }
        let tuition = if stage == "higher" { self.between(4_000, 9_000) } else { self.between(600, 2_400) } * 100;
        let dear = stage != "higher" && self.chance(0.012);
        let extra = if dear { 900_000 } else { 0 };
        let aid = if !home.classes.is_empty() || self.chance(0.2) { 230_000 } else { 0 };
        let parts = [tuition + extra, self.between(300, 1_200) * 100, self.between(200, 700) * 100, aid];
        known.push((When::Before, m, rows::school_cost(stage, "2026-2027", parts)));
    }

    fn illness(&mut self, home: &Household, who: (u8, i32), known: &mut Rows) {
        let (m, age) = who;
        let visits = if age > 60 { self.between(0, 3) } else { self.between(0, 4) / 3 };
        for n in 0..visits {
            let day = self.ago(3, 290);
            let stay = self.chance(0.12);
            let own = if stay { self.between(200, 2_900) } else { self.between(8, 420) } * 100;
            known.push((When::Before, m, rows::settlement(stay, own, day, format!("{}-{m}-{n}", home.no))));
        }
        if self.chance(0.0012) {
            let own = self.between(6_000, 30_000) * 100;
            let day = self.ago(5, 200);
            known.push((When::Before, m, rows::settlement(true, own, day, format!("{}-{m}-G", home.no))));
        }
        if self.chance(0.003) {
            let diagnosed = self.ago(12, 700);
            known.push((When::Before, m, rows::disease(diagnosed)));
        }
    }

    fn disability(&mut self, home: &Household, who: (u8, i32), known: &mut Rows) {
        let (m, age) = who;
        let poor = home.holds(Class::MinimumLiving) || home.holds(Class::Destitute);
        let share = if poor {
            0.16
        } else if age > 60 {
            0.05
        } else {
            0.014
        };
        if age < 3 || !self.chance(share) {
            return;
        }
        let severe = if poor { self.chance(0.5) } else { self.chance(0.05) };
        let grade = if severe { self.between(1, 2) } else { self.between(3, 4) };
        let kinds = ["physical", "visual", "hearing", "speech", "physical", "physical"];
        let category =
            if self.chance(0.08) && severe { "intellectual" } else { kinds[self.rng.random_range(0..kinds.len())] };
        let issued = self.ago(60, 3_000);
        let grade = i32::try_from(grade).unwrap_or(4);
        known.push((When::Before, m, rows::certificate(category, grade, issued)));
        // The aid of the destitute takes the place of both subsidies.
        if severe && !home.holds(Class::Destitute) {
            known.push((When::Before, m, rows::subsidy("care", calendar::plus(issued, 30))));
        }
        if home.holds(Class::MinimumLiving) {
            known.push((When::Before, m, rows::subsidy("living", calendar::plus(issued, 30))));
        }
    }

    /// What happens after the start: deaths, visits to the doctor, measures and home visits. Each household is
    /// touched by one such thing at most, so that no case hangs on which bureau was quicker on a day.
    pub(crate) fn go_on(&mut self) {
        let planted: std::collections::HashSet<u32> = self.city.plants.iter().map(|p| p.household).collect();
        let mut free: Vec<u32> = (0..u32::try_from(self.city.households.len()).unwrap_or(u32::MAX))
            .filter(|place| !planted.contains(place))
            .collect();
        rand::seq::SliceRandom::shuffle(&mut free[..], &mut self.rng);
        let mut day = calendar::plus(calendar::start(), 2);
        let last = self.city.settings.last_day();
        while day <= last {
            // 0.7 % a year.
            let deaths = self.city.persons() * 7 / 365_000 + usize::from(self.chance(0.35));
            for _ in 0..deaths {
                let Some(household) = free.pop() else { return };
                self.dies(household, day);
            }
            if Dataset::Settlement.rhythm().due_today(day) {
                // Nobody is touched twice, and a year has many such days.
                let share = if day > calendar::end() { 80 } else { 40 };
                let visits = self.city.households.len() / share;
                for household in free.split_off(free.len().saturating_sub(visits)) {
                    self.visits_doctor(household, day);
                }
            }
            day = calendar::plus(day, 1);
        }
    }

    fn dies(&mut self, household: u32, day: NaiveDate) {
        let home = &self.city.households[household as usize];
        let oldest = (0..home.members.len()).max_by_key(|m| home.members[*m].age(day)).unwrap_or(0);
        let (county, no) = (home.county, home.no.clone());
        let row = rows::death(calendar::minus(day, 1), format!("SW{}{}", day.format("%Y%m%d"), &no[6..]));
        self.city.book.add(When::On(day), county, (household, place(oldest), row));
    }

    fn visits_doctor(&mut self, household: u32, day: NaiveDate) {
        let home = &self.city.households[household as usize];
        let (county, no, size) = (home.county, home.no.clone(), home.members.len());
        let m = place(self.rng.random_range(0..size));
        // Nobody gets poor of it: a stay, or a visit that adds little to the month.
        let own = if self.chance(0.4) { self.between(460, 900) } else { self.between(8, 75) } * 100;
        let visit_no = format!("{no}-{m}-{}", day.format("%m%d"));
        let row = rows::settlement(own > 45_000, own, calendar::minus(day, 2), visit_no);
        self.city.book.add(When::On(day), county, (household, m, row));
    }
}
