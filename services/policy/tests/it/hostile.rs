//! What a pack must not be able to say, and how it is told. The pack of these tests is a small one of their own.

use std::{
    fs,
    path::{Path, PathBuf},
};

use minqing_policy::{Pack, PackErrors};
use tempfile::TempDir;

/// A small pack that changes only with these tests.
fn pack_dir() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/pack"))
}

fn pack() -> Pack {
    Pack::load(pack_dir()).unwrap_or_else(|errors| panic!("{errors}"))
}

/// The pack's files where they may be changed.
pub fn copy() -> TempDir {
    let dir = TempDir::new().unwrap();
    for folder in ["", "indicators", "facts", "parameters", "routing"] {
        fs::create_dir_all(dir.path().join(folder)).unwrap();
        for entry in fs::read_dir(pack_dir().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                fs::copy(&path, dir.path().join(folder).join(path.file_name().unwrap())).unwrap();
            }
        }
    }
    dir
}

/// Changes one place of one file.
pub fn replace(dir: &Path, file: &str, (from, to): (&str, &str)) {
    let path = dir.join(file);
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{from}");
    fs::write(path, text.replacen(from, to, 1)).unwrap();
}

fn refused(file: &str, change: (&str, &str)) -> PackErrors {
    let dir = copy();
    replace(dir.path(), file, change);
    Pack::load(dir.path()).unwrap_err()
}

/// The pack with this expression as A03's first condition.
fn condition(expr: &str) -> String {
    let errors = refused("indicators/a.yaml", ("expr: adult\n", &format!("expr: \"{expr}\"\n")));
    assert_eq!(errors.0.len(), 1, "{errors}");
    let error = &errors.0[0];
    assert_eq!((error.file.as_str(), error.rule.as_str(), error.line), ("indicators/a.yaml", "A03", Some(2)));
    assert!(!error.problem_zh.is_empty());
    error.to_string()
}

#[test]
fn the_pack_loads_is_named_and_hashed() {
    let pack = pack();
    assert_eq!(pack.version_tag(), "longnan@2026.11");
    assert_eq!(pack.content_hash().len(), 64);
    assert_eq!(pack.indicators().len(), 16);
    assert_eq!(pack.feed_indicators().count(), 1);
    let dir = copy();
    assert_eq!(Pack::load(dir.path()).unwrap().content_hash(), pack.content_hash());
    replace(dir.path(), "pack.yaml", ("\"2026.11\"", "\"2026.12\""));
    assert_ne!(Pack::load(dir.path()).unwrap().content_hash(), pack.content_hash());
    assert_eq!(pack.sources_of("only_earner"), ["register"]);
    assert_eq!(pack.sources_of("no_able_supporter"), ["investigation"]);
}

#[test]
fn parameters_are_found_by_place_area_and_date() {
    let pack = pack();
    let at = |county: &str, area, on: &str| {
        pack.parameter_at("minimum_living_standard", county, area, on.parse().unwrap()).map(|found| found.value)
    };
    use minqing_policy::Area::{Rural, Urban};
    assert_eq!(at("621202000000", Urban, "2026-10-26").as_deref(), Some("88200"), "the county's own");
    assert_eq!(at("621226000000", Urban, "2026-10-26").as_deref(), Some("86200"), "the city's");
    assert_eq!(at("621202000000", Rural, "2026-10-26").as_deref(), Some("58500"));
    assert_eq!(at("621202000000", Rural, "2025-12-31").as_deref(), Some("55000"), "last year's");
    assert_eq!(at("621202000000", Rural, "2024-12-31"), None);
    assert_eq!(at("621102000000", Rural, "2026-10-26"), None, "another city");
    let used = pack.parameters_used("A08", "621226000000", Rural, "2026-10-26".parse().unwrap());
    let names: Vec<&str> = used.iter().map(|found| found.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "rural_disposable_income",
            "watched_inpatient_own_once",
            "watched_inpatient_own_year",
            "watched_own_payment_ratio"
        ]
    );
}

