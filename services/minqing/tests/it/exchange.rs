//! `minqing exchange tables`: what is given to a bureau's DBA.

use std::process::{Command, Output};

fn tables(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_minqing")).args(["exchange", "tables"]).args(arguments).output().unwrap()
}

#[test]
fn a_dba_gets_the_tables_of_the_exchange_and_of_the_bureaus_datasets() {
    for (database, feed, own) in [("postgres", false, "mq_batch_no"), ("mysql", true, "mq_county")] {
        let mut arguments = vec!["--bureau", "rural", "--database", database];
        arguments.extend(feed.then_some("--feed"));
        let output = tables(&arguments);
        assert!(output.status.success());
        let text = String::from_utf8(output.stdout).unwrap();
        for table in [
            "mq_batch",
            "mq_feed",
            "mq_batch_result",
            "mq_signed_receipt",
            "mq_monitored_household",
            "mq_assistance_measure",
        ] {
            assert!(text.contains(&format!("create table {table} (")), "{table} in {text}");
        }
        assert!(text.contains(&format!("constraint mq_monitored_household_pk primary key ({own}, mq_seq)")), "{text}");
        assert!(text.contains("grant select on mq_monitored_household to minqing_exchange;"));
        assert!(!text.contains("update") && !text.contains("grant all"), "{text}");
    }
}

#[test]
fn a_bureau_that_is_none_is_answered_with_those_there_are() {
    let output = tables(&["--bureau", "tax", "--database", "mysql"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("medical_insurance"));
}
