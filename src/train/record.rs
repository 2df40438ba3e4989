//! [`Record`]: settings and hashes of a training, so that it can be repeated and compared.

use std::fmt;

use super::Trainer;
use super::run::hash;
use crate::data::Dataset;
use crate::layer::Layer;
use crate::spec::{Setting, Spec};
use crate::text::table;
use crate::{Error, Matrix, Network, Result, Scalar};

/// The record of a training: its settings, and hashes of its samples and weights while it ran.
///
/// [`Trainer::record`] keeps one; [`Trainer::replay`] repeats a training and returns where it first differs. A record
/// is saved with the training, and [`Model`](crate::io::Model) shows it.
///
/// ```
/// use neuropil::data;
/// use neuropil::prelude::*;
///
/// let moons = data::moons::<f32>(100, 0.1, &mut rng(1));
/// let network = Sequential::mlp(&[2, 8, 2], Tanh, &mut rng(7))?;
/// let trainer = || Trainer::new(CrossEntropy::new(), Adam::new(0.01)).epochs(3).record(1);
/// let mut first = trainer();
/// first.fit(&mut network.clone(), &moons)?;
/// let record = first.recorded().expect("it was asked for");
///
/// assert_eq!(trainer().replay(record, &mut network.clone(), &moons)?, None);
/// let difference = trainer().seed(8).replay(record, &mut network.clone(), &moons)?;
/// let difference = difference.expect("the order of the samples is another");
/// assert_eq!((difference.step, difference.samples), (Some(1), true));
/// println!("{difference}"); // `seed` is 8, not 0; the first difference is after step 1, in the samples, 0.weight, ...
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    every: u64,
    /// Names and values.
    settings: Vec<[String; 2]>,
    /// The names of all parameters and running statistics.
    parameters: Vec<String>,
    moments: Vec<Moment>,
    /// A hash of all samples so far.
    samples: u64,
}

/// The state of a training after a step.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Moment {
    step: u64,
    /// A hash of all samples up to this step, in their order.
    samples: u64,
    /// A hash of each parameter.
    weights: Vec<u64>,
}

/// The first difference between two trainings: see [`Trainer::replay`].
///
/// All settings that differ are listed, but only the first step that does, because the differences after it follow from
/// it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The settings that differ: the name, the recorded value, the other value.
    pub settings: Vec<[String; 3]>,
    /// The number of steps after which something first differs, among those recorded; 0 is the start.
    pub step: Option<u64>,
    /// Whether the samples up to that step differ, or their order.
    pub samples: bool,
    /// The parameters and running statistics that differ after that step. If neither samples nor parameters differ,
    /// only one of the trainings reached it.
    pub parameters: Vec<String>,
}

impl Record {
    fn new(every: u64) -> Self {
        let (settings, parameters, moments) = (Vec::new(), Vec::new(), Vec::new());
        Self { every: every.max(1), settings, parameters, moments, samples: 1 }
    }

    /// The settings of the training at its start: names and values.
    pub fn settings(&self) -> &[[String; 2]] {
        &self.settings
    }

    /// The numbers of steps after which the weights are recorded.
    pub fn steps(&self) -> impl ExactSizeIterator<Item = u64> {
        self.moments.iter().map(|moment| moment.step)
    }

    /// Adds the samples of a batch.
    pub(super) fn see<A: Scalar>(&mut self, x: &Matrix<A>, target: &Matrix<A>) {
        self.samples = hash(hash(self.samples, x), target);
    }

    /// Records the weights after `step` steps; a later call for the same step replaces an earlier one.
    pub(super) fn note<A: Scalar>(&mut self, step: u64, network: &Network<A>) {
        let mut weights = Vec::with_capacity(self.parameters.len());
        network.visit(&mut |_, matrix| weights.push(hash(1, matrix)));
        self.moments.pop_if(|moment| moment.step == step);
        self.moments.push(Moment { step, samples: self.samples, weights });
    }

    /// How `other` first differs from this record; `None` if it does not.
    pub fn difference(&self, other: &Self) -> Option<Difference> {
        let value = |record: &Self, name: &str| {
            let setting = record.settings.iter().find(|[other, _]| other == name);
            setting.map_or_else(|| "none".to_owned(), |[_, value]| value.clone())
        };
        let new = other.settings.iter().filter(|[name, _]| !self.settings.iter().any(|[own, _]| own == name));
        let names = self.settings.iter().chain(new).map(|[name, _]| name);
        let settings = names.map(|name| [name.clone(), value(self, name), value(other, name)]);
        let settings = settings.filter(|[_, own, other]| own != other).collect();
        let none = Difference { settings, step: None, samples: false, parameters: Vec::new() };
        // A step that only one of them has recorded is no difference, unless it comes after the end of the other.
        let last = |record: &Self| record.moments.last().map_or(0, |moment| moment.step);
        for own in &self.moments {
            let Ok(at) = other.moments.binary_search_by_key(&own.step, |moment| moment.step) else { continue };
            let other = &other.moments[at];
            let samples = own.samples != other.samples;
            let parameters = self.differing(&own.weights, &other.weights);
            if samples || !parameters.is_empty() {
                return Some(Difference { step: Some(own.step), samples, parameters, ..none });
            }
        }
        let (own, other) = (last(self), last(other));
        let step = (own != other).then_some(own.min(other).saturating_add(1));
        (step.is_some() || !none.settings.is_empty()).then_some(Difference { step, ..none })
    }

