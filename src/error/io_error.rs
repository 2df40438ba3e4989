//! [`IoError`]: the operating system's errors.

use std::sync::Arc;
use std::{fmt, io};

/// An [`io::Error`] that can be cloned and compared: two are equal if their kinds and messages are.
///
/// ```
/// use neuropil::Error;
/// use std::error::Error as _;
/// use std::io;
///
/// let error = neuropil::data::read_idx("no/such/file").unwrap_err();
/// let source = error.source().and_then(|source| source.downcast_ref::<io::Error>()).unwrap();
/// assert_eq!(source.kind(), io::ErrorKind::NotFound);
/// assert!(matches!(error, Error::File { error, .. } if error.kind() == io::ErrorKind::NotFound));
/// ```
#[derive(Clone)]
pub struct IoError(pub(super) Arc<io::Error>);

impl IoError {
    /// The kind of the error.
    pub fn kind(&self) -> io::ErrorKind {
        self.0.kind()
    }
}

impl From<io::Error> for IoError {
    fn from(error: io::Error) -> Self {
        Self(Arc::new(error))
    }
}

impl PartialEq for IoError {
    fn eq(&self, other: &Self) -> bool {
        self.kind() == other.kind() && self.to_string() == other.to_string()
    }
}

impl fmt::Debug for IoError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for IoError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}
