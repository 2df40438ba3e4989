//! Optionally compressed files.

use std::io::Read;

/// The content of a file, decompressed if it is gzip-compressed.
#[allow(clippy::unnecessary_wraps)] // Without the feature, it may fail.
pub(super) fn unpack(bytes: &[u8]) -> Result<Box<dyn Read + '_>, String> {
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return Ok(Box::new(bytes));
    }
    #[cfg(feature = "gzip")]
    return Ok(Box::new(flate2::read::GzDecoder::new(bytes)));
    #[cfg(not(feature = "gzip"))]
    return Err("it is compressed with gzip; decompress it, or turn on neuropil's feature `gzip`".into());
}

/// The message for content that cannot be read.
#[allow(clippy::needless_pass_by_value)] // As `map_err` calls it.
pub(super) fn in_words(error: std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::UnexpectedEof => "it ends too early".into(),
        _ => format!("the compressed data are damaged: {error}"),
    }
}
