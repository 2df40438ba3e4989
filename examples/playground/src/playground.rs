//! The network, its data, and the training so far.

use neuropil::data::Samples;
use neuropil::layer::Role;
use neuropil::metrics::accuracy;
use neuropil::ndarray::Array2;
use neuropil::prelude::*;
use neuropil::rand::rngs::Xoshiro256PlusPlus;

use crate::Settings;

/// A training that can be stopped after any step.
pub struct Playground {
    settings: Settings,
    train: Samples<f32>,
    test: Samples<f32>,
    network: Sequential<f32>,
    tape: Tape<f32>,
    optimizer: Box<dyn Optimizer<f32>>,
    rng: Xoshiro256PlusPlus,
    /// The batches of this epoch that are still to come.
    batches: Vec<Samples<f32>>,
    steps: u32,
    scratch: Scratch<f32>,
}

impl Playground {
    pub fn new(text: &str) -> std::result::Result<Self, String> {
        let settings = Settings::parse(text)?;
        let mut rng = rng(settings.seed);
        let samples = settings.samples(&mut rng)?;
        let (train, test) = samples.split(0.25, &mut rng).map_err(|error| error.to_string())?;
        let network = settings.network(&mut rng)?;
        let tape = Tape::new(&network, settings.seed);
        let optimizer = settings.optimizer()?;
        let (batches, scratch) = (Vec::new(), Scratch::default());
        Ok(Self { settings, train, test, network, tape, optimizer, rng, batches, steps: 0, scratch })
    }

    /// Trains on one batch.
    pub fn step(&mut self) -> Result<()> {
        if self.batches.is_empty() {
            self.batches = self.train.batches(self.settings.batch, &mut self.rng).collect();
        }
        if let Some(batch) = self.batches.pop() {
            let loss = CrossEntropy::new();
            self.tape.train(&mut self.network, &batch.x, &batch.target, &loss, &mut *self.optimizer)?;
            self.steps += 1;
        }
        Ok(())
    }

    /// Trains to the end of the epoch.
    pub fn epoch(&mut self) -> Result<()> {
        self.step()?;
        while !self.batches.is_empty() {
            self.step()?;
        }
        Ok(())
    }

    /// The steps so far; loss and accuracy on the training points, and on those kept apart.
    pub fn figures(&self) -> Result<[f32; 5]> {
        let mut figures = [self.steps as f32; 5];
        for (samples, at) in [(&self.train, 1), (&self.test, 3)] {
            let y = self.network.predict(&samples.x)?;
            figures[at] = CrossEntropy::new().evaluate(&y, &samples.target)?;
            figures[at + 1] = accuracy(&y, &samples.target)? as f32;
        }
        Ok(figures)
    }

    /// Three numbers for each point, its place and its class; those of the training first, then those kept apart.
    pub fn points(&self) -> Vec<f32> {
        let both = [&self.train, &self.test].into_iter();
        both.flat_map(|samples| samples.x.rows().into_iter().zip(&samples.target))
            .flat_map(|(place, &class)| [place[0], place[1], class])
            .collect()
    }

    /// The probabilities of the classes at the middles of `size` x `size` squares, from the top left, in a square of the
    /// plane: its left and bottom edge, and its width.
    pub fn regions(&mut self, size: usize, [left, bottom, width]: [f32; 3]) -> Result<Vec<f32>> {
        let middle = |i: usize| width * (i as f32 + 0.5) / size as f32;
        let x = Array2::from_shape_fn((size * size, 2), |(i, axis)| match axis {
            0 => left + middle(i % size),
            _ => bottom + width - middle(i / size),
        });
        let scores = self.network.predict_into(&x, &mut self.scratch)?;
        let mut found = Vec::with_capacity(scores.len());
        for row in scores.rows() {
            let most = row.iter().fold(f32::NEG_INFINITY, |most, &score| most.max(score));
            let sum: f32 = row.iter().map(|score| (score - most).exp()).sum();
            found.extend(row.iter().map(|score| (score - most).exp() / sum));
        }
        Ok(found)
    }

    /// The weights between neighboring layers, input by input, without the biases.
    pub fn weights(&self) -> Vec<f32> {
        let mut weights = Vec::new();
        self.network.visit(&mut |info, matrix| {
            if !matches!(info.role, Role::Bias) {
                weights.extend(matrix);
            }
        });
        weights
    }

    /// A model file.
    pub fn model(&self) -> Result<Vec<u8>> {
        self.network.to_bytes()
    }

    /// The scores of the classes at a place.
    pub fn scores(&self, place: [f32; 2]) -> Result<Vec<f32>> {
        Ok(self.network.predict_one(&place)?.to_vec())
    }
}
