//! Atomic file writes.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::{Error, Result};

/// Writes a file atomically: after a crash, it has either the old or the new content.
///
/// The bytes are written to a temporary file in the same folder, flushed to the disk, and renamed. An existing file
/// keeps its permissions; a symbolic link is followed and kept. Anything but a regular file is refused. Temporary files
/// left by a crash are removed by the next call.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    write(path, bytes).map_err(|error| Error::save(path, error))
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let path = through_links(path)?;
    let before = fs::metadata(&path).ok();
    match &before {
        Some(before) if before.is_dir() => return Err(io::Error::new(io::ErrorKind::IsADirectory, "it is a folder")),
        Some(before) if !before.is_file() => {
            let problem = "it is a device, pipe or socket, not a file";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, problem));
        }
        Some(before) if before.permissions().readonly() => {
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, "it is read-only"));
        }
        _ => {}
    }
    let temporary = Temporary::of(&path)?;
    temporary.remove_abandoned()?;
    let (part, mut file) = temporary.create()?;
    let written = (|| {
        if let Some(before) = before {
            file.set_permissions(before.permissions())?;
        }
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&part, &path)?;
        // Flushes the rename, too; not every system can open a folder for that.
        if cfg!(unix) { File::open(&temporary.folder)?.sync_all() } else { Ok(()) }
    })();
    if written.is_err() {
        let _ = fs::remove_file(&part);
    }
    written
}

/// Where the symbolic links from `path` end, whether there is a file or not.
fn through_links(path: &Path) -> io::Result<PathBuf> {
    /// The limit of Linux.
    const MOST: usize = 40;
    let mut path = path.to_owned();
    for _ in 0..MOST {
        let Ok(target) = fs::read_link(&path) else { return Ok(path) };
        // Relative to the folder of the link.
        path = path.parent().map_or_else(|| target.clone(), |folder| folder.join(&target));
    }
    Err(io::Error::new(io::ErrorKind::InvalidInput, "its symbolic links do not end"))
}

/// The temporary files for `folder/name`: `folder/.name.<process>-<count>.part`, locked while they are written.
struct Temporary {
    folder: PathBuf,
    prefix: String,
}

impl Temporary {
    fn of(path: &Path) -> io::Result<Self> {
        let not_a_file = || io::Error::new(io::ErrorKind::InvalidInput, "it is not the name of a file");
        let name = path.file_name().ok_or_else(not_a_file)?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        Ok(Self { folder: folder.to_owned(), prefix: format!(".{}.", name.to_string_lossy()) })
    }

    /// Creates one, locked.
    fn create(&self) -> io::Result<(PathBuf, File)> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        loop {
            let count = COUNT.fetch_add(1, Ordering::Relaxed);
            let path = self.folder.join(format!("{}{}-{count}.part", self.prefix, process::id()));
            let file = match OpenOptions::new().write(true).create_new(true).open(&path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                file => file?,
            };
            // Some file systems have no locks; there, files left by a crash stay.
            let _ = file.lock();
            // Another process may have removed it as abandoned before it was locked.
            if path.exists() {
                return Ok((path, file));
            }
        }
    }

    /// Removes those that no process has locked.
    fn remove_abandoned(&self) -> io::Result<()> {
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            let name = entry.file_name();
            let own = |name: &str| {
                let middle = name.strip_prefix(&*self.prefix)?.strip_suffix(".part")?;
                let (process, count) = middle.split_once('-')?;
                Some(process.parse::<u32>().is_ok() && count.parse::<u64>().is_ok())
            };
            if !name.to_str().and_then(own).unwrap_or(false) {
                continue;
            }
            let Ok(file) = OpenOptions::new().write(true).open(entry.path()) else { continue };
            if file.try_lock().is_ok() {
                let _ = fs::remove_file(entry.path());
            }
        }
        Ok(())
    }
}
