//! Weights of PyTorch and Keras: [`Network::load_state_dict`] and [`Network::save_state_dict`].

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use ndarray::Array2;

use super::atomic;
use super::container::{check_sizes, named, problem};
use super::safetensors::{SafeTensors, header};
use super::torch::is_torch;
use crate::layer::Layer;
use crate::spec::layout::System;
use crate::{Network, Result, Scalar};

/// Maps names in a file of PyTorch or Keras weights to the names of a network's parameters, and back.
///
/// A rule replaces the prefix of a name up to a dot, or the whole name; the first matching rule applies. Other names
/// stay unchanged, so a `torch.nn.Sequential` of the same layers needs no rules.
///
/// ```
/// use neuropil::io::Names;
///
/// // class Net(nn.Module): self.features = nn.Sequential(...); self.classifier = nn.Linear(...)
/// let names = Names::new().rename("features", "").rename("classifier", "4");
/// # let _ = names;
/// ```
#[derive(Debug, Clone, Default)]
pub struct Names {
    rules: Vec<[String; 2]>,
    layout: System,
}

impl Names {
    /// Creates a map without rules, for PyTorch.
    pub fn new() -> Self {
        Self::default()
    }

    /// Creates a map without rules for Keras weights by their paths, such as `dense_1/kernel`; `/` counts as a dot.
    ///
    /// Parameters have Keras's names and axis orders. The `kernel` of a dense layer is (inputs, outputs), of a 1-d
    /// convolution (width, inputs, outputs), of a 2-d one (height, width, inputs, outputs), of a depthwise one (height,
    /// width, channels, outputs per channel) as in `DepthwiseConv2D`, and of a transposed one (height, width, outputs,
    /// inputs). Other names are `bias`, `embeddings`, `alpha` (`PReLU`), `gamma`, `beta`, `moving_mean` and
    /// `moving_variance` (norms), and `scale` (RMS norm). Attention has `query`, `key`, `value` and `attention_output`,
    /// each with `kernel` and `bias`.
    ///
    /// Recurrent layers have `kernel`, `recurrent_kernel` and `bias`; bidirectional ones have the prefixes `forward.`
    /// and `backward.`, and stacked ones `layer0.`, `layer1.` before those. Keras stores the two biases of a layer as
    /// their sum; a loaded bias becomes the first of them, and the second is set to 0. The `bias` of a GRU with
    /// `reset_after` has both, (2, 3·units).
    ///
    /// ```
    /// use neuropil::io::Names;
    ///
    /// // {weight.path: weight.numpy() for weight in model.weights} of
    /// // Sequential([LSTM(8, name="lstm"), Dense(3, name="head")])
    /// let names = Names::keras().rename("sequential.lstm.lstm_cell", "0").rename("sequential.head", "1");
    /// # let _ = names;
    /// ```
    pub fn keras() -> Self {
        Self { layout: System::Keras, ..Self::default() }
    }

    /// Maps the prefix `theirs` in the file to `ours` in the network; `""` is the empty prefix.
    #[must_use]
    pub fn rename(mut self, theirs: &str, ours: &str) -> Self {
        self.rules.push([theirs.to_owned(), ours.to_owned()]);
        self
    }

    fn ours(&self, theirs: &str) -> String {
        match self.layout {
            System::PyTorch => self.replace(theirs, 0, 1),
            System::Keras => self.replace(&theirs.replace('/', "."), 0, 1),
        }
    }

    fn theirs(&self, ours: &str) -> String {
        self.replace(ours, 1, 0)
    }

    fn replace(&self, name: &str, from: usize, to: usize) -> String {
        let rest = |prefix: &str| match name.strip_prefix(prefix)? {
            rest if prefix.is_empty() || rest.is_empty() => Some(rest),
            rest => rest.strip_prefix('.'),
        };
        for rule in &self.rules {
            if let Some(rest) = rest(&rule[from]) {
                let point = if rule[to].is_empty() || rest.is_empty() { "" } else { "." };
                return format!("{}{point}{rest}", rule[to]);
            }
        }
        name.to_owned()
    }
}

/// The mismatches of a loaded state dict.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unmatched {
    /// Parameters of the network that are not in the file; they are not changed.
    pub missing: Vec<String>,
    /// Arrays of the file, by their names in it, that the network does not have.
    pub unexpected: Vec<String>,
}

impl Unmatched {
    /// Whether all parameters were loaded and all arrays used.
    pub fn is_empty(&self) -> bool {
        self.missing.is_empty() && self.unexpected.is_empty()
    }
}

