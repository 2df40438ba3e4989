//! What the page shows of the network: regions, weights, activations, and the numbers of a single step.

use neuropil::layer::Role;
use neuropil::ndarray::{Array2, ArrayView1, ArrayView2};
use neuropil::prelude::*;
use neuropil::{Trace, TracedLayer};

use crate::Playground;

impl Playground {
    /// The probabilities of the classes at the middles of `size` x `size` squares, from the top left, in a square of the
    /// plane: its left and bottom edge, and its width.
    pub fn regions(&mut self, size: usize, [left, bottom, width]: [f32; 3]) -> Result<Vec<f32>> {
        let middle = |i: usize| width * (i as f32 + 0.5) / size as f32;
        let x = Array2::from_shape_fn((size * size, 2), |(i, axis)| match axis {
            0 => left + middle(i % size),
            _ => bottom + width - middle(i / size),
        });
        let scores = self.network.predict_into(&x, &mut self.scratch)?;
        Ok(scores.rows().into_iter().flat_map(probabilities).collect())
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

    /// The gradients with respect to [`weights`](Self::weights) in the last single step; none before it.
    pub fn gradients(&self) -> Vec<f32> {
        let layers = self.trace.iter().flat_map(|trace| &trace.layers);
        layers.filter(|layer| is_dense(layer)).flat_map(|layer| &layer.parameters[0].gradient).copied().collect()
    }

    /// The scores of the classes for one sample.
    pub fn scores(&self, sample: &[f32]) -> Result<Vec<f32>> {
        Ok(self.network.predict_one(sample)?.to_vec())
    }

    /// What each neuron gives for one sample: inputs, hidden layers after their activation, probabilities of the classes.
    pub fn activations(&self, sample: &[f32]) -> Result<Vec<f32>> {
        let x = ArrayView2::from_shape((1, sample.len()), sample).expect("one row");
        let outputs = self.network.layer_outputs(&x)?;
        let hidden = outputs.iter().skip(1).step_by(2).flatten();
        let mut found: Vec<f32> = sample.iter().chain(hidden).copied().collect();
        found.extend(outputs.iter().rev().take(1).flat_map(|y| probabilities(y.row(0))));
        Ok(found)
    }

    /// The numbers of a neuron in the last single step, for the first sample of its batch. The layers with weights and
    /// their neurons count from 0.
    ///
    /// Eight numbers: z, a, dL/dz and dL/da for the sample; the bias, its gradient and its new value for the batch; the
    /// size of the batch. Then four for each input: its value, the weight, its gradient and its new value. Without a
    /// single step or such a neuron there are none.
    pub fn neuron(&self, layer: usize, unit: usize) -> Vec<f32> {
        let Some(trace) = &self.trace else { return Vec::new() };
        let mut dense = trace.layers.iter().enumerate().filter(|(_, layer)| is_dense(layer));
        let Some((at, dense)) = dense.nth(layer) else { return Vec::new() };
        if unit >= dense.output.ncols() {
            return Vec::new();
        }
        let input = if at == 0 { &trace.input } else { &trace.layers[at - 1].output };
        let after = trace.layers.get(at + 1).unwrap_or(dense);
        let [weight, bias] = &dense.parameters[..] else { return Vec::new() };
        let mut numbers = vec![
            dense.output[[0, unit]],
            after.output[[0, unit]],
            dense.gradient[[0, unit]],
            after.gradient[[0, unit]],
            bias.before[[0, unit]],
            bias.gradient[[0, unit]],
            bias.after[[0, unit]],
            input.nrows() as f32,
        ];
        for (i, &x) in input.row(0).iter().enumerate() {
            let place = [i, unit];
            numbers.extend([x, weight.before[place], weight.gradient[place], weight.after[place]]);
        }
        numbers
    }

    /// The last single step as a drawing, if it is small enough for one.
    pub fn drawing(&self) -> String {
        self.trace.as_ref().and_then(Trace::svg).unwrap_or_default()
    }

    /// The last single step as text.
    pub fn text(&self) -> String {
        self.trace.as_ref().map(|trace| format!("{trace:.4}")).unwrap_or_default()
    }
}

fn is_dense(layer: &TracedLayer<f32>) -> bool {
    !layer.parameters.is_empty()
}

/// The softmax of the scores.
fn probabilities(scores: ArrayView1<'_, f32>) -> Vec<f32> {
    let most = scores.iter().fold(f32::NEG_INFINITY, |most, &score| most.max(score));
    let powers: Vec<f32> = scores.iter().map(|score| (score - most).exp()).collect();
    let sum: f32 = powers.iter().sum();
    powers.iter().map(|power| power / sum).collect()
}
