#![no_main]
minqing_libfuzzer::program!("id_number");
