#![no_main]
minqing_libfuzzer::program!("gateway_json");