    fn differing(&self, own: &[u64], other: &[u64]) -> Vec<String> {
        let all = self.parameters.iter().enumerate();
        all.filter(|(i, _)| own.get(*i) != other.get(*i)).map(|(_, name)| name.clone()).collect()
    }

    /// The record as a description, for files.
    #[cfg(feature = "files")]
    pub(crate) fn spec(&self) -> Spec {
        let (names, values): (Vec<&str>, Vec<&str>) = self.settings.iter().map(|[n, v]| (&**n, &**v)).unzip();
        let parameters: Vec<&str> = self.parameters.iter().map(|name| &**name).collect();
        let moments = self.moments.iter().map(|Moment { step, samples, weights }| {
            let numbers = [step, samples].into_iter().chain(weights).map(|&number| Setting::Count(number));
            Setting::List(numbers.collect())
        });
        let spec = Spec::new("record").set("every", Setting::Count(self.every));
        let spec = spec.set("samples", Setting::Count(self.samples)).set("names", names).set("values", values);
        spec.set("parameters", parameters).set("moments", moments.collect::<Vec<_>>())
    }

    /// The record of such a description.
    #[cfg(feature = "files")]
    pub(crate) fn restore(spec: &Spec) -> Result<Self> {
        let (names, values, parameters) = (spec.texts("names")?, spec.texts("values")?, spec.texts("parameters")?);
        if names.len() != values.len() {
            return Err(spec.problem("it does not have one value for each name".into()));
        }
        let count = |setting: &Setting| if let Setting::Count(n) = setting { Some(*n) } else { None };
        let hashes = |setting: &Setting| {
            let Setting::List(numbers) = setting else { return None };
            let (step, rest) = numbers.split_first()?;
            let (samples, weights) = rest.split_first()?;
            let weights: Vec<u64> = weights.iter().map(count).collect::<Option<_>>()?;
            let moment = Moment { step: count(step)?, samples: count(samples)?, weights };
            (moment.weights.len() == parameters.len()).then_some(moment)
        };
        let (Some(every), Some(samples), Some(Setting::List(moments))) =
            (spec.get("every").and_then(count), spec.get("samples").and_then(count), spec.get("moments"))
        else {
            return Err(spec.problem("it lacks `every`, `samples` or `moments`".into()));
        };
        let moments = moments.iter().map(hashes).collect::<Option<_>>();
        let moments = moments.ok_or_else(|| {
            spec.problem(format!("each of its `moments` must be a step and {} hashes", 1 + parameters.len()))
        })?;
        let settings = names.into_iter().zip(values).map(|(name, value)| [name, value]).collect();
        Ok(Self { every: every.max(1), settings, parameters, moments, samples })
    }
}

/// Prints the settings, and how far the training went.
impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rows = vec![["setting".to_owned(), "value".to_owned()].to_vec()];
        rows.extend(self.settings.iter().map(|setting| setting.to_vec()));
        rows.push(vec!["recorded".to_owned(), format!("{} times", self.moments.len())]);
        let last = self.moments.last();
        rows.push(vec!["steps".to_owned(), last.map_or(0, |moment| moment.step).to_string()]);
        rows.push(vec!["samples".to_owned(), format!("{:016x}", self.samples)]);
        let weights =
            last.map_or(0, |moment| moment.weights.iter().fold(0, |sum: u64, hash| sum.rotate_left(5) ^ hash));
        rows.push(vec!["weights".to_owned(), format!("{weights:016x}")]);
        f.write_str(&table(&rows, |_| true))
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts: Vec<String> =
            self.settings.iter().map(|[name, own, other]| format!("`{name}` is {other}, not {own}")).collect();
        let samples = self.samples.then_some("the samples");
        let what: Vec<&str> = samples.into_iter().chain(self.parameters.iter().map(|name| &**name)).collect();
        parts.extend(self.step.map(|step| match (step, &*what.join(", ")) {
            (_, "") => format!("only one of the two takes step {step}"),
            (0, what) => format!("the first difference is at the start, in {what}"),
            (_, what) => format!("the first difference is after step {step}, in {what}"),
        }));
        f.write_str(&parts.join("; "))
    }
}

