#![no_main]

#[path = "../functions.rs"]
#[allow(dead_code, reason = "every target takes one function of all")]
mod functions;

libfuzzer_sys::fuzz_target!(|input: &[u8]| functions::usage(input));