#[test]
fn hostile_conditions_are_refused_with_a_reason() {
    for (expr, reason) in [
        ("exists (select 1 from registry.person)", "a subquery"),
        ("age in (select 1)", "a subquery"),
        ("(select true)", "a subquery"),
        ("pg_sleep(10) is null", "`pg_sleep` is not allowed"),
        ("current_setting('x') = 'y'", "is not allowed"),
        ("age > 1; drop table monitoring.household", "ends before `;`"),
        ("adult or registry.person.name = 'x'", "qualified name"),
        ("'x' || 'y' = 'xy'", "operator `||`"),
        ("('5' :: integer) = 5", "cast"),
        ("('2026-02-30'::date) = as_of", "no date"),
        ("adult::regclass is null", "cast"),
        ("sum(age) > 5", "aggregates belong"),
        ("current_date > as_of", "not allowed"),
        ("now() is null", "`now` is not allowed"),
        ("age ~ 'x'", "operator `~`"),
        ("age like 'x'", "is not allowed"),
        ("bool_or(adult) over () ", "is not allowed"),
        ("array[1] is null", "is not allowed"),
        ("e'x' = 'x'", "literal"),
        ("$1 is null", "literal"),
    ] {
        let text = condition(expr);
        assert!(text.contains(reason), "{expr}: {text}");
    }
}

#[test]
fn kinds_that_do_not_fit_are_refused_with_a_reason() {
    for (expr, reason) in [
        ("age", "must be boolean"),
        ("aeg > 18", "did you mean `age`?"),
        ("nothing_like_it", "unknown name"),
        ("own_payment_year > age", "money meets integer"),
        ("age > '18'", "integer meets text"),
        ("adult and age", "boolean is wanted here"),
        ("own_payment_year * school_cost > 5", "money times money"),
        ("declared_income / members > 5", "wrap it: x / nullif(y, 0)"),
        ("age = null", "comparison with null"),
        ("as_of > 5", "date meets number"),
        ("as_of + as_of > as_of", "between date and date"),
        ("case when adult then true end", "no else"),
        ("not age", "boolean is wanted here"),
    ] {
        let text = condition(expr);
        assert!(text.contains(reason), "{expr}: {text}");
    }
    let dir = copy();
    let good = "expr: 'declared_income / nullif(members, 0) < 500000 and own_payment_year > 5'\n";
    replace(dir.path(), "indicators/a.yaml", ("expr: adult\n", good));
    Pack::load(dir.path()).unwrap();
}

#[test]
fn facts_are_checked_as_a_whole() {
    let cases = [
        ("expr: age >= adult_age", "expr: labour_age and insurance_stopped or adult", "rests on itself: adult → adult"),
        ("expr: count_if(labour_age)", "expr: count_if(labour_age) + age", "outside an aggregate"),
        ("expr: sum(school_cost)", "expr: sum(members)", "unknown name `members`"),
        ("    expr: sum(own_paid_fen)\n    empty: 0", "    expr: sum(own_paid_fen)", "`empty` is missing"),
        (
            "    expr: sum(own_paid_fen)\n    empty: 0",
            "    expr: sum(own_paid_fen)\n    empty: none",
            "`none` is no money",
        ),
        ("expr: sum(own_paid_fen)", "expr: sum(own_paid_fen) / 2", "how it is rounded"),
        ("expr: sum(own_paid_fen)", "expr: count(*)", "is integer, but money is declared"),
        ("expr: sum(own_paid_fen)", "expr: sum(disease_code)", "unknown name `disease_code`"),
        ("expr: sum(own_paid_fen)", "expr: sum(sum(own_paid_fen))", "aggregate inside an aggregate"),
        ("source: hr.unemployment", "source: hr.unemploymnet", "did you mean `hr.unemployment`?"),
        ("source: register\n    expr: full_years", "source: registry\n    expr: full_years", "unknown source"),
        ("name: adult\n", "name: age\n", "used twice"),
        ("name: adult\n", "name: Adult\n", "is no name"),
    ];
    for (from, to, reason) in cases {
        let text = refused("facts/base.yaml", (from, to)).to_string();
        assert!(text.contains(reason), "{to}: {text}");
        assert!(text.contains("facts/base.yaml"), "{text}");
    }
}

#[test]
fn a_circle_of_facts_is_named_and_every_fault_is_reported() {
    let dir = copy();
    replace(dir.path(), "facts/base.yaml", ("expr: labour_age and labour_age_members = 1", "expr: insurance_stopped"));
    replace(dir.path(), "facts/base.yaml", ("expr: employee_insured_before and not", "expr: only_earner and not"));
    replace(dir.path(), "classes.yaml", ("programme: P-JB-03", "programme: P-JB-99"));
    let text = Pack::load(dir.path()).unwrap_err().to_string();
    assert!(text.contains("rests on itself: only_earner → insurance_stopped → only_earner"), "{text}");
    assert!(text.contains("no such programme `P-JB-99`"), "{text}");
}

