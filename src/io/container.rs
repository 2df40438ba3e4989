//! The file format of saved networks and training states.

use std::fs;
use std::ops::Range;
use std::path::Path;

use super::json;
use super::safetensors::{SafeTensors, THE_FILE, header};
use crate::kernels::flat;
use crate::layer::Layer;
use crate::spec::Spec;
use crate::{Error, Network, Result, Scalar};

const FORMAT: &str = "neuropil model";
const VERSION: &str = "1";
/// The start of every file that is written here, after its header length; the eight digits of the checksum follow.
const START: &[u8] = br#"{"__metadata__":{"checksum":""#;
/// The name of the metadata about the training; followed by a dot, it is the prefix of the training's arrays.
const TRAINING: &str = "training";

/// What a training file contains besides the network: a description and arrays.
pub(crate) struct Training<'n, A> {
    pub(crate) spec: Spec,
    pub(crate) arrays: Vec<(String, Numbers<'n, A>)>,
}

/// The values of an array.
pub(crate) enum Numbers<'n, A> {
    /// Of the network's number type.
    Own(&'n [A]),
    Double(&'n [f64]),
}

/// Creates the content of a file.
pub(crate) fn write<A: Scalar>(
    network: &Network<A>,
    texts: &[(&str, &str)],
    training: Option<&Training<'_, A>>,
) -> Result<Vec<u8>> {
    let about_training = training.map(|training| json::write_checked(&training.spec)).transpose()?;
    check_sizes(network)?;
    let mut arrays = Vec::new();
    network.visit(&mut |info, _| {
        arrays.push((info.name.to_string(), A::NAME, info.dims.to_vec()));
    });
    let more = || training.iter().flat_map(|training| &training.arrays);
    arrays.extend(more().map(|(name, numbers)| {
        let (kind, len) = match numbers {
            Numbers::Own(numbers) => (A::NAME, numbers.len()),
            Numbers::Double(numbers) => (f64::NAME, numbers.len()),
        };
        (format!("{TRAINING}.{name}"), kind, vec![len])
    }));
    let mut metadata = vec![
        ("checksum", "00000000"),
        ("format", FORMAT),
        ("format_version", VERSION),
        ("crate_version", env!("CARGO_PKG_VERSION")),
        ("scalar", A::NAME),
    ];
    metadata.extend(texts);
    metadata.extend(about_training.as_deref().map(|text| (TRAINING, text)));
    let mut bytes = header(&metadata, &arrays)?;
    network.visit(&mut |_, matrix| extend(flat(matrix), &mut bytes));
    for (_, numbers) in more() {
        match numbers {
            Numbers::Own(numbers) => extend(numbers, &mut bytes),
            Numbers::Double(numbers) => extend(numbers, &mut bytes),
        }
    }
    let place = 8 + START.len()..8 + START.len() + 8;
    let digits = format!("{:08x}", checksum(&bytes, &place));
    bytes[place].copy_from_slice(digits.as_bytes());
    Ok(bytes)
}

/// Returns an error unless all layers report the true sizes of their parameters; those of other crates may not.
pub(super) fn check_sizes<A: Scalar>(network: &Network<A>) -> Result<()> {
    let mut result = Ok(());
    network.visit(&mut |info, matrix| {
        if info.dims.iter().product::<usize>() != matrix.len() && result.is_ok() {
            let (dims, count) = (info.dims, matrix.len());
            let what = format!(
                "cannot be saved; its layer's `visit` gives the dimensions {dims:?}, but it has {count} elements"
            );
            result = Err(Error::Unsupported { layer: info.name.to_string(), what });
        }
    });
    result
}

fn extend<A: Scalar>(numbers: &[A], bytes: &mut Vec<u8>) {
    A::extend_le(numbers, bytes);
}

/// The description of the training in a file.
pub(crate) fn training(file: &SafeTensors<'_>) -> Result<Spec> {
    let none = || problem("it is a model, not a saved training; load it with `Sequential::load`".into());
    let text = file.metadata(TRAINING).ok_or_else(none)?;
    json::read(text).map_err(|error| problem(format!("its training: {error}")))
}

/// Whether an array belongs to the training, not to the network.
pub(super) fn is_of_training(name: &str) -> bool {
    name.strip_prefix(TRAINING).is_some_and(|rest| rest.starts_with('.'))
}

/// The training array with this name.
pub(crate) fn array<A: Scalar>(file: &SafeTensors<'_>, name: &str) -> Result<Vec<A>> {
    file.numbers(&format!("{TRAINING}.{name}"))
}

/// A text of the metadata.
pub(super) fn text<'f>(file: &'f SafeTensors<'_>, name: &str) -> Result<&'f str> {
    file.metadata(name).ok_or_else(|| problem(format!("its header lacks `{name}`")))
}

/// Parses a file, with all checks that need neither the layers nor the trainer.
pub(crate) fn open<A: Scalar>(bytes: &[u8]) -> Result<SafeTensors<'_>> {
    let begun = bytes.get(8..).unwrap_or_default();
    let ours = !begun.is_empty() && (begun.starts_with(START) || START.starts_with(begun));
    // Parsed before the checksum is verified, so that a truncated file gets a message that says so.
    let file = SafeTensors::parse(bytes).map_err(|error| match error {
        Error::Format { problem: why, .. } if !ours => {
            problem(format!("this is not a neuropil model file, nor any safetensors file: {why}"))
        }
        error => error,
    })?;
    if file.metadata("format") != Some(FORMAT) {
        let advice = "if another program wrote it, load its arrays by name with `load_state_dict`";
        return Err(problem(format!("this is not a neuropil model file, as `save` writes it; {advice}")));
    }
    let digits = digits(bytes).ok_or_else(|| problem("its header lacks the eight digits of `checksum`".into()))?;
    if bytes[digits.clone()] != *format!("{:08x}", checksum(bytes, &digits)).as_bytes() {
        return Err(problem("it is damaged: its checksum is not that of its content".into()));
    }
    match text(&file, "format_version")? {
        VERSION => {}
        other => {
            return Err(problem(format!(
                "it has version {other} of the format, and this version of neuropil reads up to {VERSION}; use the \
                 version that wrote it, {}, or a later one",
                text(&file, "crate_version")?
            )));
        }
    }
    let scalar = text(&file, "scalar")?;
    if scalar != A::NAME {
        return Err(problem(format!("its numbers are {scalar}, not {}; load it as {scalar}", A::NAME)));
    }
    for name in file.names().filter(|name| !is_of_training(name)) {
        if !file.scalar(name).is_some_and(|scalar| scalar.eq_ignore_ascii_case(A::NAME)) {
            return Err(problem(format!("its array `{name}` is not {scalar} as it says")));
        }
    }
    Ok(file)
}

