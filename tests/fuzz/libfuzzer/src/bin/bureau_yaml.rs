#![no_main]
minqing_libfuzzer::program!("bureau_yaml");