#[test]
fn files_parameters_and_routes_are_checked() {
    let cases = [
        ("pack.yaml", "name: longnan", "nmae: longnan", "unknown field `nmae`"),
        ("parameters/base.yaml", "value: 58500, area: rural", "value: 58500.5, area: rural", "parameters/base.yaml"),
        ("parameters/base.yaml", "name: adult_age", "name: grade", "a column of a source has this name"),
        (
            "parameters/base.yaml",
            "area: rural, division: \"621200000000\", from: 2026-01-01",
            "area: rural, division: \"621226000000\", from: 2026-07-02",
            "minimum_living_standard",
        ),
        (
            "routing/base.yaml",
            "bureau: women, programme: P-QT-05",
            "bureau: women, programme: P-YL-99",
            "no such programme",
        ),
        (
            "routing/base.yaml",
            "bureau: rural, programme: P-JC-01",
            "bureau: women, programme: P-JC-01",
            "takes no part in programme",
        ),
        ("routing/base.yaml", "  - {indicator: C11,", "  - {indicator: C99,", "the indicator has no route"),
        ("programmes.yaml", "lead:\n  - civil_affairs", "lead:\n  - civil_affair", "no such bureau"),
        ("calendar.yaml", "2026-01-04, 2026-02-14", "2026-01-05, 2026-02-14", "make-up working day 2026-01-05"),
        ("indicators/c.yaml", "disposition: 4", "disposition: 5", "disposition is 1 to 4"),
        ("documents.yaml", "name: 民发〔2018〕23号", "name: 民发〔2018〕24号", "no such document `民发〔2018〕23号`"),
        (
            "classes.yaml",
            "document: 民发〔2021〕57号",
            "document: 社会救助法",
            "missing citation: none is in force on 2025-01-01",
        ),
        ("sources.yaml", "name: civil.exit,", "name: hr.unemployment,", "a contract has this dataset now"),
        ("sources.yaml", "name: civil.exit,", "name: civil.decision,", "used twice"),
        ("facts/base.yaml", "unit: years", "unit: winters", "wrong unit: `winters`"),
        ("facts/base.yaml", "unit: fen/year", "unit: yuan", "wrong unit: `yuan`"),
        (
            "facts/base.yaml",
            "expr: income_below_standard and property_within_minimum_living",
            "expr: minimum_living_standard > declared_income and property_within_minimum_living",
            "wrong unit: fen/person/month meets fen/year",
        ),
        ("classes.yaml", "  - id: DB-03", "  - id: DB-01", "two versions of the rule hold on one day"),
        ("classes.yaml", "    level: household\n", "    level: household\n    to: 2024-12-31\n", "unreachable"),
        ("indicators/a.yaml", "expr: severe_disability\n", "expr: not adult\n", "exclude each other"),
        ("indicators/a.yaml", "expr: severe_disability\n", "expr: 1 > 0\n", "looks at nothing"),
    ];
    for (file, from, to, reason) in cases {
        let dir = copy();
        replace(dir.path(), file, (from, to));
        let loaded = Pack::load(dir.path());
        if reason == "minimum_living_standard" {
            assert!(loaded.is_ok(), "the older city value still covers everyone");
            continue;
        }
        let text = loaded.unwrap_err().to_string();
        assert!(text.contains(reason), "{to}: {text}");
    }
    let text = Pack::load(pack_dir().join("nowhere")).unwrap_err().to_string();
    assert!(text.contains("pack.yaml: cannot be read"), "{text}");
}

#[test]
fn large_and_exploding_files_are_refused_before_they_are_read() {
    let dir = copy();
    let large = fs::File::create(dir.path().join("facts/large.yaml")).unwrap();
    large.set_len(100 << 20).unwrap();
    let text = Pack::load(dir.path()).unwrap_err().to_string();
    assert!(text.contains("facts/large.yaml: has 104857600 bytes"), "{text}");

    let dir = copy();
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
    for n in 1..12 {
        let nine = vec![format!("*a{}", n - 1); 9].join(", ");
        bomb.push_str(&format!("a{n}: &a{n} [{nine}]\n"));
    }
    fs::write(dir.path().join("facts/bomb.yaml"), bomb + "facts: *a11\n").unwrap();
    let text = Pack::load(dir.path()).unwrap_err().to_string();
    assert!(text.contains("facts/bomb.yaml"), "{text}");

    let deep = format!("{}adult{}", "(".repeat(5_000 / 3), ")".repeat(5_000 / 3));
    assert!(condition(&deep).contains("expression"), "nested parentheses");
    let wide = vec!["adult"; 2_000].join(" or ");
    assert!(condition(&wide).contains("longer than"), "a long expression");
}