/// The range of the digits of the checksum in a valid file. `"checksum":` occurs nowhere else in a header, since
/// quotation marks in strings are escaped.
fn digits(bytes: &[u8]) -> Option<Range<usize>> {
    const NAME: &[u8] = b"\"checksum\"";
    let end = 8 + usize::try_from(u64::from_le_bytes(*bytes.first_chunk()?)).ok()?;
    let header = bytes.get(..end)?;
    let after = |at: usize, expected: u8| {
        let blanks = header[at..].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        (header.get(at + blanks) == Some(&expected)).then_some(at + blanks + 1)
    };
    let mut names = header.windows(NAME.len()).enumerate().filter(|(_, bytes)| *bytes == NAME);
    let start = names.find_map(|(at, _)| after(after(at + NAME.len(), b':')?, b'"'))?;
    (header.get(start + 8) == Some(&b'"')).then_some(start..start + 8)
}

/// The CRC-32 of everything but its own digits.
fn checksum(bytes: &[u8], digits: &Range<usize>) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&bytes[..digits.start]);
    hasher.update(&bytes[digits.end..]);
    hasher.finalize()
}

/// Reads a file, and adds its name to errors.
pub(crate) fn named<T>(path: &Path, read: impl FnOnce(&[u8]) -> Result<T>) -> Result<T> {
    let name = || path.display().to_string();
    let bytes = fs::read(path).map_err(|error| Error::file(path, error))?;
    read(&bytes).map_err(|error| about(&name(), error))
}

/// Replaces [`THE_FILE`] in an error by the file's name.
pub(super) fn about(name: &str, error: Error) -> Error {
    match error {
        Error::Format { what, problem } if what == THE_FILE => Error::Format { what: name.to_owned(), problem },
        Error::Layer { name: layer, error } => Error::Layer { name: layer, error: Box::new(about(name, *error)) },
        error => error,
    }
}

pub(crate) fn problem(problem: String) -> Error {
    Error::Format { what: THE_FILE.to_owned(), problem }
}
