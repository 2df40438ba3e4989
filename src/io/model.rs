//! [`Network::save`] and [`Sequential::load`]: a network in one self-contained file.

use std::collections::BTreeSet;
use std::path::Path;

use ndarray::Array2;

use super::container::{about, is_of_training, named, problem};
use super::safetensors::SafeTensors;
use super::{atomic, container, json};
use crate::layer::{Arrays, Layer, Registry};
use crate::spec::{Setting, Spec};
use crate::{Error, Network, Result, Scalar};

/// Longer descriptions are rejected; a layer takes about a hundred bytes.
const LONGEST_ARCHITECTURE: usize = 1 << 20;

impl<A: Scalar> Network<A> {
    /// Saves the network to a self-contained file for [`load`](Self::load): see [the format](crate::io).
    ///
    /// The file is written atomically, even if the machine crashes.
    ///
    /// ```
    /// use neuropil::prelude::*;
    ///
    /// let network = Sequential::<f32>::mlp(&[3, 5, 2], Tanh, &mut rng(1))?;
    /// let path = std::env::temp_dir().join(format!("neuropil-doc-{}.safetensors", std::process::id()));
    /// network.save(&path)?;
    /// let again = Sequential::<f32>::load(&path)?;
    /// assert_eq!(again.predict_one(&[1.0, 2.0, 3.0]), network.predict_one(&[1.0, 2.0, 3.0]));
    /// # std::fs::remove_file(&path).unwrap();
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`to_bytes`](Self::to_bytes); [`Error::Save`] if the file cannot be written: an existing file is then
    /// not changed.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        atomic::write_whole(path.as_ref(), &self.to_bytes()?)
    }

    /// Loads a network saved by [`save`](Self::save).
    ///
    /// # Errors
    /// [`Error::File`] if the file cannot be read; [`Error::Format`] if it is damaged, of another number type or of a
    /// later version, or has a layer of another crate (see [`load_with`](Self::load_with)).
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        Self::load_with(path, &Registry::new())
    }

    /// Loads a network with layers of other crates, from `registry`.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn load_with(path: impl AsRef<Path>, registry: &Registry<A>) -> Result<Self> {
        named(path.as_ref(), |bytes| read(bytes, registry))
    }

    /// The content of the file written by [`save`](Self::save).
    ///
    /// # Errors
    /// [`Error::Unsupported`] for a layer of another crate without a description; [`Error::Format`] if a description
    /// cannot be read back, such as one with a non-finite setting.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        container::write(self, &[("architecture", &*describe(self)?)], None)
    }

    /// Loads a network from the result of [`to_bytes`](Self::to_bytes).
    ///
    /// ```
    /// use neuropil::prelude::*;
    ///
    /// let network = Sequential::<f64>::mlp(&[2, 3], Tanh, &mut rng(0))?;
    /// let mut bytes = network.to_bytes()?;
    /// assert_eq!(Sequential::<f64>::from_bytes(&bytes)?.to_string(), network.to_string());
    /// bytes[99] ^= 1;
    /// assert!(Sequential::<f64>::from_bytes(&bytes).is_err());
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        Self::from_bytes_with(bytes, &Registry::new())
    }

    /// [`from_bytes`](Self::from_bytes) with layers of other crates, from `registry`.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn from_bytes_with(bytes: &[u8], registry: &Registry<A>) -> Result<Self> {
        read(bytes, registry).map_err(|error| about("the model", error))
    }

    /// Loads the parameters and running statistics of a model file of the same architecture; the learning rates of the
    /// layers are kept.
    ///
    /// ```
    /// use neuropil::prelude::*;
    ///
    /// let path = std::env::temp_dir().join(format!("neuropil-doc-{}.parameters", std::process::id()));
    /// Sequential::<f32>::mlp(&[3, 5, 2], Tanh, &mut rng(1))?.save(&path)?;
    /// let mut network = Sequential::<f32>::mlp(&[3, 4, 2], Tanh, &mut rng(2))?;
    /// let error = network.load_parameters(&path).unwrap_err();
    /// assert!(error.to_string().ends_with("layer 0, dense: `outputs` is 5 in the file, not 4"), "{error}");
    /// # std::fs::remove_file(&path).unwrap();
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`load`](Self::load); [`Error::Format`] with the first difference if the architectures differ;
    /// [`Error::Unsupported`] for a layer of this network without a description. The network is then not changed.
    pub fn load_parameters(&mut self, path: impl AsRef<Path>) -> Result<()> {
        named(path.as_ref(), |bytes| {
            let (file, spec) = open::<A>(bytes)?;
            let own = self.spec().ok_or_else(|| undescribed(self))?;
            if let Some(difference) = difference(&own, &spec) {
                return Err(problem(difference));
            }
            let matrices = matrices_for(self, &file)?;
            set_matrices(self, matrices);
            Ok(())
        })
    }
}

pub(super) fn read<A: Scalar>(bytes: &[u8], registry: &Registry<A>) -> Result<Network<A>> {
    let (file, spec) = open::<A>(bytes)?;
    let mut arrays = Named::new(&file);
    let network = registry.network(&spec, &mut arrays)?;
    arrays.check(&network)?;
    Ok(network)
}

