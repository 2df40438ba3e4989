//! The subset of the zip format that npz and PyTorch files use: stored or deflated entries, up to 4 GiB.

#[cfg(feature = "npz")]
use std::io::Read as _;

#[cfg(feature = "npz")]
use flate2::read::DeflateDecoder;

const LOCAL: &[u8] = b"PK\x03\x04";
const CENTRAL: &[u8] = b"PK\x01\x02";
const END: &[u8] = b"PK\x05\x06";
/// Sizes of the three headers without their variable-length fields.
const LOCAL_SIZE: usize = 30;
const CENTRAL_SIZE: usize = 46;
const END_SIZE: usize = 22;
/// The two zip64 records between the directory and the end record, which PyTorch always writes, and their size.
const END64: &[u8] = b"PK\x06\x06";
const END64_SIZE: usize = 56 + 20;
/// The first of January 1980, the earliest date: equal arrays give equal files.
#[cfg(feature = "npz")]
const DATE: u16 = 33;
/// The largest compression ratio of deflate.
const LARGEST_RATIO: usize = 1032;

/// Creates an archive of these files, uncompressed; `None` if it needs more than 4 GiB or 65534 entries.
#[cfg(feature = "npz")]
pub(super) fn write(files: &[(String, Vec<u8>)]) -> Option<Vec<u8>> {
    let (mut bytes, mut directory) = (Vec::new(), Vec::new());
    for (name, content) in files {
        let offset = bytes.len();
        let (crc, size) = (crc32fast::hash(content), u32::try_from(content.len()).ok()?);
        let mut about = Vec::new();
        // Version 2.0; the name is UTF-8; stored.
        about.extend([20_u16, 1 << 11, 0, 0, DATE].map(u16::to_le_bytes).concat());
        about.extend([crc, size, size].map(u32::to_le_bytes).concat());
        about.extend(u16::try_from(name.len()).ok()?.to_le_bytes());
        about.extend(0_u16.to_le_bytes());
        bytes.extend([LOCAL, &about, name.as_bytes(), content].concat());
        let rest = [[0; 10].as_slice(), &u32::try_from(offset).ok()?.to_le_bytes()].concat();
        directory.extend([CENTRAL, &[20, 0], &about, &rest, name.as_bytes()].concat());
    }
    let count = u16::try_from(files.len()).ok().filter(|&count| count < u16::MAX)?;
    let (size, offset) = (u32::try_from(directory.len()).ok()?, u32::try_from(bytes.len()).ok()?);
    bytes.extend(directory);
    bytes.extend(END);
    bytes.extend([0, 0, count, count].map(u16::to_le_bytes).concat());
    bytes.extend([size, offset].map(u32::to_le_bytes).concat());
    bytes.extend(0_u16.to_le_bytes());
    Some(bytes)
}

/// The files of an archive, in the order of its directory, or an error message.
#[cfg(feature = "npz")]
pub(super) fn read(bytes: &[u8]) -> Result<Vec<(String, Vec<u8>)>, String> {
    entries(bytes)?.into_iter().map(|entry| entry.content(bytes)).collect()
}

/// The entries of an archive, in the order of its directory, or an error message.
pub(super) fn entries(bytes: &[u8]) -> Result<Vec<Entry>, String> {
    let (count, mut directory, start) = find_directory(bytes)?;
    let mut entries = Vec::new();
    for i in 0..count {
        let cut = || format!("its directory ends within entry {i}");
        let (header, rest) = directory.split_at_checked(CENTRAL_SIZE).ok_or_else(cut)?;
        if !header.starts_with(CENTRAL) {
            return Err(format!("entry {i} of its directory does not begin as one"));
        }
        let [name, extra, comment] = [28, 30, 32].map(|at| u16_at(header, at));
        let (name, rest) = rest.split_at_checked(name).ok_or_else(cut)?;
        directory = rest.get(extra + comment..).ok_or_else(cut)?;
        let name = str::from_utf8(name).map_err(|_| format!("the name of entry {i} is not UTF-8"))?.to_owned();
        entries.push(Entry::read(bytes, header, name, start)?);
    }
    if !directory.is_empty() {
        return Err(format!("its directory has {} bytes after its last entry", directory.len()));
    }
    // Entries that share their bytes could expand to many times the size of the file.
    let mut ranges: Vec<[usize; 2]> = entries.iter().map(|entry| entry.range).collect();
    ranges.sort_unstable();
    if ranges.windows(2).any(|pair| pair[0][1] > pair[1][0]) {
        return Err("two of its entries overlap".into());
    }
    Ok(entries)
}

