//! [`Trace`]: one training step with all its numbers.

use std::ops::Range;

use ndarray::{Array2, ArrayView2, s};

use crate::layer::Layer;
use crate::losses::Loss;
use crate::network::Source;
use crate::optimizers::Optimizer;
use crate::{Matrix, Network, Result, Scalar, Tape};

mod draw;
mod formula;
mod read;
mod render;

use formula::Formula;
use read::Record;

/// A training step with everything that was computed: the inputs, each layer's formula and output, the loss, each
/// gradient, and each parameter before and after.
///
/// It prints as text, `{trace:.6}` with six decimals (the default is four), and renders as [Markdown](Self::markdown),
/// [LaTeX](Self::latex), and for small networks as a [drawing](Self::svg). Layers with parameters are numbered from 1:
/// layer k gives zₖ, and the activation after it aₖ. A shared layer gives zₖ at its first use and zₖ′ at its second,
/// and its parameters are shown once. Inputs and joins have their names; an unnamed join is j with its number.
///
/// ```
/// use neuropil::prelude::*;
/// use neuropil::Trace;
/// use ndarray::array;
///
/// let mut network = Sequential::<f64>::mlp(&[2, 2, 1], Sigmoid, &mut rng(1))?.with(Sigmoid)?;
/// let mut tape = Tape::new(&network, 1);
/// let (x, target) = (array![[1.0, 0.0]], array![[1.0]]);
/// let trace = Trace::step(&mut tape, &mut network, &x, &target, &Mse, &mut Sgd::new(0.5))?;
/// println!("{trace}");
/// assert_eq!(trace.layers[0].formula, "x·W1 + b1");
/// assert_eq!(Some(&trace.layers[0].parameters[0].after), network.parameter("0.weight").as_ref());
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Trace<A: Scalar> {
    /// The batch, one sample per row; several inputs side by side.
    pub input: Array2<A>,
    /// The gradient of the loss with respect to the input, dL/dx.
    pub input_gradient: Array2<A>,
    /// The target of the loss.
    pub target: Array2<A>,
    /// The loss's `Debug` text.
    pub loss_name: String,
    /// The loss before the update.
    pub loss: A,
    /// The layers and joins in the order of computation.
    pub layers: Vec<TracedLayer<A>>,
    /// The learning rate of this step.
    pub learning_rate: f64,
    inputs: Vec<Port>,
    outputs: Vec<Port>,
    is_chain: bool,
}

/// An input or output: its name, its value, and its columns among all inputs or outputs side by side.
#[derive(Debug, Clone, PartialEq)]
struct Port {
    name: String,
    source: Source,
    columns: Range<usize>,
}

/// One use of a layer or join in a traced step.
#[derive(Debug, Clone, PartialEq)]
pub struct TracedLayer<A: Scalar> {
    /// Its `Debug` text.
    pub name: String,
    /// The symbol of its output: `z1`, `a1`, ...
    pub symbol: String,
    /// The symbols of its input values.
    pub inputs: Vec<String>,
    /// The formula of its output, such as `x·W1 + b1`.
    pub formula: String,
    /// The output, one sample per row.
    pub output: Array2<A>,
    /// The gradient of the loss with respect to the output.
    pub gradient: Array2<A>,
    /// The trainable parameters, in the order of [`Layer::visit`]; empty for later uses of a shared layer.
    pub parameters: Vec<TracedParameter<A>>,
    /// The heading in the rendered trace.
    title: String,
    kind: Kind,
    sources: Vec<Source>,
    /// The number of the last layer with parameters so far.
    number: usize,
    /// The index of the first step that uses its layer.
    home: usize,
    /// The range of its parameters among those of the network.
    slots: Range<usize>,
    written: Formula,
}

/// How the outputs of a layer depend on its inputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Dense,
    Elementwise,
    /// Flat features side by side.
    Concat,
    /// Another join of flat features, without parameters.
    Join,
    Other,
}

/// A parameter in a traced step.
#[derive(Debug, Clone, PartialEq)]
pub struct TracedParameter<A: Scalar> {
    /// Its name in the layer, such as `weight`.
    pub name: String,
    /// Its symbol in formulas: `W1`, `b1`, ...
    pub symbol: String,
    /// Its value before the step.
    pub before: Array2<A>,
    /// The gradient of the loss with respect to it.
    pub gradient: Array2<A>,
    /// Its value after the step.
    pub after: Array2<A>,
}

impl<A: Scalar> TracedParameter<A> {
    /// The change of the parameter: `after` - `before`.
    pub fn update(&self) -> Array2<A> {
        &self.after - &self.before
    }
}

impl<A: Scalar> Trace<A> {
    /// Trains `network` for one step on a batch, with the same bits as [`Tape::train`], and returns the numbers, read
    /// from the tape.
    ///
    /// A nested network is shown as one layer.
    ///
    /// # Errors
    /// Those of [`Tape::train`]; the parameters are then not changed.
    pub fn step(
        tape: &mut Tape<A>,
        network: &mut Network<A>,
        x: &Matrix<A>,
        target: &Matrix<A>,
        loss: &dyn Loss<A>,
        optimizer: &mut dyn Optimizer<A>,
    ) -> Result<Self> {
        tape.forward(network, x)?;
        let value = tape.loss(loss, target)?;
        let input_gradient = tape.backward(network)?.input.clone();
        let Record { inputs, mut layers, outputs } = Record::read(tape, network)?;
        let is_chain = network.is_chain();
        tape.step(network, optimizer)?;
        let mut after = Vec::new();
        network.visit(&mut |info, matrix| {
            if info.role.is_trainable() {
                after.push(matrix.clone());
            }
        });
        for layer in &mut layers {
            for (parameter, slot) in layer.parameters.iter_mut().zip(layer.slots.clone()) {
                parameter.after = std::mem::take(&mut after[slot]);
            }
        }
        Ok(Self {
            input: x.to_owned(),
            input_gradient,
            target: target.to_owned(),
            loss_name: format!("{loss:?}"),
            loss: value,
            layers,
            learning_rate: optimizer.learning_rate(),
            inputs,
            outputs,
            is_chain,
        })
    }

    /// A value: its symbol, its numbers, and the gradient of the loss with respect to it.
    fn value(&self, source: Source) -> (&str, ArrayView2<'_, A>, ArrayView2<'_, A>) {
        match source {
            Source::Input(at) => {
                let Port { name, columns, .. } = &self.inputs[at];
                let [value, gradient] = [&self.input, &self.input_gradient].map(|x| x.slice(s![.., columns.clone()]));
                (name, value, gradient)
            }
            Source::Step(at) => {
                let layer = &self.layers[at];
                (&layer.symbol, layer.output.view(), layer.gradient.view())
            }
        }
    }

    /// The indices of the layers that use a value.
    fn users(&self, source: Source) -> impl Iterator<Item = usize> + '_ {
        let layers = self.layers.iter().enumerate();
        layers.filter(move |(_, layer)| layer.sources.contains(&source)).map(|(i, _)| i)
    }

    fn is_output(&self, source: Source) -> bool {
        self.outputs.iter().any(|port| port.source == source)
    }
}
