//! [`Error`]: every way a caller can be wrong, in words.

use std::fmt;

use crate::Shape;

/// A result whose error is this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What was wrong with a call. A failed call changes no parameter.
///
/// ```
/// use neuropil::prelude::*;
///
/// let mut rng = rng(0);
/// let network = Sequential::<f64>::new([16, 5, 5]).with(Tanh).unwrap();
/// let error = network.with(Dense::new(128, 10, &mut rng)).unwrap_err();
/// assert_eq!(error.to_string(), "layer 1, Dense(128 -> 10), takes 128 features a sample, got [16, 5, 5] = 400");
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Error {
    /// A layer cannot take samples of this shape.
    Input {
        /// The layer, as its `Debug` prints it.
        layer: String,
        /// What it takes.
        wants: String,
        /// The shape that it was offered.
        got: Shape,
    },
    /// An error in a layer of a network.
    Layer {
        /// The layer's name: its position, unless it was given another one.
        name: String,
        /// What is wrong there.
        error: Box<Error>,
    },
    /// A batch whose rows have the wrong number of features.
    Width {
        /// What one row should be.
        wants: Shape,
        /// How many columns the batch has.
        got: usize,
    },
    /// A matrix that has another shape than the one it must match.
    Dimensions {
        /// Which matrix it is.
        what: String,
        /// Its rows and columns as they should be.
        wants: [usize; 2],
        /// Its rows and columns as they are.
        got: [usize; 2],
    },
    /// A layer cannot work with the values in this batch, whatever its shape.
    Values {
        /// The layer, as its `Debug` prints it.
        layer: String,
        /// What it takes.
        wants: String,
        /// What it got.
        got: String,
        /// The row that it is in, from 0, if it is in one.
        row: Option<usize>,
    },
    /// A loss cannot compare these outputs with this target.
    Target {
        /// The loss, as its `Debug` prints it.
        loss: String,
        /// What it takes.
        wants: String,
        /// What it got.
        got: String,
        /// The row that it is in, from 0, if it is in one.
        row: Option<usize>,
    },
    /// The network would have to learn through a function without a useful gradient.
    NotDifferentiable {
        /// The layer in the way, as its `Debug` prints it.
        layer: String,
    },
    /// There is something that a layer cannot do.
    Unsupported {
        /// The layer, as its `Debug` prints it.
        layer: String,
        /// What it is, after the layer's name, and what to do.
        what: String,
    },
    /// A method was called before the one it needs.
    Order {
        /// The method that was called.
        call: &'static str,
        /// What has to come first.
        needs: &'static str,
    },
    /// A setting outside its range.
    Setting {
        /// Whose setting it is, and its name.
        what: String,
        /// The range.
        wants: &'static str,
        /// The value that it was given.
        got: f64,
    },
    /// A network without layers.
    Empty,
    /// Something is wrong with the form of a network.
    Graph {
        /// The step, input or output.
        step: String,
        /// What is wrong with it, and what to do.
        problem: String,
    },
    /// There is nothing of this name.
    Unknown {
        /// What was looked for: an input, an output, a layer, a parameter.
        what: &'static str,
        /// The name that was asked for.
        name: String,
        /// Those that there are.
        known: Vec<String>,
    },
    /// The operands of an operation in a graph do not fit each other.
    Operands {
        /// The operation's sign.
        operation: String,
        /// Rows and columns of the first operand.
        left: [usize; 2],
        /// Rows and columns of the second.
        right: [usize; 2],
    },
    /// An operation in a graph has an operand from another graph.
    OtherGraph,
    /// A backward pass through a graph that an earlier pass has freed.
    FreedGraph,
    /// A number became infinite or NaN.
    NonFinite {
        /// Which number it was.
        what: String,
        /// Its value.
        got: f64,
    },
    /// Something is wrong with one of the sets of samples that a trainer was given.
    Data {
        /// Which set it is.
        which: &'static str,
        /// What is wrong with it.
        error: Box<Error>,
    },
    /// Training stopped in the middle.
    Training {
        /// The epoch, from 1.
        epoch: usize,
        /// The step, from 1, counted over all epochs.
        step: u64,
        /// What went wrong.
        error: Box<Error>,
    },
    /// There is no such number to watch a training by.
    Monitor {
        /// The number that was asked for.
        name: String,
        /// Those that there are.
        known: Vec<String>,
    },
    /// A file could not be written.
    Save {
        /// The file.
        path: String,
        /// The operating system's words.
        error: String,
    },
    /// A data file could not be read.
    File {
        /// The file.
        path: String,
        /// The operating system's words.
        error: String,
    },
    /// A column of a matrix that nothing can be learned from.
    Column {
        /// Who was to learn.
        who: &'static str,
        /// The column's number, from 0.
        column: usize,
        /// What is wrong with it.
        problem: String,
    },
    /// A field of a table in a text file that is not what it should be.
    Field {
        /// The file, or what kind of text it is.
        what: String,
        /// The line in which the row starts, from 1.
        line: u64,
        /// The column's number, from 1.
        column: usize,
        /// What is wrong with it.
        problem: String,
    },
    /// A data file or text that does not follow its format.
    Format {
        /// The file, or what kind of text it is.
        what: String,
        /// What is wrong with it.
        problem: String,
    },
}

