//! [`Csv`] reads files of delimited text; [`Table`] is their content.

use std::path::Path;

use ::csv::{ByteRecord, ReaderBuilder, StringRecord};
use ndarray::Array2;

use super::gzip::{in_words, unpack};
use super::split::check_rows;
use crate::error::check_setting;
use crate::{Error, Result, Scalar};

/// Appended to the text: a record of its own, unless it falls into an unclosed quoted field.
const END: &[u8] = b"\n\x04";

/// A reader of delimited text. By default, fields are separated by commas, and the first line holds the column names.
///
/// Fields may be quoted, with quotation marks doubled inside; whitespace around a field is removed, and empty lines are
/// skipped. The text is UTF-8; a file may be gzip-compressed with the feature `gzip`.
///
/// ```
/// use neuropil::data::Csv;
///
/// let table = Csv::new().missing(["NA"]).parse("name,age,fare\nBraund,22,7.25\n\"Cumings, Mrs\",NA,71.2833\n")?;
/// assert_eq!(table.names(), ["name", "age", "fare"]);
/// assert_eq!(table.text("name")?, ["Braund", "Cumings, Mrs"]);
/// let x = table.numbers::<f64, _>(&["fare", "age"])?;
/// assert_eq!(x.row(0).to_vec(), [7.25, 22.0]);
/// assert!(x[[1, 1]].is_nan()); // missing
///
/// let error = table.numbers::<f64, _>(&["name"]).unwrap_err();
/// let problem = "`Braund` in `name` is not a number; leave the field empty if it is missing, or read the column as text";
/// assert_eq!(error.to_string(), format!("the CSV text, line 2, column 1: {problem}"));
/// # Ok::<(), neuropil::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Csv {
    delimiter: u8,
    headers: bool,
    missing: Vec<String>,
}

impl Default for Csv {
    fn default() -> Self {
        Self { delimiter: b',', headers: true, missing: Vec::new() }
    }
}

impl Csv {
    /// Creates a reader with comma as delimiter and column names in the first line.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the delimiter, such as `b';'` or `b'\t'`.
    pub fn delimiter(self, delimiter: u8) -> Self {
        Self { delimiter, ..self }
    }

    /// Treats the first line as data, and names the columns `0`, `1` and so on.
    pub fn without_names(self) -> Self {
        Self { headers: false, ..self }
    }

    /// Treats fields with one of these values as missing, like empty fields.
    pub fn missing<S: Into<String>>(mut self, texts: impl IntoIterator<Item = S>) -> Self {
        self.missing.extend(texts.into_iter().map(Into::into));
        self
    }

    /// Reads a file.
    ///
    /// # Errors
    /// [`Error::File`] when it cannot be read; [`Error::Format`] when its compressed content is damaged, or it is
    /// empty; [`Error::Field`] for a line whose number of fields differs from the first, a repeated column name, a
    /// field that is not UTF-8, and an unclosed quotation mark; [`Error::Setting`] for an invalid delimiter.
    pub fn read(&self, path: impl AsRef<Path>) -> Result<Table> {
        let path = path.as_ref();
        let name = path.display().to_string();
        let bytes = std::fs::read(path).map_err(|error| Error::file(path, error))?;
        let mut text = Vec::new();
        let problem = match unpack(&bytes) {
            Ok(mut source) => source.read_to_end(&mut text).map_err(in_words).err(),
            Err(problem) => Some(problem),
        };
        match problem {
            None => self.table(name, text),
            Some(problem) => Err(Error::Format { what: name, problem }),
        }
    }

    /// Parses the content of a file.
    ///
    /// # Errors
    /// Those of [`read`](Self::read).
    pub fn parse(&self, text: impl AsRef<[u8]>) -> Result<Table> {
        self.table("the CSV text".into(), text.as_ref().to_vec())
    }