impl<A: Scalar> Network<A> {
    /// Loads the parameters and running statistics whose names match from a state dict written by
    /// `torch.save(model.state_dict(), path)` or `safetensors.torch.save_file`; nothing in the file is executed. If a
    /// checkpoint is a dict of several state dicts, a rule such as `rename("model", "")` selects one. Arrays of F64,
    /// F32, F16 and BF16 are converted to `A`. The weights of dense, recurrent and attention layers and of 1-d
    /// convolutions, which PyTorch stores with the outputs as the first axis, are transposed. `num_batches_tracked` is
    /// ignored. [`Names::keras`] loads Keras weights.
    ///
    /// ```
    /// use neuropil::io::Names;
    /// use neuropil::prelude::*;
    ///
    /// let path = std::env::temp_dir().join(format!("neuropil-doc-{}.state-dict", std::process::id()));
    /// let names = Names::new().rename("fc1", "0").rename("fc2", "2");
    /// let trained = Sequential::<f32>::mlp(&[3, 5, 2], Tanh, &mut rng(1))?;
    /// trained.save_state_dict(&path, &names)?; // with fc1.weight, fc1.bias, fc2.weight and fc2.bias
    /// let mut network = Sequential::<f64>::mlp(&[3, 5, 2], Tanh, &mut rng(2))?;
    /// let unmatched = network.load_state_dict(&path, &names)?;
    /// assert!(unmatched.is_empty(), "{unmatched:?}");
    /// assert_eq!(network.parameter("2.bias").unwrap(), trained.parameter("2.bias").unwrap().mapv(f64::from));
    /// # std::fs::remove_file(&path).unwrap();
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::File`](crate::Error::File) if the file cannot be read; [`Error::Format`](crate::Error::Format) if it is
    /// invalid, an array has another shape than its parameter or another number type than these four, or the rules map
    /// two arrays to one parameter. The network is then not changed.
    pub fn load_state_dict(&mut self, path: impl AsRef<Path>, names: &Names) -> Result<Unmatched> {
        check_sizes(self)?;
        named(path.as_ref(), |bytes| {
            let file = if is_torch(bytes) { SafeTensors::parse_torch(bytes) } else { SafeTensors::parse(bytes) }?;
            let theirs = by_our_names(&file, names)?;
            let (mut unmatched, mut used) = (Unmatched::default(), BTreeSet::new());
            let mut matrices = Vec::new();
            let mut error = None;
            self.visit_layouts(names.layout, "", &mut |path, name, dims, matrix, pieces| {
                let found: Option<Vec<&str>> =
                    pieces.iter().map(|piece| theirs.get(&format!("{path}{}", piece.name)).copied()).collect();
                let Some(found) = found else {
                    unmatched.missing.push(format!("{path}{name}"));
                    return matrices.push(None);
                };
                let mut new = Array2::from_elem(matrix.dim(), A::ZERO);
                for (piece, their_name) in pieces.iter().zip(found) {
                    used.insert(their_name);
                    match take(&file, their_name, &format!("{path}{name}"), &piece.shape) {
                        Ok(numbers) => piece.import(&mut new, dims, &numbers),
                        Err(wrong) => error = error.take().or(Some(wrong)),
                    }
                }
                matrices.push(Some(new));
            });
            error.map_or(Ok(()), Err)?;
            let mut matrices = matrices.into_iter();
            self.visit_mut(&mut |_, matrix| {
                if let Some(Some(from_file)) = matrices.next() {
                    *matrix = from_file;
                }
            });
            let counter = |name: &str| name == "num_batches_tracked" || name.ends_with(".num_batches_tracked");
            let left = file.names().filter(|&name| !used.contains(name) && !counter(name));
            unmatched.unexpected = left.map(str::to_owned).collect();
            Ok(unmatched)
        })
    }

    /// Writes a state dict for `load_state_dict(safetensors.torch.load_file(path))` of a PyTorch module, or Keras
    /// weights with [`Names::keras`].
    ///
    /// # Errors
    /// [`Error::Save`](crate::Error::Save) if the file cannot be written; [`Error::Format`](crate::Error::Format) if
    /// the rules map two parameters to one name.
    pub fn save_state_dict(&self, path: impl AsRef<Path>, names: &Names) -> Result<()> {
        check_sizes(self)?;
        // By their unmapped names, so that two names that map to the same one are an error.
        let (mut arrays, mut numbers, mut positions) = (Vec::new(), Vec::new(), BTreeMap::new());
        self.visit_layouts(names.layout, "", &mut |path, _, dims, matrix, pieces| {
            for piece in pieces {
                let name = format!("{path}{}", piece.name);
                let at = *positions.entry(name.clone()).or_insert(arrays.len());
                if at == arrays.len() {
                    arrays.push((names.theirs(&name), A::NAME, piece.shape.clone()));
                    numbers.push(vec![A::ZERO; piece.shape.iter().product()]);
                }
                piece.export(matrix, dims, &mut numbers[at]);
            }
        });
        let format = if names.layout == System::PyTorch { "pt" } else { "keras" };
        let mut bytes = header(&[("format", format)], &arrays)?;
        numbers.iter().for_each(|numbers| A::extend_le(numbers, &mut bytes));
        atomic::write_whole(path.as_ref(), &bytes)
    }
}

/// Maps our names to the names in the file.
fn by_our_names<'f>(file: &'f SafeTensors<'_>, names: &Names) -> Result<BTreeMap<String, &'f str>> {
    let mut theirs = BTreeMap::new();
    for name in file.names() {
        let ours = names.ours(name);
        if let Some(other) = theirs.insert(ours.clone(), name) {
            return Err(problem(format!("by the rules, `{other}` and `{name}` both are the network's `{ours}`")));
        }
    }
    Ok(theirs)
}

fn take<A: Scalar>(file: &SafeTensors<'_>, their_name: &str, name: &str, wants: &[usize]) -> Result<Vec<A>> {
    let got = file.shape(their_name).unwrap_or_default();
    if got != wants {
        let whose = if their_name == name { String::new() } else { format!(", the network's `{name}`,") };
        return Err(problem(format!("its array `{their_name}`{whose} has the shape {got:?}, not {wants:?}")));
    }
    file.numbers(their_name)
}
