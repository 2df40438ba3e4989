//! The network, its data, and the training so far.

use neuropil::Trace;
use neuropil::data::Samples;
use neuropil::doctor;
use neuropil::metrics::accuracy;
use neuropil::prelude::*;
use neuropil::rand::rngs::Xoshiro256PlusPlus;

use crate::Settings;

/// A training that can be stopped after any step.
pub struct Playground {
    pub(crate) settings: Settings,
    train: Samples<f32>,
    test: Samples<f32>,
    pub(crate) network: Sequential<f32>,
    tape: Tape<f32>,
    loss: Box<dyn Loss<f32>>,
    optimizer: Box<dyn Optimizer<f32>>,
    rng: Xoshiro256PlusPlus,
    /// The batches of this epoch that are still to come.
    batches: Vec<Samples<f32>>,
    steps: u32,
    /// The last single step.
    pub(crate) trace: Option<Trace<f32>>,
    pub(crate) scratch: Scratch<f32>,
}

impl Playground {
    pub fn new(text: &str) -> std::result::Result<Self, String> {
        let settings = Settings::parse(text)?;
        let mut rng = rng(settings.seed);
        let samples = settings.samples(&mut rng)?;
        let (train, test) = samples.split(0.25, &mut rng).map_err(|error| error.to_string())?;
        let network = settings.network(&mut rng)?;
        let tape = Tape::new(&network, settings.seed);
        let (loss, optimizer) = (settings.loss()?, settings.optimizer()?);
        let (batches, scratch) = (Vec::new(), Scratch::default());
        Ok(Self { settings, train, test, network, tape, loss, optimizer, rng, batches, steps: 0, trace: None, scratch })
    }

    /// Trains on one batch, and keeps all numbers of this step.
    pub fn step(&mut self) -> Result<()> {
        let batch = self.next_batch();
        let target = self.settings.target(&batch.target)?;
        let Self { tape, network, loss, optimizer, .. } = self;
        self.trace = Some(Trace::step(tape, network, &batch.x, &target, &**loss, &mut **optimizer)?);
        self.steps += 1;
        Ok(())
    }

    /// Trains to the end of the epoch.
    pub fn epoch(&mut self) -> Result<()> {
        loop {
            let batch = self.next_batch();
            let target = self.settings.target(&batch.target)?;
            self.tape.train(&mut self.network, &batch.x, &target, &*self.loss, &mut *self.optimizer)?;
            self.steps += 1;
            if self.batches.is_empty() {
                return Ok(());
            }
        }
    }

    fn next_batch(&mut self) -> Samples<f32> {
        if self.batches.is_empty() {
            self.batches = self.train.batches(self.settings.batch, &mut self.rng).collect();
        }
        self.batches.pop().expect("at least six samples are for training")
    }

    /// The steps so far; loss and accuracy on the training samples, and on those kept apart.
    pub fn figures(&self) -> Result<[f32; 5]> {
        let mut figures = [self.steps as f32; 5];
        for (samples, at) in [(&self.train, 1), (&self.test, 3)] {
            let y = self.network.predict(&samples.x)?;
            figures[at] = self.loss.evaluate(&y, &*self.settings.target(&samples.target)?)?;
            figures[at + 1] = accuracy(&y, &samples.target)? as f32;
        }
        Ok(figures)
    }

    /// Each sample and its class, side by side; those of the training first, then those kept apart.
    pub fn samples(&self) -> Vec<f32> {
        let both = [&self.train, &self.test].into_iter();
        both.flat_map(|samples| samples.x.rows().into_iter().zip(&samples.target))
            .flat_map(|(x, class)| x.into_iter().chain([class]))
            .copied()
            .collect()
    }

    /// What the doctor finds on the training samples.
    pub fn doctor(&mut self) -> Result<String> {
        let Self { settings, network, train, loss, optimizer, .. } = self;
        let target = settings.target(&train.target)?;
        Ok(doctor::examine(network, &train.x, &target, &**loss, &mut **optimizer)?.to_string())
    }

    /// A model file.
    pub fn model(&self) -> Result<Vec<u8>> {
        self.network.to_bytes()
    }
}