    fn table(&self, what: String, mut text: Vec<u8>) -> Result<Table> {
        let wants = "an ASCII character other than a quotation mark and the ends of lines and files";
        let ok = self.delimiter.is_ascii() && !b"\"\r\n\x04".contains(&self.delimiter);
        check_setting("the delimiter of Csv", self.delimiter.into(), wants, ok)?;
        text.extend_from_slice(END);
        let mut reader =
            ReaderBuilder::new().delimiter(self.delimiter).has_headers(false).flexible(true).from_reader(&*text);
        let (mut rows, mut record): (Vec<Row>, _) = (Vec::new(), ByteRecord::new());
        let (mut line, mut counted) = (1, 0);
        loop {
            // Where the record starts: the reader includes the empty lines before it.
            let from = reader.position().byte() as usize;
            let start = from + text[from..].iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
            line += text[counted..start].split(|byte| *byte == b'\n').skip(1).count() as u64;
            counted = start;
            let wrong = |column: usize, problem: String| Error::Field { what: what.clone(), line, column, problem };
            let read = reader.read_byte_record(&mut record);
            read.map_err(|error| Error::Format { what: what.clone(), problem: error.to_string() })?;
            if reader.position().byte() as usize == text.len() {
                if record.len() == 1 && record[0] == END[1..] {
                    break;
                }
                let problem = "a quotation mark is never closed";
                return Err(wrong(record.len(), problem.into()));
            }
            let wants = rows.first().map_or(record.len(), |row| row.fields.len());
            if record.len() != wants {
                let problem = format!("the line has {} fields, the first one {wants}", record.len());
                return Err(wrong(record.len().min(wants) + 1, problem));
            }
            let mut fields = StringRecord::from_byte_record(record.clone())
                .map_err(|error| wrong(error.utf8_error().field() + 1, "it is not UTF-8 text".into()))?;
            fields.trim();
            rows.push(Row { line, fields });
        }
        let Some(first) = rows.first() else {
            return Err(Error::Format { what, problem: "there is nothing in it".into() });
        };
        let names = if self.headers {
            let first = rows.remove(0);
            let names: Vec<String> = first.fields.iter().map(String::from).collect();
            if let Some((column, other)) = twice(&names) {
                let problem = format!("it is called `{}`, and so is column {}", names[column], other + 1);
                return Err(Error::Field { what, line: first.line, column: column + 1, problem });
            }
            names
        } else {
            (0..first.fields.len()).map(|column| column.to_string()).collect()
        };
        Ok(Table { what, names, rows, missing: self.missing.clone() })
    }
}

/// The first repeated name, and its position.
fn twice(names: &[String]) -> Option<(usize, usize)> {
    let before = |(column, name)| Some((column, names[..column].iter().position(|other| other == name)?));
    names.iter().enumerate().find_map(before)
}

/// A table with named columns, which can be read as numbers or as strings.
///
/// [`Csv`] reads it; see the example there.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    what: String,
    names: Vec<String>,
    rows: Vec<Row>,
    missing: Vec<String>,
}

#[derive(Debug, Clone, PartialEq)]
struct Row {
    /// The line in the file on which it starts.
    line: u64,
    fields: StringRecord,
}

impl Table {
    /// The number of rows.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The names of the columns.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The rows with these indices, in this order, such as those of a [`Split`](super::Split).
    ///
    /// # Errors
    /// [`Error::Setting`] for an index that is not below [`len`](Self::len).
    pub fn select(&self, rows: &[usize]) -> Result<Self> {
        check_rows(rows, self.len())?;
        let rows = rows.iter().map(|&row| self.rows[row].clone()).collect();
        Ok(Self { what: self.what.clone(), names: self.names.clone(), rows, missing: self.missing.clone() })
    }

    /// The values of a column as strings; missing ones are empty.
    ///
    /// # Errors
    /// [`Error::Format`] for an unknown column.
    pub fn text(&self, name: &str) -> Result<Vec<&str>> {
        let column = self.column(name)?;
        Ok(self.rows.iter().map(|row| self.field(row, column)).collect())
    }

    /// The values of these columns as numbers, in this order; missing ones are NaN.
    ///
    /// ```
    /// # use neuropil::data::Csv;
    /// let table = Csv::new().without_names().delimiter(b' ').parse("1 2\n3 4\n")?;
    /// assert_eq!(table.numbers::<f32, _>(table.names())?, ndarray::array![[1.0, 2.0], [3.0, 4.0]]);
    /// # Ok::<(), neuropil::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Format`] for an unknown column; [`Error::Field`] for a field that is not a number.
    pub fn numbers<A: Scalar, S: AsRef<str>>(&self, names: &[S]) -> Result<Array2<A>> {
        let columns = names.iter().map(|name| self.column(name.as_ref())).collect::<Result<Vec<_>>>()?;
        let mut x = Array2::from_elem((self.len(), columns.len()), A::NAN);
        for (row, mut x) in self.rows.iter().zip(x.rows_mut()) {
            for (&column, x) in columns.iter().zip(&mut x) {
                let text = self.field(row, column);
                if !text.is_empty() {
                    *x = A::of(text.parse().map_err(|_| self.no_number(row, column, text))?);
                }
            }
        }
        Ok(x)
    }

    fn column(&self, name: &str) -> Result<usize> {
        self.names.iter().position(|other| other == name).ok_or_else(|| {
            let problem = format!("there is no column `{name}`, only {}", self.names.join(", "));
            Error::Format { what: self.what.clone(), problem }
        })
    }

    fn field<'t>(&'t self, row: &'t Row, column: usize) -> &'t str {
        let text = &row.fields[column];
        if self.missing.iter().any(|missing| missing == text) { "" } else { text }
    }

    fn no_number(&self, row: &Row, column: usize, text: &str) -> Error {
        let problem = format!(
            "`{text}` in `{}` is not a number; leave the field empty if it is missing, or read the column as text",
            self.names[column]
        );
        Error::Field { what: self.what.clone(), line: row.line, column: column + 1, problem }
    }
}