/// The arrays of a file for the parameters of this network; an error for missing or additional ones.
pub(crate) fn matrices_for<A: Scalar>(network: &Network<A>, file: &SafeTensors<'_>) -> Result<Vec<Array2<A>>> {
    let mut arrays = Named::new(file);
    let mut matrices = Vec::new();
    let mut error = None;
    network.visit(&mut |info, matrix| match arrays.take(&info.name.to_string(), matrix.nrows(), matrix.ncols()) {
        Ok(matrix) => matrices.push(matrix),
        Err(wrong) => error = error.take().or(Some(wrong)),
    });
    error.map_or(Ok(()), Err)?;
    arrays.check(network)?;
    Ok(matrices)
}

/// Sets the parameters to the result of [`matrices_for`].
pub(crate) fn set_matrices<A: Scalar>(network: &mut Network<A>, matrices: Vec<Array2<A>>) {
    let mut matrices = matrices.into_iter();
    network.visit_mut(&mut |_, matrix| {
        if let Some(from_file) = matrices.next() {
            *matrix = from_file;
        }
    });
}

/// Parses the file and the description, with all checks that do not need the layers.
fn open<A: Scalar>(bytes: &[u8]) -> Result<(SafeTensors<'_>, Spec)> {
    let file = container::open::<A>(bytes)?;
    let architecture = container::text(&file, "architecture")?;
    if architecture.len() > LONGEST_ARCHITECTURE {
        let (got, most) = (architecture.len(), LONGEST_ARCHITECTURE);
        return Err(problem(format!("its architecture has {got} bytes; the longest have {most}")));
    }
    let spec = json::read(architecture).map_err(|error| problem(format!("its architecture: {error}")))?;
    Ok((file, spec))
}

/// The network's description as JSON.
pub(crate) fn describe<A: Scalar>(network: &Network<A>) -> Result<String> {
    let spec = network.spec().ok_or_else(|| undescribed(network))?;
    // What is written must be readable: no setting may be called `kind`, and nesting is limited.
    let text = json::write_checked(&spec)?;
    if text.len() > LONGEST_ARCHITECTURE {
        return Err(spec.problem("it is too long".into()));
    }
    Ok(text)
}

/// The error for the first layer without a description.
fn undescribed<A: Scalar>(network: &Network<A>) -> Error {
    let what = "cannot be saved; implement `spec` for it".to_owned();
    let (path, layer) = network.without_spec().unwrap_or_default();
    path.iter().rev().fold(Error::Unsupported { layer, what }, |error, name| error.at(name))
}

/// The arrays of a file by name, each of them used once.
struct Named<'f, 'b> {
    file: &'f SafeTensors<'b>,
    left: BTreeSet<&'f str>,
}

impl<'f, 'b> Named<'f, 'b> {
    fn new(file: &'f SafeTensors<'b>) -> Self {
        Self { file, left: file.names().filter(|name| !is_of_training(name)).collect() }
    }

    /// Returns an error unless all arrays were used, with the shapes that the network reports.
    fn check<A: Scalar>(&self, network: &Network<A>) -> Result<()> {
        if let Some(name) = self.left.first() {
            return Err(problem(format!("it has an array `{name}`, which no layer takes")));
        }
        let mut wrong = None;
        network.visit(&mut |info, _| {
            let (name, wants) = (info.name.to_string(), info.dims);
            match self.file.shape(&name) {
                Some(got) if got != wants && wrong.is_none() => {
                    wrong = Some(format!("its array `{name}` has the shape {got:?}, not {wants:?}"));
                }
                _ => {}
            }
        });
        wrong.map_or(Ok(()), |wrong| Err(problem(wrong)))
    }
}

impl<A: Scalar> Arrays<A> for Named<'_, '_> {
    fn take(&mut self, name: &str, rows: usize, columns: usize) -> Result<Array2<A>> {
        let got = self.file.shape(name).ok_or_else(|| problem(format!("it lacks the array `{name}`")))?;
        if Some(got.iter().product()) != rows.checked_mul(columns) {
            return Err(problem(format!("its array `{name}` has the shape {got:?}, not {rows} x {columns}")));
        }
        if !self.left.remove(name) {
            return Err(problem(format!("two layers want its array `{name}`")));
        }
        let numbers = self.file.numbers(name)?;
        Ok(Array2::from_shape_vec((rows, columns), numbers).expect("as many numbers as the checked sizes say"))
    }
}

/// Describes the first difference between the architectures of the network and of a file.
pub(crate) fn difference(own: &Spec, file: &Spec) -> Option<String> {
    if own.kind() != file.kind() {
        return Some(format!("{} in the file, not {}", file.kind(), own.kind()));
    }
    if let (Ok(own), Ok(file)) = (own.layers("layers"), file.layers("layers")) {
        for (i, (own, file)) in own.iter().zip(&file).enumerate() {
            if let Some(difference) = difference(own, file) {
                return Some(format!("layer {i}, {difference}"));
            }
        }
        if own.len() != file.len() {
            return Some(format!("{} layers in the file, not {}", file.len(), own.len()));
        }
    }
    let kind = own.kind();
    for (name, value) in own.settings() {
        match file.get(name) {
            _ if name == "rates" => {}
            Some(other) if other == value => {}
            Some(other) => {
                return Some(if let (Setting::Layer(value), Setting::Layer(other)) = (value, other) {
                    format!("the `{name}` of {kind}, {}", difference(value, other)?)
                } else {
                    let (value, other) = (json::write_setting(value), json::write_setting(other));
                    format!("{kind}: `{name}` is {other} in the file, not {value}")
                });
            }
            None => return Some(format!("{kind}: the file has no `{name}`")),
        }
    }
    let extra = file.settings().iter().find(|(name, _)| own.get(name).is_none());
    extra.map(|(name, _)| format!("{kind}: `{name}` is only in the file"))
}
