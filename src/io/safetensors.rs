//! The safetensors format: [`SafeTensors`], its reader, and the shared parts of its writers.

use std::collections::BTreeMap;
use std::fmt;
use std::fmt::Write as _;

use serde_core::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};

use super::half;
use super::json::{quoted, repeated};
use crate::{Error, Result, Scalar};

/// The placeholder for the file's name until it is known.
pub(super) const THE_FILE: &str = "the file";

/// Longer headers are rejected, as by the `safetensors` package.
const LONGEST_HEADER: usize = 100_000_000;
/// The name of the metadata in the header.
const METADATA: &str = "__metadata__";

/// Named arrays and text metadata, in a file of the [`safetensors`](https://github.com/huggingface/safetensors) format,
/// which PyTorch and others use.
///
/// The file is not trusted: every size, offset and name is checked before use, and memory is allocated only for data
/// that are in the file.
///
/// ```
/// use neuropil::io::SafeTensors;
/// use neuropil::prelude::*;
///
/// let network = Sequential::<f32>::mlp(&[2, 3], Tanh, &mut rng(0))?;
/// let bytes = network.to_bytes()?;
/// let file = SafeTensors::parse(&bytes)?;
/// assert_eq!(file.names().collect::<Vec<_>>(), ["0.bias", "0.weight"]);
/// assert_eq!(file.shape("0.weight"), Some(&[2, 3][..]));
/// assert_eq!(file.metadata("scalar"), Some("f32"));
/// assert_eq!(file.numbers::<f64>("0.bias")?.len(), 3);
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct SafeTensors<'b> {
    pub(super) metadata: BTreeMap<String, String>,
    pub(super) entries: BTreeMap<String, Entry>,
    pub(super) data: &'b [u8],
}

/// The header's entry for an array.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) kind: Kind,
    pub(super) shape: Vec<usize>,
    /// The range of its bytes after the header.
    pub(super) range: [usize; 2],
}

/// A number type of the format, and its size in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Kind {
    name: &'static str,
    pub(super) size: usize,
}

const KINDS: [Kind; 14] = [
    Kind { name: "BOOL", size: 1 },
    Kind { name: "U8", size: 1 },
    Kind { name: "I8", size: 1 },
    Kind { name: "F8_E5M2", size: 1 },
    Kind { name: "F8_E4M3", size: 1 },
    Kind { name: "I16", size: 2 },
    Kind { name: "U16", size: 2 },
    Kind { name: "F16", size: 2 },
    Kind { name: "BF16", size: 2 },
    Kind { name: "I32", size: 4 },
    Kind { name: "U32", size: 4 },
    Kind { name: "F32", size: 4 },
    Kind { name: "F64", size: 8 },
    Kind { name: "I64", size: 8 },
];

/// The number type of this name.
pub(super) fn kind(name: &str) -> Option<Kind> {
    KINDS.into_iter().find(|known| known.name == name)
}

impl<'b> SafeTensors<'b> {
    /// Parses the header of a file in memory.
    ///
    /// # Errors
    /// [`Error::Format`] if the bytes do not strictly follow the format: a wrong header length, sizes that overflow,
    /// arrays that overlap, leave gaps or exceed the file, or repeated names.
    pub fn parse(bytes: &'b [u8]) -> Result<Self> {
        let (metadata, entries, data) =
            read(bytes).map_err(|problem| Error::Format { what: THE_FILE.to_owned(), problem })?;
        Ok(Self { metadata, entries, data })
    }

