//! `cargo +nightly fuzz run calls`
#![no_main]

#[path = "../../tests/common/calls.rs"]
mod calls;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| calls::run(bytes));