impl Error {
    /// An error of the join of this name, told of the block of which it is a part.
    pub(crate) fn of_join(self, join: &str, block: &dyn fmt::Debug) -> Self {
        match self {
            Self::Layer { name, error } if name == join => match *error {
                Self::Input { wants, got, .. } => Self::Input { layer: format!("{block:?}"), wants, got },
                error => error,
            },
            error => error,
        }
    }

    /// The error, told to be in the layer of this name.
    pub(crate) fn at(self, name: &str) -> Self {
        Self::Layer { name: name.to_owned(), error: Box::new(self) }
    }

    /// The same error, its row renamed: from that of a part, such as a batch, to that of the whole.
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

impl Error {
    /// Writes the text; `after` follows a layer's name: a comma where its position comes before it.
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
                write!(f, "{what} must be {} x {}, got {} x {}", wants[0], wants[1], got[0], got[1])
            }
            Self::Values { layer, wants, got, row } => {
                write!(f, "{layer}{after} takes {wants}, got {got}")?;
                in_row(*row, f)
            }
            Self::Target { loss, wants, got, row } => {
                write!(f, "{loss} takes {wants}, got {got}")?;
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
            Self::Empty => {
                write!(f, "the network has no layers; add some with `with` or `push`, or give `mlp` two sizes or more")
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
            Self::NonFinite { what, got } => write!(
                f,
                "{what} is {got}; no parameter was changed; try a smaller learning rate, or look for NaN in the data"
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

/// A shape, and how many numbers that are if it does not say so itself.
struct Numbers(Shape);

impl fmt::Display for Numbers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Shape::Flat(features) => write!(f, "{features}"),
            shape => write!(f, "{shape} = {}", shape.len()),
        }
    }
}

// No `source`: the text of a `Layer` has that of the error in it.
impl std::error::Error for Error {}

/// The error of a backward pass whose cache or gradients are not those of a forward pass with the same layer.
pub(crate) const NO_FORWARD: Error = Error::Order { call: "backward", needs: "`forward` with the same layer" };

/// The error unless `got` is in the range that is written out in `wants`.
pub(crate) fn check_setting(what: &str, got: f64, wants: &'static str, ok: bool) -> Result<()> {
    if ok { Ok(()) } else { Err(Error::Setting { what: what.to_owned(), wants, got }) }
}

/// The same for the setting `name` of a layer; nothing is allocated while all is well.
pub(crate) fn check_setting_of(
    layer: &dyn fmt::Debug,
    name: &str,
    got: f64,
    wants: &'static str,
    ok: bool,
) -> Result<()> {
    if ok { Ok(()) } else { Err(Error::Setting { what: format!("the {name} of {layer:?}"), wants, got }) }
}

/// The output shape of `layer`, or the error that no memory could hold such samples.
pub(crate) fn check_size(layer: &dyn fmt::Debug, input: Shape, output: Shape) -> Result<Shape> {
    if output.len() <= isize::MAX as usize / 64 {
        return Ok(output);
    }
    let wants = "samples whose result fits into memory (its size overflows here)".into();
    Err(Error::Input { layer: format!("{layer:?}"), wants, got: input })
}