    /// The names of the arrays, in alphabetical order.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.entries.keys().map(String::as_str)
    }

    /// The sizes of the array with this name.
    pub fn shape(&self, name: &str) -> Option<&[usize]> {
        self.entries.get(name).map(|entry| &*entry.shape)
    }

    /// The metadata with this name.
    pub fn metadata(&self, name: &str) -> Option<&str> {
        self.metadata.get(name).map(String::as_str)
    }

    /// The number type of the array with this name, such as `F32` or `BF16`.
    pub fn scalar(&self, name: &str) -> Option<&'static str> {
        self.entries.get(name).map(|entry| entry.kind.name)
    }

    /// The values of the array with this name, row-major: `F64`, `F32`, `F16` or `BF16`, each converted to the nearest
    /// `A`.
    ///
    /// # Errors
    /// [`Error::Format`] if there is no array with this name, or it has another number type.
    pub fn numbers<A: Scalar>(&self, name: &str) -> Result<Vec<A>> {
        let problem = |problem: String| Error::Format { what: format!("the array `{name}`"), problem };
        let entry = self.entries.get(name).ok_or_else(|| problem("it is not in the file".into()))?;
        let bytes = &self.data[entry.range[0]..entry.range[1]];
        if entry.kind.name.eq_ignore_ascii_case(A::NAME) {
            return Ok(all(bytes));
        }
        let small = |widen: fn(u16) -> f32| {
            bytes.as_chunks().0.iter().map(|&bits| A::of(widen(u16::from_le_bytes(bits)).into())).collect()
        };
        match entry.kind.name {
            "F64" => Ok(all::<f64>(bytes).into_iter().map(A::of).collect()),
            "F32" => Ok(all::<f32>(bytes).into_iter().map(|x| A::of(x.into())).collect()),
            "F16" => Ok(small(half::f16)),
            "BF16" => Ok(small(half::bf16)),
            other => Err(problem(format!("its numbers are {other}; those that are read are F64, F32, F16 and BF16"))),
        }
    }
}

/// Converts bytes to numbers.
fn all<A: Scalar>(bytes: &[u8]) -> Vec<A> {
    A::from_le(bytes)
}

type Parsed<'b> = (BTreeMap<String, String>, BTreeMap<String, Entry>, &'b [u8]);

fn read(bytes: &[u8]) -> Result<Parsed<'_>, String> {
    let Some((length, rest)) = bytes.split_first_chunk() else {
        return Err(format!("it has {} bytes, fewer than the 8 of its header's length", bytes.len()));
    };
    let length = usize::try_from(u64::from_le_bytes(*length)).unwrap_or(usize::MAX);
    if length > LONGEST_HEADER {
        return Err(format!("its header has {length} bytes; the longest are {LONGEST_HEADER}"));
    }
    let Some((header, data)) = rest.split_at_checked(length) else {
        return Err(format!("it is cut off: its header has {length} bytes, but {} come after its length", rest.len()));
    };
    if header.first() != Some(&b'{') {
        return Err("its header does not begin with {".into());
    }
    let Header { metadata, entries } =
        serde_json::from_slice(header).map_err(|error| format!("its header: {error}"))?;
    let mut sorted: Vec<(&String, &Entry)> = entries.iter().collect();
    sorted.sort_by_key(|(_, entry)| entry.range);
    let mut end = 0;
    for (name, Entry { kind, shape, range }) in sorted {
        let size = shape.iter().try_fold(kind.size, |size, &n| size.checked_mul(n));
        let size = size.ok_or_else(|| format!("the sizes of `{name}` overflow"))?;
        if range[0] != end {
            let problem = if range[0] < end { "overlaps the one before" } else { "leaves a hole before it" };
            return Err(format!("`{name}` {problem}: it begins at {}, not {end}", range[0]));
        }
        if range[1].checked_sub(range[0]) != Some(size) {
            let [from, to] = range;
            return Err(format!(
                "`{name}` takes {size} bytes for its sizes {shape:?}, but has the place {from} to {to}"
            ));
        }
        end = range[1];
        if end > data.len() {
            return Err(format!("it is cut off: `{name}` ends at byte {end}, beyond the {} bytes of data", data.len()));
        }
    }
    if end != data.len() {
        return Err(format!("its arrays end at {end}, but there are {} bytes of data", data.len()));
    }
    Ok((metadata, entries, data))
}

struct Header {
    metadata: BTreeMap<String, String>,
    entries: BTreeMap<String, Entry>,
}

impl<'d> Deserialize<'d> for Header {
    fn deserialize<D: Deserializer<'d>>(deserializer: D) -> Result<Self, D::Error> {
        struct HeaderVisitor;

        impl<'d> Visitor<'d> for HeaderVisitor {
            type Value = Header;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of arrays")
            }

            fn visit_map<M: MapAccess<'d>>(self, mut map: M) -> Result<Header, M::Error> {
                let (mut metadata, mut entries) = (None, BTreeMap::new());
                while let Some(name) = map.next_key::<String>()? {
                    let twice = if name == METADATA {
                        metadata.replace(map.next_value::<Texts>()?.0).is_some()
                    } else {
                        entries.insert(name.clone(), map.next_value()?).is_some()
                    };
                    if twice {
                        return Err(M::Error::custom(format!("`{name}` appears twice")));
                    }
                }
                Ok(Header { metadata: metadata.unwrap_or_default(), entries })
            }
        }

        deserializer.deserialize_map(HeaderVisitor)
    }
}

