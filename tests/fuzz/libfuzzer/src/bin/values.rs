#![no_main]
minqing_libfuzzer::program!("values");
