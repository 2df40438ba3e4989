//! [`History`]: losses and metrics, epoch by epoch.

use std::fmt::{self, Write as _};

use crate::text::table;

/// The measurements of one epoch.
#[derive(Debug, Clone, PartialEq)]
pub struct Epoch {
    /// The epoch, from 1.
    pub number: usize,
    /// The learning rate of its last step.
    pub rate: f64,
    /// Its duration in seconds; 0 where there is no clock, as in `wasm32-unknown-unknown`.
    pub seconds: f64,
    /// `loss` and the metrics; with validation data also `val_loss` and the metrics with the prefix `val_`.
    pub values: Vec<(String, f64)>,
}

impl Epoch {
    /// The value with this name, such as `val_loss`.
    pub fn get(&self, name: &str) -> Option<f64> {
        self.values.iter().find(|(known, _)| known == name).map(|(_, value)| *value)
    }
}

/// The history of a training: losses, metrics, duration and learning rate of each epoch.
///
/// Training loss and metrics are computed from the outputs before each step, in training mode; validation values are
/// those of the network at the end of the epoch. It prints as a table:
///
/// ```
/// use neuropil::data;
/// use neuropil::prelude::*;
/// use neuropil::train::Trainer;
///
/// let mut network = Sequential::mlp(&[2, 4, 1], Tanh, &mut rng(7))?;
/// let xor = data::xor::<f64>();
/// let history = Trainer::new(Mse, Sgd::new(0.5)).epochs(3).fit(&mut network, &xor)?;
/// assert_eq!(history.column("loss").len(), 3);
/// assert!(history.to_csv().starts_with("epoch,loss,learning_rate,seconds\n1,"));
/// println!("{history}");
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct History {
    epochs: Vec<Epoch>,
}

impl History {
    /// The epochs, in order.
    pub fn epochs(&self) -> &[Epoch] {
        &self.epochs
    }

    /// The last epoch.
    pub fn last(&self) -> Option<&Epoch> {
        self.epochs.last()
    }

    /// The value with this name for all epochs that have it, such as `val_loss`.
    pub fn column(&self, name: &str) -> Vec<f64> {
        self.epochs.iter().filter_map(|epoch| epoch.get(name)).collect()
    }

    /// The names of the values, in order of appearance.
    pub fn names(&self) -> Vec<&str> {
        let mut names = Vec::new();
        for (name, _) in self.epochs.iter().flat_map(|epoch| &epoch.values) {
            if !names.contains(&name.as_str()) {
                names.push(name);
            }
        }
        names
    }

    pub(crate) fn push(&mut self, epoch: Epoch) {
        self.epochs.push(epoch);
    }

    /// The history as CSV, with a header. Numbers are written with full precision.
    pub fn to_csv(&self) -> String {
        let names = self.names();
        let mut text = csv_header(&names);
        for epoch in &self.epochs {
            text.push_str(&csv_line(epoch, &names));
        }
        text
    }

    /// The history as a JSON list of objects; a value that is not finite becomes `null`.
    pub fn to_json(&self) -> String {
        let number = |x: f64| if x.is_finite() { format!("{x:?}") } else { "null".into() };
        let mut text = String::from("[");
        for (i, epoch) in self.epochs.iter().enumerate() {
            let comma = if i > 0 { "," } else { "" };
            let _ = write!(text, "{comma}\n  {{\"epoch\": {}", epoch.number);
            for (name, value) in &epoch.values {
                let _ = write!(text, ", {}: {}", json_text(name), number(*value));
            }
            let (rate, seconds) = (number(epoch.rate), number(epoch.seconds));
            let _ = write!(text, ", \"learning_rate\": {rate}, \"seconds\": {seconds}}}");
        }
        text.push_str(if self.epochs.is_empty() { "]\n" } else { "\n]\n" });
        text
    }
}

/// The CSV header.
pub(crate) fn csv_header(names: &[&str]) -> String {
    let mut line = String::from("epoch");
    for name in names {
        let _ = write!(line, ",{}", csv_text(name));
    }
    line + ",learning_rate,seconds\n"
}

/// An epoch as a CSV row; missing values are empty.
pub(crate) fn csv_line(epoch: &Epoch, names: &[&str]) -> String {
    let mut line = epoch.number.to_string();
    for name in names {
        line.push(',');
        if let Some(value) = epoch.get(name) {
            let _ = write!(line, "{value:?}");
        }
    }
    let _ = writeln!(line, ",{:?},{:?}", epoch.rate, epoch.seconds);
    line
}

/// A CSV field, quoted if necessary.
fn csv_text(text: &str) -> String {
    if text.contains(['"', ',', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.into() }
}

/// A JSON string.
fn json_text(text: &str) -> String {
    let mut json = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => json.push_str("\\\""),
            '\\' => json.push_str("\\\\"),
            c if u32::from(c) < 0x20 => {
                let _ = write!(json, "\\u{:04x}", u32::from(c));
            }
            c => json.push(c),
        }
    }
    json + "\""
}

/// A number with four to six significant digits.
pub(crate) fn short(x: f64) -> String {
    if x == 0.0 || (1e-3..1e5).contains(&x.abs()) { format!("{x:.4}") } else { format!("{x:.3e}") }
}

/// Prints a table with aligned columns, one row per epoch.
impl fmt::Display for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.names();
        let mut rows = vec![vec!["epoch".to_owned()]];
        rows[0].extend(names.iter().map(|&name| name.to_owned()));
        rows[0].extend(["rate".to_owned(), "seconds".to_owned()]);
        for epoch in &self.epochs {
            let mut row = vec![epoch.number.to_string()];
            row.extend(names.iter().map(|name| epoch.get(name).map_or_else(String::new, short)));
            row.extend([short(epoch.rate), format!("{:.2}", epoch.seconds)]);
            rows.push(row);
        }
        f.write_str(&table(&rows, |_| false))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history() -> History {
        let mut history = History::default();
        let values = vec![("loss".to_owned(), 0.125), ("val,loss".to_owned(), f64::NAN)];
        history.push(Epoch { number: 1, rate: 0.1, seconds: 1.5, values });
        let values = vec![("loss".to_owned(), 1e-9), ("a\"b".to_owned(), 3.0)];
        history.push(Epoch { number: 2, rate: 0.05, seconds: 0.25, values });
        history
    }

    #[test]
    fn a_history_as_csv_json_and_table() {
        let history = history();
        let csv =
            "epoch,loss,\"val,loss\",\"a\"\"b\",learning_rate,seconds\n1,0.125,NaN,,0.1,1.5\n2,1e-9,,3.0,0.05,0.25\n";
        assert_eq!(history.to_csv(), csv);
        let json = "[\n  {\"epoch\": 1, \"loss\": 0.125, \"val,loss\": null, \"learning_rate\": 0.1, \"seconds\": 1.5},\n  \
                    {\"epoch\": 2, \"loss\": 1e-9, \"a\\\"b\": 3.0, \"learning_rate\": 0.05, \"seconds\": 0.25}\n]\n";
        assert_eq!(history.to_json(), json);
        assert_eq!(History::default().to_json(), "[]\n");
        let table = "epoch      loss  val,loss     a\"b    rate  seconds\n    \
                         1    0.1250       NaN          0.1000     1.50\n    \
                         2  1.000e-9            3.0000  0.0500     0.25\n";
        assert_eq!(history.to_string(), table);
        assert_eq!(history.column("a\"b"), [3.0]);
    }
}
