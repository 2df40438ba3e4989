//! Computes a [`Summary`] and its totals.

use super::{LayerSummary, Summary};
use crate::layer::Role;
use crate::network::{Network, Source};
use crate::{Result, Scalar};

impl Summary {
    /// Summarizes `network` for batches of `batch` samples.
    ///
    /// # Errors
    /// [`Error::Empty`](crate::Error::Empty) for a network without layers; [`Error::Graph`](crate::Error::Graph) when
    /// an input or a step is unused.
    pub fn new<A: Scalar>(network: &Network<A>, batch: usize) -> Result<Self> {
        let (input, is_chain) = (network.input_shape(), network.is_chain());
        let (mut layers, mut gradients) = (Vec::<LayerSummary>::new(), Vec::new());
        let steps = network.steps(input)?;
        for (i, step) in steps.iter().enumerate() {
            let (mut parameters, mut statistics) = (0, 0);
            step.visit(&mut |info, matrix| match info.role {
                _ if step.again => {}
                Role::Statistic => statistics += matrix.len(),
                _ => parameters += matrix.len(),
            });
            let learns = step.parameter_count() > 0;
            let taken = |source: &Source| matches!(source, Source::Step(at) if gradients[*at]);
            let has_gradient = learns || step.sources.iter().any(taken);
            gradients.push(has_gradient);
            layers.push(LayerSummary {
                name: step.text.clone(),
                step: if is_chain { i.to_string() } else { step.name.to_owned() },
                sources: step.sources.clone(),
                inputs_text: network.inputs_text(&steps, step),
                shared: step.again && learns,
                output: step.output,
                parameters,
                statistics,
                multiply_adds: step.multiply_adds(),
                has_gradient,
            });
        }
        let name = |own: &str, of_chain: &str| if is_chain { of_chain } else { own }.to_owned();
        let inputs = network.inputs().map(|(own, shape)| (name(own, "input"), shape)).collect();
        let outputs = network.output_sources().map(|(own, source)| (name(own, "output"), source)).collect();
        Ok(Self { input, batch, number: size_of::<A>(), layers, inputs, outputs, is_chain })
    }

    /// The number of trainable parameters.
    pub fn parameters(&self) -> usize {
        self.layers.iter().map(|layer| layer.parameters).sum()
    }

    /// The multiply-accumulates per sample of a forward pass; a training step takes about three times as many.
    pub fn multiply_adds(&self) -> u64 {
        self.layers.iter().map(|layer| layer.multiply_adds).sum()
    }

    /// The bytes of all parameters and running statistics.
    pub fn parameter_bytes(&self) -> usize {
        self.number * self.layers.iter().map(|layer| layer.parameters + layer.statistics).sum::<usize>()
    }

    /// The bytes of the activations that a tape stores for the backward pass of a batch: the input, and the output of
    /// every layer. What a layer caches on top, such as a dropout mask, is not counted.
    pub fn value_bytes(&self) -> usize {
        let numbers = self.layers.iter().fold(self.input.len(), |sum, layer| sum.saturating_add(layer.output.len()));
        numbers.saturating_mul(self.batch).saturating_mul(self.number)
    }

    /// The bytes of the gradients of a training step: of each parameter, and of each output from the first layer with
    /// parameters on.
    pub fn gradient_bytes(&self) -> usize {
        let learning = self.layers.iter().filter(|layer| layer.has_gradient);
        let outputs = learning.fold(0_usize, |sum, layer| sum.saturating_add(layer.output.len()));
        outputs.saturating_mul(self.batch).saturating_add(self.parameters()).saturating_mul(self.number)
    }

    /// The peak memory of a training step: parameters, values and gradients. The optimizer's state is not included:
    /// Adam keeps two numbers per parameter, SGD with momentum one.
    pub fn peak_bytes(&self) -> usize {
        self.parameter_bytes().saturating_add(self.value_bytes()).saturating_add(self.gradient_bytes())
    }
}
