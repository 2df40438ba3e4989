//! [`Gunzip`]: the bytes in a gzip file (RFC 1952), as many as are asked for.

use miniz_oxide::inflate::stream::{InflateState, inflate};
use miniz_oxide::{DataFormat, MZFlush, MZStatus};

use super::idx::Source;

/// A gzip file of one member that is inflated as far as it is read, so that no short file can fill the memory.
pub(super) struct Gunzip<'a> {
    /// The compressed bytes that were not used yet.
    deflate: &'a [u8],
    /// How many there were.
    compressed: usize,
    state: Box<InflateState>,
    /// Checksum and length of what was read so far.
    crc: u32,
    length: u32,
    /// The same for the whole content, as the file's last eight bytes have them.
    crc_at_end: u32,
    length_at_end: u32,
}

const TRUNCATED: &str = "the gzip file ends too early";

impl<'a> Gunzip<'a> {
    pub(super) fn new(file: &'a [u8]) -> Result<Self, String> {
        let deflate = &file[header_length(file)?..];
        let Some((deflate, trailer)) = deflate.split_last_chunk::<8>() else { return Err(TRUNCATED.into()) };
        let [a, b, c, d, e, f, g, h] = *trailer;
        Ok(Self {
            deflate,
            compressed: deflate.len(),
            state: InflateState::new_boxed(DataFormat::Raw),
            crc: 0,
            length: 0,
            crc_at_end: u32::from_le_bytes([a, b, c, d]),
            length_at_end: u32::from_le_bytes([e, f, g, h]),
        })
    }

    /// Inflates into the buffer until it is full or the content ends; tells how many bytes, and whether it ended.
    fn inflate(&mut self, buffer: &mut [u8]) -> Result<(usize, bool), String> {
        let mut filled = 0;
        while filled < buffer.len() {
            let result = inflate(&mut self.state, self.deflate, &mut buffer[filled..], MZFlush::None);
            self.deflate = &self.deflate[result.bytes_consumed..];
            filled += result.bytes_written;
            match result.status {
                Ok(MZStatus::StreamEnd) => return Ok((filled, true)),
                Ok(_) if result.bytes_consumed + result.bytes_written > 0 => {}
                Ok(_) => return Err(TRUNCATED.into()),
                Err(_) if self.deflate.is_empty() => return Err(TRUNCATED.into()),
                Err(_) => return Err("the compressed data are damaged".into()),
            }
        }
        Ok((filled, false))
    }
}

impl Source for Gunzip<'_> {
    fn promise(&self, read: usize, more: usize) -> Result<(), String> {
        let total = read.saturating_add(more);
        // The length at the end is modulo 2³².
        if total as u32 != self.length_at_end {
            let length = self.length_at_end;
            return Err(format!("its header declares {total} bytes in all, but the gzip file holds {length}"));
        }
        // Deflate makes at most 258 bytes of two bits.
        let bytes = self.compressed;
        if total / 1032 > bytes {
            return Err(format!(
                "its header declares {total} bytes in all, more than {bytes} compressed ones can make"
            ));
        }
        Ok(())
    }

    fn fill(&mut self, buffer: &mut [u8]) -> Result<(), String> {
        let (filled, _) = self.inflate(buffer)?;
        if filled < buffer.len() {
            return Err("its content ends too early".into());
        }
        self.crc = crc32(self.crc, buffer);
        self.length = self.length.wrapping_add(filled as u32);
        Ok(())
    }

    fn end(mut self) -> Result<(), String> {
        let (more, ended) = self.inflate(&mut [0])?;
        if more > 0 || !ended {
            return Err("its content is longer than its header declares".into());
        }
        if !self.deflate.is_empty() {
            return Err(format!("{} bytes follow the compressed data", self.deflate.len()));
        }
        if (self.crc, self.length) != (self.crc_at_end, self.length_at_end) {
            return Err("the gzip file is damaged: its checksum is wrong".into());
        }
        Ok(())
    }
}

/// How long the header is, after checking it.
fn header_length(file: &[u8]) -> Result<usize, String> {
    let Some((fixed, _)) = file.split_first_chunk::<10>() else { return Err(TRUNCATED.into()) };
    let [0x1f, 0x8b, method, flags, ..] = *fixed else { return Err("it is not a gzip file".into()) };
    if method != 8 {
        return Err(format!("the gzip file uses the unknown compression method {method}"));
    }
    if flags & 0b1110_0000 != 0 {
        return Err(format!("the gzip header has the unknown flags {flags:#010b}"));
    }
    let bytes = |from, count| file.get(from..from + count).ok_or(TRUNCATED);
    let text_end = |from| {
        let text: &[u8] = file.get(from..).ok_or(TRUNCATED)?;
        text.iter().position(|byte| *byte == 0).map(|length| from + length + 1).ok_or(TRUNCATED)
    };
    let mut at = fixed.len();
    if flags & 0b0_0100 != 0 {
        let length = bytes(at, 2)?;
        at += 2 + usize::from(u16::from_le_bytes([length[0], length[1]]));
    }
    if flags & 0b0_1000 != 0 {
        at = text_end(at)?; // The file's name.
    }
    if flags & 0b1_0000 != 0 {
        at = text_end(at)?; // A comment.
    }
    if flags & 0b0_0010 != 0 {
        let sum = bytes(at, 2)?;
        if u16::from_le_bytes([sum[0], sum[1]]) != crc32(0, &file[..at]) as u16 {
            return Err("the gzip header is damaged: its checksum is wrong".into());
        }
        at += 2;
    }
    if at <= file.len() { Ok(at) } else { Err(TRUNCATED.into()) }
}

/// The checksum of the bytes so far, continued over `bytes`.
fn crc32(so_far: u32, bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!so_far, |crc, byte| (crc >> 8) ^ CRC[usize::from(crc as u8 ^ byte)])
}

/// What each value of a byte does to the checksum.
const CRC: [u32; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let (mut crc, mut bit) = (byte as u32, 0);
        while bit < 8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 };
            bit += 1;
        }
        table[byte] = crc;
        byte += 1;
    }
    table
};
