//! Constants stored in external files next to the ONNX file.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Component, Path, PathBuf};

/// The folder of an ONNX file, and the files that it refers to.
#[derive(Debug)]
pub(super) struct External {
    folder: Option<PathBuf>,
    /// Each with its length, and the number of bytes that may still be read: in all, no more than the length.
    files: BTreeMap<String, (File, u64, u64)>,
}

impl External {
    /// Without a folder, external files are rejected.
    pub(super) fn new(folder: Option<&Path>) -> Self {
        // The folder of a plain file name is the current one.
        let folder =
            folder.map(|folder| if folder.as_os_str().is_empty() { Path::new(".") } else { folder }.to_owned());
        Self { folder, files: BTreeMap::new() }
    }

    /// The total length of the opened files.
    pub(super) fn size(&self) -> usize {
        let sum = self.files.values().fold(0_u64, |sum, (_, length, _)| sum.saturating_add(*length));
        usize::try_from(sum).unwrap_or(usize::MAX)
    }

    /// Reads the bytes that the entries of a constant refer to: a file name, an offset and a length.
    pub(super) fn read(&mut self, entries: &[(String, String)]) -> Result<Vec<u8>, String> {
        let entry = |name: &str| entries.iter().find(|(other, _)| other == name).map(|(_, text)| &**text);
        let number = |name: &str| {
            entry(name).map(str::parse::<u64>).transpose().map_err(|_| format!("its {name} is not a number"))
        };
        let name = entry("location").ok_or("it does not say in which file it is")?;
        let (file, length, left) = self.open(name)?;
        let from = number("offset")?.unwrap_or(0);
        let count = match number("length")? {
            Some(count) => count,
            None => length.saturating_sub(from),
        };
        let end = from.checked_add(count).filter(|&end| end <= *length);
        let wrong = || format!("`{name}` has fewer than {count} bytes from {from} on");
        *left = end.and_then(|_| left.checked_sub(count)).ok_or_else(wrong)?;
        let mut bytes = vec![0; usize::try_from(count).map_err(|_| wrong())?];
        let read = file.seek(SeekFrom::Start(from)).and_then(|_| file.read_exact(&mut bytes));
        read.map(|()| bytes).map_err(|error| format!("`{name}`: {error}"))
    }

    /// Opens a file once; it must be in the folder.
    fn open(&mut self, name: &str) -> Result<&mut (File, u64, u64), String> {
        let Some(folder) = &self.folder else {
            return Err(format!("it is in the file `{name}`, which bytes do not have; read the model by its path"));
        };
        if !self.files.contains_key(name) {
            let inside = Path::new(name).components().all(|part| matches!(part, Component::Normal(_)));
            let failed = |error: std::io::Error| format!("`{name}`: {error}");
            let path = folder.join(name);
            // A symbolic link may lead elsewhere.
            let inside =
                inside && path.canonicalize().map_err(failed)?.starts_with(folder.canonicalize().map_err(failed)?);
            if !inside || name.is_empty() {
                return Err(format!("it is in `{name}`, which is not in the model's own folder"));
            }
            let file = File::open(&path).map_err(failed)?;
            let about = file.metadata().map_err(failed)?;
            if !about.is_file() {
                return Err(format!("`{name}` is not a file"));
            }
            self.files.insert(name.to_owned(), (file, about.len(), about.len()));
        }
        self.files.get_mut(name).ok_or_else(|| format!("`{name}` is not open"))
    }
}
