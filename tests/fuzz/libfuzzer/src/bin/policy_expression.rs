#![no_main]
minqing_libfuzzer::program!("policy_expression");