struct Texts(BTreeMap<String, String>);

impl<'d> Deserialize<'d> for Texts {
    fn deserialize<D: Deserializer<'d>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextsVisitor;

        impl<'d> Visitor<'d> for TextsVisitor {
            type Value = Texts;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of texts")
            }

            fn visit_map<M: MapAccess<'d>>(self, mut map: M) -> Result<Texts, M::Error> {
                let mut texts = BTreeMap::new();
                while let Some((name, text)) = map.next_entry::<String, String>()? {
                    if texts.insert(name.clone(), text).is_some() {
                        return Err(M::Error::custom(format!("the text `{name}` appears twice")));
                    }
                }
                Ok(Texts(texts))
            }
        }

        deserializer.deserialize_map(TextsVisitor)
    }
}

impl<'d> Deserialize<'d> for Entry {
    fn deserialize<D: Deserializer<'d>>(deserializer: D) -> Result<Self, D::Error> {
        struct EntryVisitor;

        impl<'d> Visitor<'d> for EntryVisitor {
            type Value = Entry;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array with dtype, shape and data_offsets")
            }

            fn visit_map<M: MapAccess<'d>>(self, mut map: M) -> Result<Entry, M::Error> {
                let (mut kind, mut shape, mut range) = (None, None, None);
                while let Some(name) = map.next_key::<String>()? {
                    let twice = match &*name {
                        "dtype" => kind.replace(map.next_value::<String>()?).is_some(),
                        "shape" => shape.replace(map.next_value()?).is_some(),
                        "data_offsets" => range.replace(map.next_value()?).is_some(),
                        _ => return Err(M::Error::unknown_field(&name, &["dtype", "shape", "data_offsets"])),
                    };
                    if twice {
                        return Err(M::Error::custom(format!("`{name}` appears twice")));
                    }
                }
                let kind = kind.ok_or_else(|| M::Error::missing_field("dtype"))?;
                let known = self::kind(&kind);
                Ok(Entry {
                    kind: known.ok_or_else(|| M::Error::custom(format!("`{kind}` is not a number type")))?,
                    shape: shape.ok_or_else(|| M::Error::missing_field("shape"))?,
                    range: range.ok_or_else(|| M::Error::missing_field("data_offsets"))?,
                })
            }
        }

        deserializer.deserialize_map(EntryVisitor)
    }
}

/// An array to be written: its name, the name of its number type such as `f32`, and its sizes.
pub(super) type Described = (String, &'static str, Vec<usize>);

/// The start of a file with these metadata and arrays, up to the values of the first array, with capacity for all of
/// them.
pub(super) fn header(metadata: &[(&str, &str)], arrays: &[Described]) -> Result<Vec<u8>> {
    if let Some(name) = repeated(arrays.iter().map(|(name, ..)| name.as_str())) {
        return Err(Error::Format {
            what: format!("the array `{name}`"),
            problem: "there are two of this name".into(),
        });
    }
    let mut text = format!("{{{}:{{", quoted(METADATA));
    for (i, (name, value)) in metadata.iter().enumerate() {
        let comma = if i == 0 { "" } else { "," };
        let _ = write!(text, "{comma}{}:{}", quoted(name), quoted(value));
    }
    text.push('}');
    let mut end = 0;
    for (name, kind, shape) in arrays {
        let (begin, size) = (end, if *kind == "f32" { 4 } else { 8 });
        end += shape.iter().product::<usize>() * size;
        let kind = kind.to_uppercase();
        let name = quoted(name);
        let _ = write!(text, r#",{name}:{{"dtype":"{kind}","shape":{shape:?},"data_offsets":[{begin},{end}]}}"#);
    }
    text.push('}');
    if text.len() > LONGEST_HEADER {
        let problem = format!("its header has {} bytes; the longest are {LONGEST_HEADER}", text.len());
        return Err(Error::Format { what: THE_FILE.to_owned(), problem });
    }
    // The values start at a multiple of eight bytes.
    let length = text.len().next_multiple_of(8);
    let mut bytes = Vec::with_capacity(8 + length + end);
    bytes.extend((length as u64).to_le_bytes());
    bytes.extend(text.as_bytes());
    bytes.resize(8 + length, b' ');
    Ok(bytes)
}
