//! Weights from and for `PyTorch`: [`Sequential::load_state_dict`] and [`Sequential::save_state_dict`].

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use ndarray::Array2;

use super::atomic;
use super::model::{named, problem};
use super::safetensors::{SafeTensors, header};
use crate::layers::Layer;
use crate::{Result, Scalar, Sequential};

/// How names in a `PyTorch` state dict become those of a network's parameters, and back.
///
/// A rule replaces the beginning of a name, up to a point or its end; the first rule that fits is taken. Names that no
/// rule fits stay as they are, so a `torch.nn.Sequential` of the same layers needs none.
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
}

impl Names {
    /// No rules.
    pub fn new() -> Self {
        Self::default()
    }

    /// What begins with `theirs` in the file begins with `ours` in the network: `""` stands for the beginning itself.
    #[must_use]
    pub fn rename(mut self, theirs: &str, ours: &str) -> Self {
        self.rules.push([theirs.to_owned(), ours.to_owned()]);
        self
    }

    fn ours(&self, theirs: &str) -> String {
        self.replace(theirs, 0, 1)
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

/// What did not match when a state dict was loaded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unmatched {
    /// Parameters of the network that are not in the file: they are as they were.
    pub missing: Vec<String>,
    /// Arrays of the file, by the names in it, that the network does not have.
    pub unexpected: Vec<String>,
}

impl Unmatched {
    /// Whether all parameters were loaded, and all arrays used.
    pub fn is_empty(&self) -> bool {
        self.missing.is_empty() && self.unexpected.is_empty()
    }
}

impl<A: Scalar> Sequential<A> {
    /// Takes parameters and statistics from a state dict that `safetensors.torch.save_file` wrote: those whose names are
    /// in both. Arrays of F64, F32, F16 and BF16 become `A`; matrices that `PyTorch` has as (outputs, inputs), those of
    /// dense, recurrent and attention layers, are transposed. Its counter `num_batches_tracked` is passed over.
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
    /// [`Error::File`](crate::Error::File) if the file cannot be read; [`Error::Format`](crate::Error::Format) if it does
    /// not follow its format, or an array has other sizes or numbers than the parameter. The network then is as it was.
    pub fn load_state_dict(&mut self, path: impl AsRef<Path>, names: &Names) -> Result<Unmatched> {
        named(path.as_ref(), |bytes| {
            let file = SafeTensors::parse(bytes)?;
            let theirs = by_our_names(&file, names)?;
            let (mut unmatched, mut used) = (Unmatched::default(), BTreeSet::new());
            let mut matrices = Vec::new();
            let mut error = None;
            visit(self, &mut |name, transposed, dims, matrix| {
                let found = match theirs.get(name) {
                    Some(&their_name) => {
                        used.insert(their_name);
                        take(&file, their_name, name, transposed, dims, matrix).map(Some)
                    }
                    None => Ok(None),
                };
                match found {
                    Ok(None) => {
                        unmatched.missing.push(name.to_owned());
                        matrices.push(None);
                    }
                    Ok(matrix) => matrices.push(matrix),
                    Err(wrong) => error = error.take().or(Some(wrong)),
                }
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

    /// Writes a state dict that `load_state_dict(safetensors.torch.load_file(path))` of a `PyTorch` module takes.
    ///
    /// # Errors
    /// [`Error::Save`](crate::Error::Save) if the file cannot be written; [`Error::Format`](crate::Error::Format) if the
    /// rules give two parameters one name.
    pub fn save_state_dict(&self, path: impl AsRef<Path>, names: &Names) -> Result<()> {
        let mut arrays = Vec::new();
        visit(self, &mut |name, transposed, dims, _| {
            let shape = if transposed { dims.iter().rev().copied().collect() } else { dims.to_vec() };
            arrays.push((names.theirs(name), shape));
        });
        let mut bytes = header::<A>(&[("format", "pt")], &arrays)?;
        visit(self, &mut |_, transposed, _, matrix| {
            let turned = if transposed { matrix.t() } else { matrix.view() };
            A::extend_le(&turned.iter().copied().collect::<Vec<_>>(), &mut bytes);
        });
        atomic::write_whole(path.as_ref(), &bytes)
    }
}

/// The names in the file by those that the rules make of them.
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

fn take<A: Scalar>(
    file: &SafeTensors<'_>,
    their_name: &str,
    name: &str,
    transposed: bool,
    dims: &[usize],
    matrix: &Array2<A>,
) -> Result<Array2<A>> {
    let wants: Vec<usize> = if transposed { dims.iter().rev().copied().collect() } else { dims.to_vec() };
    let got = file.shape(their_name).unwrap_or_default();
    if got != wants {
        let whose = if their_name == name { String::new() } else { format!(", the network's `{name}`,") };
        return Err(problem(format!("its array `{their_name}`{whose} has the sizes {got:?}, not {wants:?}")));
    }
    let numbers = file.numbers(their_name)?;
    let (rows, columns) = matrix.dim();
    let of = |shape| Array2::from_shape_vec(shape, numbers).expect("as many numbers as the checked sizes say");
    if transposed { Ok(of((columns, rows)).t().as_standard_layout().into_owned()) } else { Ok(of((rows, columns))) }
}

#[allow(clippy::type_complexity)] // As that of `Layer::visit`.
/// Shows each parameter with its name, whether `PyTorch` has it the other way round, and its sizes.
fn visit<A: Scalar>(network: &Sequential<A>, f: &mut dyn FnMut(&str, bool, &[usize], &Array2<A>)) {
    for (i, layer) in network.layers().enumerate() {
        let spec = layer.spec();
        layer.visit(&mut |info, matrix| {
            let name = info.name.to_string();
            // The layer's kind; in a network, the one of the layer in it.
            let (mut spec, mut own) = (spec.as_ref(), &*name);
            while let Some((inner, rest)) = own.split_once('.') {
                let layers = spec.and_then(|spec| spec.layers("layers").ok());
                let Some(&layer) = layers.as_ref().and_then(|layers| layers.get(inner.parse::<usize>().ok()?)) else {
                    break;
                };
                (spec, own) = (Some(layer), rest);
            }
            let turned = spec.is_some_and(|spec| transposed(spec.kind(), own));
            f(&format!("{i}.{name}"), turned, info.dims, matrix);
        });
    }
}

/// Whether `PyTorch` has this parameter of this kind of layer as (outputs, inputs).
fn transposed(kind: &str, name: &str) -> bool {
    match kind {
        "dense" => name == "weight",
        "rnn" | "lstm" | "gru" => name.starts_with("weight_"),
        "multi_head_attention" => matches!(name, "in_proj_weight" | "out_proj.weight"),
        _ => false,
    }
}
