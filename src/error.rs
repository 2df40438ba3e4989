//! [`Error`]: everything that can go wrong in a call, with a message that says what to do.

use std::path::Path;
use std::{fmt, io};

use crate::Shape;

mod io_error;
#[cfg(doctest)]
mod mistakes;
mod text;

pub use io_error::IoError;

/// A result with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What was wrong with a call. A failed call changes no parameter.
///
/// The message of an error that wraps another, such as [`Error::Layer`], includes the message of the inner error, which
/// is also its [`source`](std::error::Error::source). The source of a file error is the [`io::Error`].
///
/// ```
/// use neuropil::prelude::*;
///
/// let mut rng = rng(0);
/// let network = Sequential::<f64>::new([16, 5, 5]).with(Tanh).unwrap();
/// let error = network.with(Dense::new(128, 10, &mut rng)).unwrap_err();
/// assert_eq!(error.to_string(), "layer 1, Dense(128 -> 10), takes 128 features per sample, got [16, 5, 5] = 400");
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Error {
    /// The layer does not accept samples of this shape.
    Input {
        /// The layer's `Debug` text.
        layer: String,
        /// What the layer accepts.
        wants: String,
        /// The shape it was given.
        got: Shape,
    },
    /// An error in a layer of a network.
    Layer {
        /// The layer's name; by default its position.
        name: String,
        /// The layer's error.
        error: Box<Error>,
    },
    /// The rows of a batch have the wrong number of features.
    Width {
        /// The expected shape of one row.
        wants: Shape,
        /// The number of columns of the batch.
        got: usize,
    },
    /// A matrix has the wrong shape.
    Dimensions {
        /// Which matrix.
        what: String,
        /// The expected numbers of rows and columns.
        wants: [usize; 2],
        /// The actual numbers of rows and columns.
        got: [usize; 2],
    },
    /// The layer does not accept the values in this batch, although the shape is right.
    Values {
        /// The layer's `Debug` text.
        layer: String,
        /// What the layer accepts.
        wants: String,
        /// What it was given.
        got: String,
        /// The row of the value, from 0, if there is one.
        row: Option<usize>,
    },
    /// The target does not fit the outputs, or has values that are not accepted.
    Target {
        /// The loss, metric or transformer that was given the target: its name or `Debug` text.
        who: String,
        /// What it accepts.
        wants: String,
        /// What it was given.
        got: String,
        /// The row of the value, from 0, if there is one.
        row: Option<usize>,
    },
    /// A layer without a useful gradient is between trainable parameters and the output.
    NotDifferentiable {
        /// The layer's `Debug` text.
        layer: String,
    },
    /// The layer does not support the operation.
    Unsupported {
        /// The layer's `Debug` text.
        layer: String,
        /// The rest of the message, after the layer's name: what is not supported, and what to do.
        what: String,
    },
    /// A method was called before another that must come first.
    Order {
        /// The method that was called.
        call: &'static str,
        /// What must be called first.
        needs: &'static str,
    },
    /// A setting is outside its range.
    Setting {
        /// The owner and the name of the setting.
        what: String,
        /// The range.
        wants: &'static str,
        /// The rejected value.
        got: f64,
    },
    /// The memory limit of a network would be exceeded, or the system has no more memory.
    Memory {
        /// What needs the memory.
        what: String,
        /// A lower bound of the bytes needed; `u64::MAX` if the count overflows.
        bytes: u64,
        /// The [limit](crate::Network::set_memory_limit); `None` if the system refused the memory.
        limit: Option<u64>,
    },
    /// The network has no layers.
    Empty,
    /// The structure of the network is wrong.
    Graph {
        /// The step, input or output.
        step: String,
        /// What is wrong with it, and what to do.
        problem: String,
    },
    /// The name is unknown.
    Unknown {
        /// The kind of thing: an input, an output, a layer, a parameter.
        what: &'static str,
        /// The unknown name.
        name: String,
        /// The known names.
        known: Vec<String>,
    },
    /// The operands of an operation in a graph have incompatible shapes.
    Operands {
        /// The operation's symbol.
        operation: String,
        /// The rows and columns of the first operand.
        left: [usize; 2],
        /// The rows and columns of the second operand.
        right: [usize; 2],
    },
    /// An operation combines variables of two graphs.
    OtherGraph,
    /// A backward pass went through a graph that an earlier pass has freed.
    FreedGraph,
    /// A value is infinite or NaN.
    NonFinite {
        /// Which value.
        what: String,
        /// The value.
        got: f64,
        /// Whether it comes from the data; otherwise the network computed it.
        in_data: bool,
    },
    /// An error in one of a trainer's data sets.
    Data {
        /// Which data set.
        which: &'static str,
        /// What is wrong with it.
        error: Box<Error>,
    },
    /// Training failed.
    Training {
        /// The epoch, from 1.
        epoch: usize,
        /// The step, from 1, counted over all epochs.
        step: u64,
        /// What went wrong.
        error: Box<Error>,
    },
    /// The quantity to monitor is unknown.
    Monitor {
        /// The unknown name.
        name: String,
        /// The known names.
        known: Vec<String>,
    },
    /// A file could not be written.
    Save {
        /// The file.
        path: String,
        /// The operating system's error.
        error: IoError,
    },
    /// A file could not be read.
    File {
        /// The file.
        path: String,
        /// The operating system's error.
        error: IoError,
    },
    /// A transformer cannot be fitted to a column of the data.
    Column {
        /// The transformer that was fitted.
        who: &'static str,
        /// The column, from 0.
        column: usize,
        /// What is wrong with it.
        problem: String,
    },
    /// A field of a table is invalid.
    Field {
        /// The file, or the kind of text.
        what: String,
        /// The line on which the row starts, from 1.
        line: u64,
        /// The column, from 1.
        column: usize,
        /// What is wrong with it.
        problem: String,
    },
    /// A file or text does not follow its format.
    Format {
        /// The file, or the kind of text.
        what: String,
        /// What is wrong with it.
        problem: String,
    },
}

