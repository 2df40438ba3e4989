//! Bytes of a file, read without trust.

use crate::{Result, Scalar};

/// Collects the content of a file: numbers in little-endian order, texts and lists with their length in front.
#[derive(Debug, Default)]
pub(super) struct Writer(pub(super) Vec<u8>);

impl Writer {
    pub(super) fn u64(&mut self, x: u64) {
        self.0.extend(x.to_le_bytes());
    }

    pub(super) fn len(&mut self, x: usize) {
        self.u64(x as u64);
    }

    pub(super) fn f64(&mut self, x: f64) {
        self.0.extend(x.to_le_bytes());
    }

    pub(super) fn text(&mut self, text: &str) {
        self.len(text.len());
        self.0.extend(text.as_bytes());
    }

    /// Numbers in their own width.
    pub(super) fn scalars<A: Scalar>(&mut self, numbers: &[A]) {
        self.len(numbers.len());
        for x in numbers {
            if size_of::<A>() == 4 {
                self.0.extend((x.to_f64() as f32).to_le_bytes());
            } else {
                self.f64(x.to_f64());
            }
        }
    }
}

/// Reads what a [`Writer`] wrote; every error says what is wrong.
#[derive(Debug)]
pub(super) struct Reader<'b>(pub(super) &'b [u8]);

type Read<T> = Result<T, &'static str>;

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Read<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk().ok_or("it ends too early")?;
        self.0 = rest;
        Ok(*head)
    }

    pub(super) fn u64(&mut self) -> Read<u64> {
        self.take().map(u64::from_le_bytes)
    }

    /// A number of items that take at least `size` bytes each: no more than the file can hold.
    pub(super) fn len(&mut self, size: usize) -> Read<usize> {
        let len = usize::try_from(self.u64()?).unwrap_or(usize::MAX);
        if len <= self.0.len() / size.max(1) { Ok(len) } else { Err("it has a length beyond its end") }
    }

    pub(super) fn f64(&mut self) -> Read<f64> {
        self.take().map(f64::from_le_bytes)
    }

    pub(super) fn text(&mut self) -> Read<String> {
        let len = self.len(1)?;
        let (text, rest) = self.0.split_at(len);
        self.0 = rest;
        String::from_utf8(text.to_vec()).map_err(|_| "it has a text that is not UTF-8")
    }

    pub(super) fn scalars<A: Scalar>(&mut self) -> Read<Vec<A>> {
        let len = self.len(size_of::<A>())?;
        (0..len)
            .map(|_| {
                let x = if size_of::<A>() == 4 { f32::from_le_bytes(self.take()?).into() } else { self.f64()? };
                Ok(A::of(x))
            })
            .collect()
    }
}

/// The FNV-1a hash with 64 bits: one changed byte always changes it.
pub(super) fn checksum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
}