/// The number of entries, the directory, and where it starts.
fn find_directory(bytes: &[u8]) -> Result<(usize, &[u8], usize), String> {
    let none = || "it is not a zip archive, or it is truncated".to_owned();
    // The end record is followed by a comment up to the end of the file.
    let last = bytes.len().checked_sub(END_SIZE).ok_or_else(none)?;
    let ends = |at: usize| bytes[at..].starts_with(END) && at + END_SIZE + u16_at(bytes, at + 20) == bytes.len();
    let at = (last.saturating_sub(usize::from(u16::MAX))..=last).rev().find(|&at| ends(at)).ok_or_else(none)?;
    let [disk, first_disk, here, count] = [4, 6, 8, 10].map(|field| u16_at(bytes, at + field));
    let [size, start] = [12, 16].map(|field| u32_at(bytes, at + field));
    if [count, size, start].contains(&(u32::MAX as usize)) || count == usize::from(u16::MAX) {
        return Err("it is an archive of more than 4 GiB; save its arrays as single files".into());
    }
    if disk != 0 || first_disk != 0 || here != count {
        return Err("it is a part of an archive".into());
    }
    let record64 = at.checked_sub(END64_SIZE).filter(|&record| bytes[record..].starts_with(END64));
    if ![Some(at), record64].contains(&start.checked_add(size)) {
        return Err(format!("its directory of {size} bytes at {start} does not end where it should, at {at}"));
    }
    Ok((count, &bytes[start..start + size], start))
}

/// A file of an archive.
pub(super) struct Entry {
    pub(super) name: String,
    deflated: bool,
    crc: u32,
    /// The uncompressed size.
    size: usize,
    /// The range of its bytes in the file.
    range: [usize; 2],
}

impl Entry {
    /// Parses the entry's header from the directory; the directory starts at `end`.
    fn read(bytes: &[u8], header: &[u8], name: String, end: usize) -> Result<Self, String> {
        let problem = |problem: &str| format!("`{name}` {problem}");
        let [flags, method] = [8, 10].map(|at| u16_at(header, at));
        let [crc, stored, size, offset] = [16, 20, 24, 42].map(|at| u32_at(header, at));
        if flags & 1 == 1 {
            return Err(problem("is encrypted"));
        }
        if !matches!(method, 0 | 8) {
            return Err(problem("is compressed in another way than deflated"));
        }
        let possible = if method == 0 { size == stored } else { size <= stored.saturating_mul(LARGEST_RATIO) };
        if !possible {
            return Err(format!("`{name}` cannot have {size} bytes in {stored}"));
        }
        let local = bytes.get(offset..end).filter(|local| local.len() >= LOCAL_SIZE && local.starts_with(LOCAL));
        let local = local.ok_or_else(|| problem("does not begin where its directory says"))?;
        let [name_size, extra] = [26, 28].map(|at| u16_at(local, at));
        if local.get(LOCAL_SIZE..LOCAL_SIZE + name_size) != Some(name.as_bytes()) {
            return Err(problem("has another name in its own header"));
        }
        let begin = offset + LOCAL_SIZE + name_size + extra;
        let range = [begin, begin.saturating_add(stored)];
        if range[1] > end {
            return Err(problem("goes on beyond the directory"));
        }
        Ok(Self { deflated: method == 8, crc: crc as u32, size, range, name })
    }

    /// The range of its content in the archive, if it is not compressed.
    #[cfg(feature = "files")]
    pub(super) fn stored(&self, bytes: &[u8]) -> Result<[usize; 2], String> {
        if self.deflated {
            return Err(format!("`{}` is compressed; files of `torch.save` are not", self.name));
        }
        self.check(&bytes[self.range[0]..self.range[1]]).map(|()| self.range)
    }

    /// Checks the size and the CRC-32 of the content.
    fn check(&self, content: &[u8]) -> Result<(), String> {
        if content.len() != self.size || crc32fast::hash(content) != self.crc {
            return Err(format!("`{}` is damaged: its size or checksum is not that of its content", self.name));
        }
        Ok(())
    }

    #[cfg(feature = "npz")]
    fn content(self, bytes: &[u8]) -> Result<(String, Vec<u8>), String> {
        let stored = &bytes[self.range[0]..self.range[1]];
        let mut content = Vec::new();
        if self.deflated {
            // One extra byte reveals a content that is too long.
            let mut inflated = DeflateDecoder::new(stored).take(self.size as u64 + 1);
            inflated.read_to_end(&mut content).map_err(|error| format!("`{}`: {error}", self.name))?;
        } else {
            content.extend(stored);
        }
        self.check(&content)?;
        Ok((self.name, content))
    }
}

fn u16_at(bytes: &[u8], at: usize) -> usize {
    u16::from_le_bytes([bytes[at], bytes[at + 1]]).into()
}

fn u32_at(bytes: &[u8], at: usize) -> usize {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]) as usize
}
