//! `cargo +nightly fuzz run torch`
#![no_main]

#[path = "../../tests/common/readers.rs"]
mod readers;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    readers::torch(bytes);
    // As its pickle, too: an archive whose checksums fit gets further.
    readers::torch(&readers::archive(bytes.to_vec()));
});
