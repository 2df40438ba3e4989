//! Several named arrays in one file: [`read_npz`] and [`write_npz`].

use std::collections::BTreeMap;
use std::path::Path;
use std::{fs, io};

use ndarray::{ArrayD, ArrayViewD};

use super::npy::{parse, to_npy};
use super::{atomic, zip};
use crate::{Error, Result, Scalar};

/// Reads the named arrays written by `numpy.savez` or `numpy.savez_compressed`.
///
/// ```
/// use neuropil::io::{read_npz, write_npz};
/// use neuropil::ndarray::array;
///
/// let path = std::env::temp_dir().join(format!("neuropil-doc-{}.npz", std::process::id()));
/// let (x, y) = (array![[1.0_f32, 2.0]], array![3.0]);
/// write_npz(&path, [("x", x.view().into_dyn()), ("y", y.view().into_dyn())])?;
/// let arrays = read_npz::<f32>(&path)?;
/// assert_eq!(arrays["y"], y.into_dyn());
/// # std::fs::remove_file(&path).unwrap();
/// # Ok::<(), neuropil::Error>(())
/// ```
///
/// # Errors
/// [`Error::File`] if the file cannot be read; [`Error::Format`] if it is not a zip archive, or contains anything but
/// arrays of numbers.
pub fn read_npz<A: Scalar>(path: impl AsRef<Path>) -> Result<BTreeMap<String, ArrayD<A>>> {
    let name = || path.as_ref().display().to_string();
    let bytes = fs::read(&path).map_err(|error| Error::file(path.as_ref(), error))?;
    read(&bytes).map_err(|problem| Error::Format { what: name(), problem })
}

/// Reads the arrays from the content of an npz file, like [`read_npz`].
///
/// # Errors
/// [`Error::Format`] if it is not a zip archive, or contains anything but arrays of numbers.
pub fn from_npz<A: Scalar>(bytes: &[u8]) -> Result<BTreeMap<String, ArrayD<A>>> {
    read(bytes).map_err(|problem| Error::Format { what: "the npz file".into(), problem })
}

/// Writes named arrays for `numpy.load`, uncompressed and atomically.
///
/// # Errors
/// [`Error::Save`] if the file cannot be written, or would have more than 4 GiB or 65534 arrays.
pub fn write_npz<'a, A: Scalar>(
    path: impl AsRef<Path>,
    arrays: impl IntoIterator<Item = (&'a str, ArrayViewD<'a, A>)>,
) -> Result<()> {
    let path = path.as_ref();
    let bytes = to_npz(arrays).ok_or_else(|| {
        let error = "an npz file has at most 4 GiB and 65534 arrays; write single npy files";
        Error::save(path, io::Error::new(io::ErrorKind::FileTooLarge, error))
    })?;
    atomic::write_whole(path, &bytes)
}

/// The content of the file written by [`write_npz`]; `None` if it would exceed 4 GiB or 65534 arrays.
fn to_npz<'a, A: Scalar>(arrays: impl IntoIterator<Item = (&'a str, ArrayViewD<'a, A>)>) -> Option<Vec<u8>> {
    let files = arrays.into_iter().map(|(name, array)| (format!("{name}.npy"), to_npy(&array)));
    zip::write(&files.collect::<Vec<_>>())
}

fn read<A: Scalar>(bytes: &[u8]) -> Result<BTreeMap<String, ArrayD<A>>, String> {
    let mut arrays = BTreeMap::new();
    for (name, content) in zip::read(bytes)? {
        let Some(array) = name.strip_suffix(".npy") else {
            return Err(format!("it has `{name}`, which is not an array"));
        };
        let content = parse(&content).map_err(|problem| format!("`{name}`: {problem}"))?;
        if arrays.insert(array.to_owned(), content).is_some() {
            return Err(format!("it has `{name}` twice"));
        }
    }
    Ok(arrays)
}
