#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| aerys_fuzz::process(data));
