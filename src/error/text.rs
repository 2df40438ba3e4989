//! The messages of [`Error`].

use std::fmt;

use super::{Error, row_hint};
use crate::Shape;
use crate::text::figures;

impl Error {
    /// Writes the message; `after` follows the layer's text: a comma when its name comes first.
    fn write(&self, f: &mut fmt::Formatter<'_>, after: &str) -> fmt::Result {
        match self {
            Self::Input { layer, wants, got } => write!(f, "{layer}{after} takes {wants}, got {}", Numbers(*got)),
            Self::Layer { name, error } => {
                write!(f, "layer {name}")?;
                let mut error = error;
                while let Self::Layer { name, error: inner } = &**error {
                    write!(f, ".{name}")?;
                    error = inner;
                }
                f.write_str(", ")?;
                error.write(f, ",")
            }
            Self::Width { wants, got } => {
                write!(f, "the network takes rows of {} features, got {got}; one row is one sample", Numbers(*wants))
            }
            Self::Dimensions { what, wants, got } => {
                write!(f, "{what} must be {} x {}, got {} x {}", wants[0], wants[1], got[0], got[1])?;
                let hint = if wants[1] == 1 { row_hint(wants[0], (got[0], got[1])) } else { None };
                f.write_str(&hint.unwrap_or_default())
            }
            Self::Values { layer, wants, got, row } => {
                write!(f, "{layer}{after} takes {wants}, got {got}")?;
                in_row(*row, f)
            }
            Self::Target { who, wants, got, row } => {
                write!(f, "{who} takes {wants}, got {got}")?;
                in_row(*row, f)
            }
            Self::NotDifferentiable { layer } => write!(
                f,
                "{layer}{after} has a derivative of zero, so the layers before it cannot learn; \
                 use a smooth activation such as Sigmoid or Tanh when training"
            ),
            Self::Unsupported { layer, what } => write!(f, "{layer}{after} {what}"),
            Self::Order { call, needs } => write!(f, "`{call}` needs {needs} first"),
            Self::Setting { what, wants, got } => write!(f, "{what} must be {wants}, got {got}"),
            Self::Memory { what, bytes, limit: Some(limit) } => write!(
                f,
                "{what}{after} needs {}, more than the limit of {}; use smaller sizes or batches, or \
                 `Network::set_memory_limit`",
                OfMemory(*bytes),
                Bytes(*limit)
            ),
            Self::Memory { what, bytes, limit: None } => {
                write!(f, "{what}{after} needs {}, which the system refuses; use smaller sizes", OfMemory(*bytes))
            }
            Self::Empty => {
                write!(
                    f,
                    "the network has no layers; add one with `with`, `push` or `add`, or give `mlp` two sizes or more"
                )
            }
            Self::Graph { step, problem } => write!(f, "{step}: {problem}"),
            Self::Unknown { what, name, known } => {
                write!(f, "there is no {what} `{name}`, only {}", known.join(", "))
            }
            Self::Operands { operation, left, right } => {
                write!(f, "`{operation}` cannot combine {} x {} with {} x {}", left[0], left[1], right[0], right[1])
            }
            Self::OtherGraph => f.write_str("an operation combines variables of two graphs; make them in one"),
            Self::FreedGraph => f.write_str(
                "an earlier `backward` freed this graph; call `backward_retaining` if there will be another pass",
            ),
            Self::NonFinite { what, got, in_data: true } => {
                write!(f, "{what} is {got}; no parameter was changed; remove or impute such values in the data")
            }
            Self::NonFinite { what, got, in_data: false } => write!(
                f,
                "{what} is {got}; no parameter was changed; try a smaller learning rate, clip the gradients, or \
                 scale the data"
            ),
            Self::Data { which, error } => write!(f, "{which}: {error}"),
            Self::Training { epoch, step, error } => write!(f, "epoch {epoch}, step {step}: {error}"),
            Self::Monitor { name, known } => {
                write!(f, "there is no `{name}` to watch, only {}; add a metric or validation data", known.join(", "))
            }
            Self::Save { path, error } => write!(f, "cannot write {path}: {error}"),
            Self::File { path, error } => write!(f, "cannot read {path}: {error}"),
            Self::Column { who, column, problem } => write!(f, "{who}, column {column}: {problem}"),
            Self::Field { what, line, column, problem } => {
                write!(f, "{what}, line {line}, column {column}: {problem}")
            }
            Self::Format { what, problem } => write!(f, "{what}: {problem}"),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, "")
    }
}

fn in_row(row: Option<usize>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    row.map_or(Ok(()), |row| write!(f, " in row {row}"))
}

/// A shape, followed by its number of values unless it is flat.
struct Numbers(Shape);

impl fmt::Display for Numbers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Shape::Flat(features) => write!(f, "{features}"),
            shape => write!(f, "{shape} = {}", shape.len()),
        }
    }
}

/// An amount of memory.
struct OfMemory(u64);

impl fmt::Display for OfMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == u64::MAX {
            f.write_str("more memory than can be counted")
        } else {
            write!(f, "{} of memory", Bytes(self.0))
        }
    }
}

/// A number of bytes in the largest unit that gives at least one.
struct Bytes(u64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let power = (self.0.max(1).ilog2() / 10).min(6);
        let unit = ["bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"][power as usize];
        write!(f, "{} {unit}", figures(self.0 as f64 / 1024_f64.powi(power.cast_signed()), 3))
    }
}
