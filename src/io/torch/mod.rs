//! State dicts written by `torch.save`: zip archives of a pickle and the data of its tensors.

use std::collections::BTreeMap;

use pickle::{Heap, Tensor, Value};

use super::safetensors::{Entry, SafeTensors, THE_FILE, kind};
use super::zip;
use crate::{Error, Result};

mod pickle;

/// The first bytes of an archive, and of the format before PyTorch 1.6.
const ARCHIVE: &[u8] = b"PK\x03\x04";
const LEGACY: &[u8] = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.";
/// The deepest nesting of dicts.
const DEEPEST: usize = 8;
/// The largest number of bytes of all names, where each entry counts for `ENTRY` bytes more. One dict may be referred
/// to many times, so that a small file could otherwise expand to a huge one.
const NAMES: usize = 1 << 23;
const ENTRY: usize = 64;

impl<'b> SafeTensors<'b> {
    /// Parses a state dict written by `torch.save`, a zip archive, instead of a safetensors file. Names in nested
    /// dicts, as in a checkpoint, are joined by dots.
    ///
    /// The file contains a pickle, which is a program; only the operations of a state dict are interpreted, and nothing
    /// is executed. The data of the tensors are not copied; sizes and ranges that do not fit the file are errors.
    ///
    /// ```no_run
    /// use neuropil::io::SafeTensors;
    ///
    /// let bytes = std::fs::read("model.pt").unwrap();
    /// let file = SafeTensors::parse_torch(&bytes)?;
    /// for name in file.names() {
    ///     println!("{name}: {:?}", file.shape(name));
    /// }
    /// # Ok::<(), neuropil::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Format`] if the file is damaged, or has objects other than dicts, tensors and plain values; if a tensor
    /// is not contiguous; if it is in the format before PyTorch 1.6, or has more than 4 GiB.
    pub fn parse_torch(bytes: &'b [u8]) -> Result<Self> {
        let entries = read(bytes).map_err(|problem| Error::Format { what: THE_FILE.to_owned(), problem })?;
        Ok(Self { metadata: BTreeMap::new(), entries, data: bytes })
    }
}

/// Whether the bytes are a file of `torch.save`.
pub(super) fn is_torch(bytes: &[u8]) -> bool {
    bytes.starts_with(ARCHIVE) || bytes.starts_with(LEGACY)
}

/// The arrays of a state dict, with the byte ranges of their data; names in nested dicts are joined by dots.
fn read(bytes: &[u8]) -> Result<BTreeMap<String, Entry>, String> {
    if bytes.starts_with(LEGACY) {
        return Err("it is in the format before PyTorch 1.6; load it there and save it again".to_owned());
    }
    let mut records = BTreeMap::new();
    for entry in zip::entries(bytes)? {
        // All records are in one folder.
        if let Some((_, name)) = entry.name.split_once('/') {
            records.insert(name.to_owned(), entry.stored(bytes)?);
        }
    }
    let record = |name: &str| records.get(name).map(|&[from, to]| &bytes[from..to]);
    let pickle = record("data.pkl").ok_or("it has no data.pkl, as files of `torch.save` do")?;
    if record("byteorder").is_some_and(|order| order != b"little") {
        return Err("its numbers are big-endian; save it again on a little-endian machine".to_owned());
    }
    let (value, heap) = pickle::read(pickle)?;
    let mut file = File { records: &records, heap: &heap, entries: BTreeMap::new(), room: NAMES };
    let Value::Dict(dict) = value else { return Err("it is not a state dict; save `model.state_dict()`".to_owned()) };
    file.add("", dict, DEEPEST)?;
    Ok(file.entries)
}

struct File<'b> {
    /// The ranges of the records.
    records: &'b BTreeMap<String, [usize; 2]>,
    heap: &'b Heap<'b>,
    entries: BTreeMap<String, Entry>,
    /// The bytes of names that are still allowed.
    room: usize,
}

impl File<'_> {
    /// Adds the tensors of a dict; other values, such as the settings of an optimizer, are left out.
    fn add(&mut self, prefix: &str, dict: usize, depth: usize) -> Result<(), String> {
        for (key, value) in &self.heap.dicts[dict] {
            let name = match key {
                Value::Text(text) => format!("{prefix}{text}"),
                Value::Int(n) => format!("{prefix}{n}"),
                _ => return Err(format!("its dict `{prefix}` has a key that is not text")),
            };
            self.room = self.room.checked_sub(name.len() + ENTRY).ok_or("it has too many names")?;
            match *value {
                Value::Tensor(tensor) => {
                    let entry = self
                        .entry(&self.heap.tensors[tensor])
                        .map_err(|problem| format!("its array `{name}` {problem}"))?;
                    if self.entries.insert(name.clone(), entry).is_some() {
                        return Err(format!("it has two arrays `{name}`"));
                    }
                }
                Value::Dict(inner) if depth > 0 => self.add(&format!("{name}."), inner, depth - 1)?,
                Value::Dict(_) => return Err(format!("its dict `{name}` is nested too deeply")),
                _ => {}
            }
        }
        Ok(())
    }

    /// The type, the shape and the byte range of a tensor.
    fn entry(&self, tensor: &Tensor<'_>) -> Result<Entry, String> {
        let Tensor { class, record, numbers, offset, ref sizes, ref strides } = *tensor;
        let name = match class {
            "DoubleStorage" => "F64",
            "FloatStorage" => "F32",
            "HalfStorage" => "F16",
            "BFloat16Storage" => "BF16",
            "LongStorage" => "I64",
            "IntStorage" => "I32",
            "ShortStorage" => "I16",
            "CharStorage" => "I8",
            "ByteStorage" => "U8",
            "BoolStorage" => "BOOL",
            other => return Err(format!("has a {other}, which is not read")),
        };
        let kind = kind(name).ok_or("has unknown numbers")?;
        let range = self.records.get(&format!("data/{record}")).ok_or("has no numbers in the file")?;
        if numbers.checked_mul(kind.size) != Some(range[1] - range[0]) {
            return Err(format!("has {} bytes in the file, not those of {numbers} numbers", range[1] - range[0]));
        }
        let count = sizes.iter().try_fold(1_usize, |product, &n| product.checked_mul(n)).ok_or("is too large")?;
        let end = offset.checked_add(count).filter(|&end| end <= numbers);
        let end = end
            .ok_or_else(|| format!("has the shape {sizes:?}, more than the {numbers} numbers that it is a part of"))?;
        if count > 0 && !is_contiguous(sizes, strides) {
            return Err(
                "is not contiguous; save `{k: v.contiguous() for k, v in model.state_dict().items()}`".to_owned()
            );
        }
        Ok(Entry { kind, shape: sizes.clone(), range: [offset, end].map(|at| range[0] + at * kind.size) })
    }
}

/// Whether the numbers are in row-major order without gaps.
fn is_contiguous(sizes: &[usize], strides: &[usize]) -> bool {
    let mut wants = 1;
    sizes.iter().zip(strides).rev().all(|(&size, &stride)| {
        let fits = size == 1 || stride == wants;
        wants *= size;
        fits
    })
}
