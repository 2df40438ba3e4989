//! NumPy's format for one array: [`read_npy`], [`write_npy`], and their in-memory variants.

use std::fs;
use std::path::Path;

use ndarray::{ArrayD, ArrayRef, Dimension, IxDyn, ShapeBuilder};

use super::{atomic, half};
use crate::{Error, Result, Scalar};

const MAGIC: &[u8] = b"\x93NUMPY";

/// Reads an array written by `numpy.save`: floating-point numbers of 2, 4 or 8 bytes, integers or booleans, in any byte
/// order and memory layout, each converted to the nearest `A`.
///
/// ```
/// use neuropil::io::{read_npy, write_npy};
/// use neuropil::ndarray::array;
///
/// let path = std::env::temp_dir().join(format!("neuropil-doc-{}.npy", std::process::id()));
/// write_npy(&path, &array![[1.0_f32, 2.0, 3.0]])?;
/// assert_eq!(read_npy::<f64>(&path)?, array![[1.0, 2.0, 3.0]].into_dyn());
/// # std::fs::remove_file(&path).unwrap();
/// # Ok::<(), neuropil::Error>(())
/// ```
///
/// # Errors
/// [`Error::File`] if the file cannot be read; [`Error::Format`] if it is not such an array. Pickled arrays of Python
/// objects are rejected.
pub fn read_npy<A: Scalar>(path: impl AsRef<Path>) -> Result<ArrayD<A>> {
    let name = || path.as_ref().display().to_string();
    let bytes = fs::read(&path).map_err(|error| Error::file(path.as_ref(), error))?;
    parse(&bytes).map_err(|problem| Error::Format { what: name(), problem })
}

/// Writes an array for `numpy.load`, atomically.
///
/// # Errors
/// [`Error::Save`] if the file cannot be written.
pub fn write_npy<A: Scalar, D: Dimension>(path: impl AsRef<Path>, array: &ArrayRef<A, D>) -> Result<()> {
    atomic::write_whole(path.as_ref(), &to_npy(array))
}

/// Reads an array from the content of an npy file, like [`read_npy`].
///
/// # Errors
/// [`Error::Format`] if it is not such an array.
pub fn from_npy<A: Scalar>(bytes: &[u8]) -> Result<ArrayD<A>> {
    parse(bytes).map_err(|problem| Error::Format { what: "the npy file".into(), problem })
}

/// The content of the file written by [`write_npy`].
///
/// ```
/// use neuropil::io::{from_npy, to_npy};
/// use neuropil::ndarray::array;
///
/// let bytes = to_npy(&array![1.0_f64, 2.0]);
/// assert_eq!(from_npy::<f64>(&bytes)?, array![1.0, 2.0].into_dyn());
/// # Ok::<(), neuropil::Error>(())
/// ```
pub fn to_npy<A: Scalar, D: Dimension>(array: &ArrayRef<A, D>) -> Vec<u8> {
    let mut shape = array.shape().iter().fold(String::new(), |shape, n| shape + &format!("{n}, "));
    if array.ndim() > 1 {
        shape.truncate(shape.len() - 2);
    }
    let descr = if size_of::<A>() == 4 { "<f4" } else { "<f8" };
    let shape = shape.trim_end();
    let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({shape}), }}");
    // The numbers start at a multiple of 64 bytes, after a line feed; version 2 has a longer field for the length.
    let length = |before: usize| (header.len() + before + 1).next_multiple_of(64) - before;
    let mut bytes = match u16::try_from(length(10)) {
        Ok(length) => [MAGIC, &[1, 0], &length.to_le_bytes()].concat(),
        Err(_) => [MAGIC, &[2, 0], &(length(12) as u32).to_le_bytes()].concat(),
    };
    let end = bytes.len() + length(bytes.len());
    bytes.extend(header.as_bytes());
    bytes.resize(end - 1, b' ');
    bytes.push(b'\n');
    if let Some(numbers) = array.as_slice() {
        A::extend_le(numbers, &mut bytes);
    } else {
        A::extend_le(&array.iter().copied().collect::<Vec<_>>(), &mut bytes);
    }
    bytes
}

pub(super) fn parse<A: Scalar>(bytes: &[u8]) -> Result<ArrayD<A>, String> {
    let not_npy = || "it is not an npy file".to_owned();
    let (version, rest) = bytes.strip_prefix(MAGIC).and_then(<[u8]>::split_first_chunk::<2>).ok_or_else(not_npy)?;
    let (length, rest) = match version {
        [1, 0] => rest.split_first_chunk().map(|(length, rest)| (u16::from_le_bytes(*length).into(), rest)),
        [2 | 3, 0] => rest.split_first_chunk().map(|(length, rest)| (u32::from_le_bytes(*length) as usize, rest)),
        [major, minor] => return Err(format!("it has version {major}.{minor} of the format; 1.0 to 3.0 are read")),
    }
    .ok_or_else(not_npy)?;
    let Some((header, data)) = rest.split_at_checked(length) else {
        return Err(format!("its header has {length} bytes, but there are {} after its length", rest.len()));
    };
    let header = str::from_utf8(header).map_err(|_| "its header is not text".to_owned())?;
    let Header { descr, fortran_order, shape } = Header::read(header).ok_or_else(|| {
        format!(
            "its header is not that of one array of numbers: {}",
            header.trim_end().chars().take(200).collect::<String>()
        )
    })?;
    let number = Number::read(descr).ok_or_else(|| {
        format!("its numbers are `{descr}`; those that are read are f2, f4, f8, integers and booleans")
    })?;
    let count = shape.iter().try_fold(1_usize, |count, &n| count.checked_mul(n));
    let count = count.ok_or_else(|| format!("its sizes {shape:?} overflow"))?;
    if count.checked_mul(number.size) != Some(data.len()) {
        let size = number.size;
        return Err(format!(
            "its sizes {shape:?} are {count} numbers of {size} bytes, but it has {} bytes",
            data.len()
        ));
    }
    let numbers = number.decode(data);
    let order = IxDyn(&shape).set_f(fortran_order);
    ArrayD::from_shape_vec(order, numbers).map_err(|_| format!("its sizes {shape:?} overflow"))
}

