//! Files that are put together by hand, right in everything that is not on trial.

use std::fmt::Write as _;
use std::path::PathBuf;

use super::readers::crc32;
pub(crate) use super::readers::seal;

/// A safetensors file with this header.
pub(crate) fn file(header: &str, data: usize) -> Vec<u8> {
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.as_bytes());
    bytes.extend((0..data).map(|i| i as u8));
    bytes
}

/// A model file with these texts after its checksum, which is right, and these arrays.
pub(crate) fn model(texts: &[(&str, &str)], arrays: &str, data: usize) -> Vec<u8> {
    let mut header = r#"{"__metadata__":{"checksum":"00000000""#.to_owned();
    for (name, text) in texts {
        let _ = write!(header, ",{}:{}", serde_json::json!(name), serde_json::json!(text));
    }
    let _ = write!(header, "}}{arrays}}}");
    let mut bytes = file(&header, data);
    seal(&mut bytes);
    bytes
}

/// A folder of its own for a test, empty.
pub(crate) fn folder(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

#[test]
fn the_checksum_is_the_known_one() {
    assert_eq!(crc32(b"123456789".iter()), 0xcbf4_3926);
}
