//! [`Idx`]: the MNIST file format.

use std::io::Read;
use std::path::Path;

use ndarray::Array2;

use super::gzip::{in_words, unpack};
use crate::{Error, Result, Scalar};

/// The content of an IDX file of bytes: an array of any number of dimensions, row-major.
///
/// The format (Y. `LeCun`, with MNIST): two zero bytes, one byte for the element type (only 8, unsigned bytes, is
/// supported), one for the number of dimensions, the big-endian size of each dimension in four bytes, and the elements.
///
/// ```
/// use neuropil::data::parse_idx;
///
/// let idx = parse_idx(&[0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6])?;
/// assert_eq!(idx.dims(), [2, 3]);
/// assert_eq!(idx.matrix::<f32>(), ndarray::array![[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]);
/// # Ok::<(), neuropil::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Idx {
    dims: Vec<usize>,
    data: Vec<u8>,
}

impl Idx {
    /// The size of each dimension.
    pub fn dims(&self) -> &[usize] {
        &self.dims
    }

    /// The elements.
    pub fn data(&self) -> &[u8] {
        &self.data
    }

    /// The elements as a matrix with one row for each index of the first dimension.
    pub fn matrix<A: Scalar>(&self) -> Array2<A> {
        let (rows, columns) = (self.dims[0], self.dims[1..].iter().product());
        Array2::from_shape_fn((rows, columns), |(i, j)| A::of(f64::from(self.data[i * columns + j])))
    }
}

/// Reads an IDX file, which may be gzip-compressed with the feature `gzip`.
///
/// # Errors
/// [`Error::File`] if it cannot be read; [`Error::Format`] if it is not an IDX file of bytes.
pub fn read_idx(path: impl AsRef<Path>) -> Result<Idx> {
    let path = path.as_ref();
    let name = path.display().to_string();
    let bytes = std::fs::read(path).map_err(|error| Error::file(path, error))?;
    parse(&bytes).map_err(|problem| Error::Format { what: name, problem })
}

/// Parses the content of an IDX file.
///
/// Memory is only allocated for existing elements, whatever sizes the header declares.
///
/// # Errors
/// [`Error::Format`] if it is not an IDX file of bytes.
pub fn parse_idx(bytes: &[u8]) -> Result<Idx> {
    parse(bytes).map_err(|problem| Error::Format { what: "the IDX data".into(), problem })
}

fn parse(bytes: &[u8]) -> Result<Idx, String> {
    parse_source(unpack(bytes)?)
}

fn parse_source(mut source: impl Read) -> Result<Idx, String> {
    let mut magic = [0; 4];
    source.read_exact(&mut magic).map_err(in_words)?;
    let [0, 0, kind, rank] = magic else {
        return Err(format!("it is not an IDX file: it starts with the bytes {magic:?}, not with two zeros"));
    };
    let element = match kind {
        0x08 => "",
        0x09 => "signed bytes",
        0x0b => "16-bit integers",
        0x0c => "32-bit integers",
        0x0d => "32-bit floating-point numbers",
        0x0e => "64-bit floating-point numbers",
        _ => "an unknown type",
    };
    if kind != 0x08 {
        return Err(format!("its elements are of {element} (type {kind:#04x}); only unsigned bytes (0x08) are read"));
    }
    if rank == 0 {
        return Err("it has no dimensions".into());
    }
    let mut sizes = vec![0; 4 * usize::from(rank)];
    source.read_exact(&mut sizes).map_err(in_words)?;
    let (sizes, _) = sizes.as_chunks::<4>();
    let dims: Vec<usize> = sizes.iter().map(|size| u32::from_be_bytes(*size) as usize).collect();
    // Sizes of 0 count as 1, so that every partial product is checked for overflow.
    let product = dims.iter().try_fold(1_usize, |product, size| product.checked_mul((*size).max(1)));
    let length = match product {
        Some(product) if isize::try_from(product).is_ok() => dims.iter().product::<usize>(),
        _ => return Err(format!("its header declares an array of {dims:?}, more than memory can hold")),
    };
    // Grows with the existing elements, whatever sizes the header declares.
    let mut data = Vec::new();
    (&mut source).take(length as u64).read_to_end(&mut data).map_err(in_words)?;
    if data.len() < length {
        return Err(format!("its header declares {length} bytes of elements, but there are {}", data.len()));
    }
    // At the end of a gzip file, this verifies the checksum.
    match source.read(&mut [0]).map_err(in_words)? {
        0 => Ok(Idx { dims, data }),
        _ => Err(format!("its header declares {length} bytes of elements, but there are more")),
    }
}
