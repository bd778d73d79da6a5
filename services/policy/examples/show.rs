fn main() {
    use std::io::Write as _;
    let p = minqing_policy::Pack::load(std::env::args().nth(1).expect("dir")).expect("pack");
    let s = match std::env::args().nth(2).as_deref() { Some("facts") => p.facts_sql().to_owned(), Some("assess") => p.assessment_sql().to_owned(), Some("ddl") => minqing_policy::catalogue::record_sets().iter().flat_map(minqing_policy::catalogue::record_table_ddl).map(|s| s + ";\n").collect(), _ => p.screening_sql().to_owned() };
    write!(std::io::stdout(), "{s}").expect("out");
}