impl<A: Scalar> Trainer<'_, A> {
    /// Keeps a [`Record`] of the training: hashes of the weights after every `every` steps, at the start and at the end
    /// of each epoch. Each takes 8 bytes for each matrix of parameters or running statistics.
    #[must_use]
    pub fn record(self, every: u64) -> Self {
        Self { record: Some(Record::new(every)), ..self }
    }

    /// The record so far, if one is kept.
    pub fn recorded(&self) -> Option<&Record> {
        self.record.as_ref()
    }

    /// Repeats a recorded [`fit`](Self::fit), and returns where it first differs: `None` if the samples and weights are
    /// the same, bit for bit, wherever they were recorded. The trainer, the network and the data have to be set up as
    /// the recorded ones were.
    ///
    /// # Errors
    /// Those of [`fit`](Self::fit); [`Error::Order`] for a record without a training.
    pub fn replay(
        &mut self,
        record: &Record,
        network: &mut Network<A>,
        data: &dyn Dataset<A>,
    ) -> Result<Option<Difference>> {
        if record.moments.is_empty() {
            return Err(Error::Order { call: "replay", needs: "the record of a training" });
        }
        self.record = Some(Record::new(record.every));
        self.fit(network, data)?;
        Ok(self.record.as_ref().and_then(|again| record.difference(again)))
    }

    /// Records the weights before a batch if they are due; at the start, also the settings.
    pub(super) fn note_before_batch(&mut self, network: &Network<A>) {
        let step = self.progress.step;
        let Some(every) = self.record.as_ref().map(|record| record.every) else { return };
        let starts = self.recorded().is_some_and(|record| record.moments.is_empty());
        if starts {
            let settings = self.settings(network);
            let mut parameters = Vec::new();
            network.visit(&mut |info, _| parameters.push(info.name.to_string()));
            self.record = Some(Record { settings, parameters, ..Record::new(every) });
        }
        if let Some(record) = &mut self.record
            && (starts || step.is_multiple_of(every) && self.work.gathered == 0)
        {
            record.note(step, network);
        }
    }

    /// The settings that determine a training, besides samples and weights.
    fn settings(&self, network: &Network<A>) -> Vec<[String; 2]> {
        let schedule = self.schedule.as_ref().map(|(schedule, unit)| format!("{schedule:?} by {unit:?}"));
        let steps = network.steps(network.input_shape()).unwrap_or_default();
        let steps: Vec<&str> = steps.iter().map(|step| &*step.text).collect();
        let weights = hash(0, &ndarray::aview1(&self.sample_weights).insert_axis(ndarray::Axis(0)));
        [
            ("neuropil", env!("CARGO_PKG_VERSION").to_owned()),
            ("numbers", A::NAME.to_owned()),
            ("network", steps.join(", ")),
            ("loss", format!("{:?}", self.loss)),
            ("optimizer", call(&self.optimizer.spec())),
            ("learning rate", self.optimizer.learning_rate().to_string()),
            ("schedule", schedule.unwrap_or_else(|| "none".to_owned())),
            ("seed", self.progress.seed.to_string()),
            ("first epoch", self.progress.epoch.saturating_add(1).to_string()),
            ("epochs", self.epochs.to_string()),
            ("batch size", self.batch_size.to_string()),
            ("shuffled", self.shuffle.to_string()),
            ("drops the last batch", self.drop_last.to_string()),
            ("batches a step", self.accumulate.to_string()),
            ("clips the norm to", format!("{:?}", self.clip_norm)),
            ("clips values to", format!("{:?}", self.clip_value)),
            ("class weights", format!("{:?}", self.class_weights)),
            ("sample weights", format!("{weights:016x}")),
            ("average", self.ema.as_ref().map_or_else(|| "none".to_owned(), |ema| ema.decay.to_string())),
        ]
        .map(|(name, value)| [name.to_owned(), value])
        .into()
    }
}

/// A description in one line, such as `adam(epsilon 1e-8)`.
fn call(spec: &Spec) -> String {
    let settings: Vec<String> = spec.settings().iter().map(|(name, value)| format!("{name} {}", text(value))).collect();
    format!("{}({})", spec.kind(), settings.join(", "))
}

fn text(value: &Setting) -> String {
    match value {
        Setting::Flag(value) => value.to_string(),
        Setting::Count(value) => value.to_string(),
        Setting::Number(value) => value.to_string(),
        Setting::Text(value) => value.clone(),
        Setting::List(values) => format!("[{}]", values.iter().map(text).collect::<Vec<_>>().join(", ")),
        Setting::Layer(spec) => call(spec),
    }
}