impl Error {
    /// Attributes an error of the named join to the block that contains it.
    pub(crate) fn of_join(self, join: &str, block: &dyn fmt::Debug) -> Self {
        match self {
            Self::Layer { name, error } if name == join => match *error {
                Self::Input { wants, got, .. } => Self::Input { layer: format!("{block:?}"), wants, got },
                error => error,
            },
            error => error,
        }
    }

    /// Wraps the error with the name of its layer.
    pub(crate) fn at(self, name: &str) -> Self {
        Self::Layer { name: name.to_owned(), error: Box::new(self) }
    }

    /// The error of a layer, join or activation without an `onnx` of its own.
    pub(crate) fn not_onnx(layer: &dyn fmt::Debug) -> Self {
        let what = "cannot be written as ONNX; implement `onnx` for it".to_owned();
        Self::Unsupported { layer: format!("{layer:?}"), what }
    }

    /// The error of a layer or join without a `rust` of its own, or an activation without a `rust_expression`.
    pub(crate) fn not_rust(layer: &dyn fmt::Debug) -> Self {
        let what = "cannot be written as Rust source; implement `rust`, or an activation's `rust_expression`, for it";
        Self::Unsupported { layer: format!("{layer:?}"), what: what.to_owned() }
    }

    /// [`Error::Save`] for this path.
    pub(crate) fn save(path: &Path, error: io::Error) -> Self {
        Self::Save { path: path.display().to_string(), error: error.into() }
    }

    /// [`Error::File`] for this path.
    pub(crate) fn file(path: &Path, error: io::Error) -> Self {
        Self::File { path: path.display().to_string(), error: error.into() }
    }

    /// Maps the row of the error, for example from a row of a batch to a row of the whole data set.
    pub(crate) fn map_row(mut self, f: impl FnOnce(usize) -> usize) -> Self {
        let mut error = &mut self;
        while let Self::Layer { error: inner, .. } = error {
            error = inner;
        }
        if let Self::Values { row: Some(row), .. } | Self::Target { row: Some(row), .. } = error {
            *row = f(*row);
        }
        self
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Layer { error, .. } | Self::Data { error, .. } | Self::Training { error, .. } => Some(&**error),
            Self::Save { error, .. } | Self::File { error, .. } => Some(&*error.0),
            _ => None,
        }
    }
}

/// Returns an error unless `target` has a row for each sample.
pub(crate) fn check_targets(samples: usize, target: (usize, usize)) -> Result<()> {
    if target.0 == samples {
        return Ok(());
    }
    // A row of one number for each sample is meant as a column.
    let columns = if target == (1, samples) { 1 } else { target.1 };
    Err(Error::Dimensions {
        what: "the targets of these samples".into(),
        wants: [samples, columns],
        got: target.into(),
    })
}

/// The shape of a target that does not fit `samples` samples, with a hint if it is a row that should be a column.
pub(crate) fn target_shape(samples: usize, got: (usize, usize)) -> String {
    format!("{} x {}{}", got.0, got.1, row_hint(samples, got).unwrap_or_default())
}

fn row_hint(samples: usize, got: (usize, usize)) -> Option<String> {
    let n = samples;
    (n > 1 && got == (1, n)).then(|| format!("; (1, {n}) is one sample of {n} numbers; did you mean ({n}, 1)?"))
}

/// The error of a backward pass whose cache or gradients do not come from a forward pass of this layer.
pub(crate) const NO_FORWARD: Error = Error::Order { call: "backward", needs: "`forward` with the same layer" };

/// Returns an error unless `ok`; `wants` describes the range.
pub(crate) fn check_setting(what: &str, got: f64, wants: &'static str, ok: bool) -> Result<()> {
    if ok { Ok(()) } else { Err(Error::Setting { what: what.to_owned(), wants, got }) }
}

/// [`check_setting`] for the setting `name` of a layer; allocates only for an error.
pub(crate) fn check_setting_of(
    layer: &dyn fmt::Debug,
    name: &str,
    got: f64,
    wants: &'static str,
    ok: bool,
) -> Result<()> {
    if ok { Ok(()) } else { Err(Error::Setting { what: format!("the {name} of {layer:?}"), wants, got }) }
}
