#![no_main]
minqing_libfuzzer::program!("xlsx_parts");
