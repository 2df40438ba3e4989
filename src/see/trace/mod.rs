//! [`Trace`]: one training step with every number that came up in it.

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

/// One real training step of a network, with everything that was computed on the way: what went in, each layer's formula
/// and output, the loss, each gradient, and each parameter before and after.
///
/// It prints as text, `{trace:.6}` with six decimals (without a number, four), and gives itself as
/// [Markdown](Self::markdown), as [LaTeX](Self::latex), and small networks as a [drawing](Self::svg). Layers with
/// parameters are numbered from 1: layer k gives zₖ, and the activation after it aₖ. A layer that stands at several places
/// gives zₖ at the first, zₖ′ at the second, and its parameters are told of once. Inputs and joins are called by their
/// names; a join that was given none is j and its number.
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
    /// The batch, one row a sample; several inputs side by side.
    pub input: Array2<A>,
    /// dL/dx.
    pub input_gradient: Array2<A>,
    /// What the outputs were compared with.
    pub target: Array2<A>,
    /// The loss as it prints itself.
    pub loss_name: String,
    /// The loss before the update.
    pub loss: A,
    /// The layers and joins in the order in which they were computed.
    pub layers: Vec<TracedLayer<A>>,
    /// The optimizer's learning rate in this step.
    pub learning_rate: f64,
    inputs: Vec<Port>,
    outputs: Vec<Port>,
    is_chain: bool,
}

/// An input or output: its name, the value that it is, and its columns among all inputs or outputs side by side.
#[derive(Debug, Clone, PartialEq)]
struct Port {
    name: String,
    source: Source,
    columns: Range<usize>,
}

/// What a layer or join did in a traced step, at one of its places.
#[derive(Debug, Clone, PartialEq)]
pub struct TracedLayer<A: Scalar> {
    /// The layer as it prints itself.
    pub name: String,
    /// What its output is called: `z1`, `a1`, ...
    pub symbol: String,
    /// What it took, by the symbols.
    pub takes: Vec<String>,
    /// The output as a formula, such as `x·W1 + b1`.
    pub formula: String,
    /// The output, one row a sample.
    pub output: Array2<A>,
    /// The gradient of the loss by the output.
    pub gradient: Array2<A>,
    /// The trainable parameters, in the order of [`Layer::visit`]; none where the layer stands again.
    pub parameters: Vec<TracedParameter<A>>,
    /// The line above what is told of it.
    title: String,
    kind: Kind,
    sources: Vec<Source>,
    /// That of the last layer with parameters up to here.
    number: usize,
    /// The position at which its layer stands first.
    home: usize,
    /// Which of the network's trainable parameters these are.
    slots: Range<usize>,
    written: Formula,
}

/// How the numbers of a layer's output hang on those of its input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Dense,
    Elementwise,
    /// Plain features side by side.
    Concat,
    /// Another join of plain features, without parameters.
    Join,
    Other,
}

/// What a traced step did to a parameter.
#[derive(Debug, Clone, PartialEq)]
pub struct TracedParameter<A: Scalar> {
    /// Its name in the layer, such as `weight`.
    pub name: String,
    /// What it is called in formulas: `W1`, `b1`, ...
    pub symbol: String,
    /// Its value before the step.
    pub before: Array2<A>,
    /// The gradient of the loss by it.
    pub gradient: Array2<A>,
    /// Its value after the step.
    pub after: Array2<A>,
}

impl<A: Scalar> TracedParameter<A> {
    /// By how much the step changed it.
    pub fn update(&self) -> Array2<A> {
        &self.after - &self.before
    }
}

impl<A: Scalar> Trace<A> {
    /// Trains `network` by one step on one batch, as [`Tape::train`] does and to the same bits, and returns what was
    /// computed: the numbers are read off the tape, not computed a second time.
    ///
    /// A network inside the network counts as one layer.
    ///
    /// # Errors
    /// Those of [`Tape::train`]; the parameters stay as they were.
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

    /// The layers that take a value, by their position.
    fn users(&self, source: Source) -> impl Iterator<Item = usize> + '_ {
        let layers = self.layers.iter().enumerate();
        layers.filter(move |(_, layer)| layer.sources.contains(&source)).map(|(i, _)| i)
    }

    fn is_output(&self, source: Source) -> bool {
        self.outputs.iter().any(|port| port.source == source)
    }
}
