//! Monitoring through gRPC, on a real database, with the policy pack of Longnan.

#![expect(clippy::unwrap_used, reason = "tests")]

mod adopting;
mod back_test;
mod batches;
mod days;
mod deeds;
mod division;
mod due;
mod growth;
mod large;
mod measure;
mod measure_days;
mod orders;
mod packs;
mod quality;
mod quiet;
mod reads;
mod reconciled;
mod records;
mod roster;
mod screening;
mod town;
mod what_if;
mod withdraw;
mod withdraw_any;
