//! [`Model`]: a network and its fitted preprocessing, in one file.

use std::path::Path;

use super::container::{self, named, problem};
use super::model::{describe, read};
use super::safetensors::SafeTensors;
use super::{atomic, json};
use crate::data::Fitted;
use crate::layer::Registry;
use crate::spec::Spec;
use crate::train::Record;
use crate::{Error, Network, Result, Scalar};

/// The name of the metadata with the fitted transformers.
const FITTED: &str = "fitted";
/// The name of the metadata with the record of a training; in a training state, the setting of that name in `training`.
const RECORD: &str = "record";

/// A network together with its encoders, imputers and class names: everything needed for prediction, in one file.
///
/// The file is a [model file](crate::io) with more metadata, so [`Network::load`] reads the network alone. Scalers
/// can be [layers](crate::layers::Rescale) of the network itself.
///
/// ```
/// use neuropil::data::{Imputer, LabelEncoder};
/// use neuropil::io::Model;
/// use neuropil::prelude::*;
/// use ndarray::array;
///
/// let network = Sequential::<f32>::mlp(&[1, 4, 2], Tanh, &mut rng(1))?;
/// let path = std::env::temp_dir().join(format!("neuropil-doc-{}.model", std::process::id()));
/// Model::new(network)
///     .with("animals", &LabelEncoder::fit(&["cat", "dog"])?)
///     .with("missing", &Imputer::mean(&array![[1.0], [2.0]])?)
///     .save(&path)?;
///
/// let model = Model::<f32>::load(&path)?;
/// let (animals, missing): (LabelEncoder, Imputer) = (model.get("animals")?, model.get("missing")?);
/// let answer = model.network.predict(&missing.transform(&array![[f32::NAN]])?)?;
/// println!("{:?}", animals.inverse(&neuropil::metrics::argmax(&answer))?);
/// # std::fs::remove_file(&path).unwrap();
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Model<A: Scalar> {
    /// The network.
    pub network: Network<A>,
    fitted: Vec<(String, Spec)>,
    record: Option<Record>,
}

impl<A: Scalar> Model<A> {
    /// Creates a model without preprocessing.
    pub fn new(network: impl Into<Network<A>>) -> Self {
        Self { network: network.into(), fitted: Vec::new(), record: None }
    }

    /// Adds or replaces a fitted transformer under this name.
    #[must_use]
    pub fn with(mut self, name: &str, fitted: &impl Fitted) -> Self {
        self.fitted.retain(|(other, _)| other != name);
        self.fitted.push((name.to_owned(), fitted.spec()));
        self
    }

    /// Adds the record of the training that the network comes from.
    ///
    /// ```
    /// use neuropil::data;
    /// use neuropil::io::Model;
    /// use neuropil::prelude::*;
    ///
    /// let mut network = Sequential::<f32>::mlp(&[2, 4, 1], Tanh, &mut rng(1))?;
    /// let mut trainer = Trainer::new(Mse, Sgd::new(0.1)).record(1);
    /// trainer.fit(&mut network, &data::xor())?;
    /// let path = std::env::temp_dir().join(format!("neuropil-doc-{}.recorded", std::process::id()));
    /// Model::new(network).with_record(trainer.recorded()).save(&path)?;
    ///
    /// let record = Model::<f32>::load(&path)?.record().cloned();
    /// assert_eq!(record.as_ref(), trainer.recorded());
    /// println!("{}", record.expect("a record")); // its seed, its settings and how far it went
    /// # std::fs::remove_file(&path).unwrap();
    /// # Ok::<(), Error>(())
    /// ```
    #[must_use]
    pub fn with_record(self, record: Option<&Record>) -> Self {
        Self { record: record.cloned(), ..self }
    }

    /// The record of the training that the network comes from, if there is one; it is also read from a file saved by
    /// [`Trainer::save_state`](crate::train::Trainer::save_state).
    pub fn record(&self) -> Option<&Record> {
        self.record.as_ref()
    }

    /// The names of the transformers, in insertion order.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.fitted.iter().map(|(name, _)| &**name)
    }

    /// The transformer with this name.
    ///
    /// # Errors
    /// [`Error::Format`] if there is none, or it is of another type.
    pub fn get<F: Fitted>(&self, name: &str) -> Result<F> {
        let what = || format!("`{name}` of the model");
        let Some((_, spec)) = self.fitted.iter().find(|(other, _)| other == name) else {
            let known: Vec<String> = self.names().map(|name| format!("`{name}`")).collect();
            let known = if known.is_empty() { "the network".into() } else { known.join(", ") };
            return Err(Error::Format { what: what(), problem: format!("the model has no such part, only {known}") });
        };
        F::restore(spec).map_err(|error| {
            let problem = if let Error::Format { problem, .. } = error { problem } else { error.to_string() };
            Error::Format { what: what(), problem }
        })
    }

    /// Writes the model to a file, atomically.
    ///
    /// # Errors
    /// As [`Network::save`]; [`Error::Format`] if the description of a transformer cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let list =
            self.fitted.iter().map(|(name, spec)| Spec::new("one").set("name", &**name).set("value", spec.clone()));
        let fitted = Spec::new(FITTED).set("list", list.collect::<Vec<_>>());
        let text = json::write_checked(&fitted)?;
        let record = self.record.as_ref().map(|record| json::write_checked(&record.spec())).transpose()?;
        let architecture = describe(&self.network)?;
        let mut texts = vec![("architecture", &*architecture), (FITTED, &*text)];
        texts.extend(record.as_deref().map(|record| (RECORD, record)));
        atomic::write_whole(path.as_ref(), &container::write(&self.network, &texts, None)?)
    }

    /// Reads a file written by [`save`](Self::save), or a plain model file.
    ///
    /// # Errors
    /// As [`Network::load`].
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        Self::load_with(path, &Registry::new())
    }

    /// [`load`](Self::load) with layers of other crates, from `registry`.
    ///
    /// # Errors
    /// As [`Network::load`].
    pub fn load_with(path: impl AsRef<Path>, registry: &Registry<A>) -> Result<Self> {
        named(path.as_ref(), |bytes| {
            let network = read(bytes, registry)?;
            let file = container::open::<A>(bytes)?;
            let record = record(&file)?;
            let Some(text) = file.metadata(FITTED) else { return Ok(Self { record, ..Self::new(network) }) };
            let spec = json::read(text).map_err(|error| problem(format!("what was fitted: {error}")))?;
            let list = spec.layers("list")?;
            let fitted = list.into_iter().map(|one| Ok((one.text("name")?.to_owned(), one.layer("value")?.clone())));
            Ok(Self { network, fitted: fitted.collect::<Result<_>>()?, record })
        })
    }
}

/// The record in a file.
fn record(file: &SafeTensors<'_>) -> Result<Option<Record>> {
    if let Some(text) = file.metadata(RECORD) {
        let spec = json::read(text).map_err(|error| problem(format!("its record: {error}")))?;
        return Record::restore(&spec).map(Some);
    }
    let Ok(training) = container::training(file) else { return Ok(None) };
    training.get(RECORD).map(|_| Record::restore(training.layer(RECORD)?)).transpose()
}