/// The dictionary in the header.
struct Header<'t> {
    descr: &'t str,
    fortran_order: bool,
    shape: Vec<usize>,
}

impl<'t> Header<'t> {
    /// Parses a dictionary as Python writes it; nothing else.
    fn read(text: &'t str) -> Option<Self> {
        let mut text = Text(text.trim().strip_prefix('{')?.strip_suffix('}')?);
        let (mut descr, mut fortran_order, mut shape) = (None, None, None);
        while !text.ends() {
            let key = text.quoted()?;
            text.expect(":")?;
            let twice = match key {
                "descr" => descr.replace(text.quoted()?).is_some(),
                "fortran_order" => fortran_order.replace(text.boolean()?).is_some(),
                "shape" => shape.replace(text.sizes()?).is_some(),
                _ => true,
            };
            if twice || (text.expect(",").is_none() && !text.ends()) {
                return None;
            }
        }
        Some(Self { descr: descr?, fortran_order: fortran_order?, shape: shape? })
    }
}

/// The rest of the header.
struct Text<'t>(&'t str);

impl<'t> Text<'t> {
    fn ends(&self) -> bool {
        self.0.trim_start().is_empty()
    }

    fn expect(&mut self, word: &str) -> Option<()> {
        self.0 = self.0.trim_start().strip_prefix(word)?;
        Some(())
    }

    fn quoted(&mut self) -> Option<&'t str> {
        let text = self.0.trim_start();
        let quote = text.chars().next().filter(|quote| matches!(quote, '\'' | '"'))?;
        let (word, rest) = text[1..].split_once(quote)?;
        self.0 = rest;
        (!word.contains('\\')).then_some(word)
    }

    fn boolean(&mut self) -> Option<bool> {
        if self.expect("True").is_some() { Some(true) } else { self.expect("False").map(|()| false) }
    }

    /// A tuple of sizes: `()`, `(3,)` or `(3, 4)`.
    fn sizes(&mut self) -> Option<Vec<usize>> {
        self.expect("(")?;
        let (inside, rest) = self.0.split_once(')')?;
        self.0 = rest;
        let inside = inside.trim();
        if inside.is_empty() {
            return Some(Vec::new());
        }
        let sizes = inside.strip_suffix(',').unwrap_or(inside).split(',');
        // Python 2 wrote some sizes as `3L`; signs are invalid.
        let size = |text: &str| {
            let digits = text.trim().trim_end_matches('L');
            digits.bytes().all(|c| c.is_ascii_digit()).then(|| digits.parse().ok())?
        };
        sizes.map(size).collect()
    }
}

/// The storage format of a number.
#[derive(Debug, Clone, Copy)]
struct Number {
    /// `f`, `i`, `u` or `b`.
    kind: char,
    size: usize,
    big_endian: bool,
}

impl Number {
    fn read(descr: &str) -> Option<Self> {
        let mut letters = descr.chars();
        let (order, kind) = (letters.next()?, letters.next()?);
        let size = letters.as_str();
        let known = match kind {
            'f' => matches!(size, "2" | "4" | "8"),
            'i' | 'u' => matches!(size, "1" | "2" | "4" | "8"),
            'b' => size == "1",
            _ => false,
        };
        let order = matches!(order, '<' | '>') || (order == '|' && size == "1");
        (known && order).then(|| Self { kind, size: size.parse().unwrap_or(1), big_endian: descr.starts_with('>') })
    }

    fn decode<A: Scalar>(self, data: &[u8]) -> Vec<A> {
        if self.kind == 'f' && self.size == size_of::<A>() && !self.big_endian {
            return A::from_le(data);
        }
        data.chunks_exact(self.size).map(|bytes| A::of(self.value(bytes))).collect()
    }

    fn value(self, bytes: &[u8]) -> f64 {
        let mut bits = 0;
        for i in 0..self.size {
            let byte = bytes[if self.big_endian { self.size - 1 - i } else { i }];
            bits |= u64::from(byte) << (8 * i);
        }
        // Shifting up and down again sign-extends an integer.
        let unused = 64 - 8 * self.size as u32;
        match (self.kind, self.size) {
            ('f', 2) => half::f16(bits as u16).into(),
            ('f', 4) => f32::from_bits(bits as u32).into(),
            ('f', _) => f64::from_bits(bits),
            ('i', _) => ((bits << unused).cast_signed() >> unused) as f64,
            ('u', _) => bits as f64,
            _ => f64::from(u8::from(bits != 0)),
        }
    }
}
