#![no_main]
minqing_libfuzzer::program!("table_rows");
