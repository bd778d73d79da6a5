#![no_main]
minqing_libfuzzer::program!("proto_batch");
