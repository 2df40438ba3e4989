//! [`Trace`]: one training step with every number that came up in it.

use ndarray::Array2;

use crate::layer::{Layer, Role};
use crate::losses::Loss;
use crate::optimizers::Optimizer;
use crate::{Matrix, Network, Result, Scalar, Tape};

mod draw;
mod formula;
mod render;

use formula::Formula;

/// One real training step of a network, with everything that was computed on the way: what went in, each layer's formula
/// and output, the loss, each gradient, and each parameter before and after.
///
/// It prints as text, `{trace:.6}` with six decimals (without a number, four), and gives itself as
/// [Markdown](Self::markdown), as [LaTeX](Self::latex), and small networks as a [drawing](Self::svg). Layers with
/// parameters are numbered from 1: layer k gives zₖ, and the activation after it aₖ.
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
    /// The batch, one row a sample.
    pub input: Array2<A>,
    /// dL/dx.
    pub input_gradient: Array2<A>,
    /// What the outputs were compared with.
    pub target: Array2<A>,
    /// The loss as it prints itself.
    pub loss_name: String,
    /// The loss before the update.
    pub loss: A,
    /// The layers, from first to last.
    pub layers: Vec<TracedLayer<A>>,
    /// The optimizer's learning rate in this step.
    pub learning_rate: f64,
}

/// What a layer did in a traced step.
#[derive(Debug, Clone, PartialEq)]
pub struct TracedLayer<A: Scalar> {
    /// The layer as it prints itself.
    pub name: String,
    /// What its output is called: `z1`, `a1`, ...
    pub symbol: String,
    /// The output as a formula, such as `x·W1 + b1`.
    pub formula: String,
    /// The output, one row a sample.
    pub output: Array2<A>,
    /// The gradient of the loss by the output.
    pub gradient: Array2<A>,
    /// The trainable parameters, in the order of [`Layer::visit`].
    pub parameters: Vec<TracedParameter<A>>,
    written: Formula,
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
        let mut layers = Self::read_layers(tape, network)?;
        tape.step(network, optimizer)?;
        let mut parameters = layers.iter_mut().flat_map(|layer| &mut layer.parameters);
        network.visit(&mut |info, matrix| {
            if info.role.is_trainable()
                && let Some(parameter) = parameters.next()
            {
                parameter.after.clone_from(matrix);
            }
        });
        Ok(Self {
            input: x.to_owned(),
            input_gradient,
            target: target.to_owned(),
            loss_name: format!("{loss:?}"),
            loss: value,
            layers,
            learning_rate: optimizer.learning_rate(),
        })
    }

    /// The layers after a backward pass; the parameters' `after` is still their `before`.
    fn read_layers(tape: &mut Tape<A>, network: &Network<A>) -> Result<Vec<TracedLayer<A>>> {
        let recorded = tape.recorded(network)?.into_iter().map(|[value, gradient]| [value.clone(), gradient.clone()]);
        let recorded: Vec<[Array2<A>; 2]> = recorded.collect();
        let mut weights = tape.weight_gradients().iter();
        let mut names = Names::default();
        let mut traced = Vec::new();
        for (layer, [output, gradient]) in network.layers().zip(recorded) {
            let mut parameters = Vec::new();
            layer.visit(&mut |info, matrix| {
                if info.role.is_trainable()
                    && let Some(gradient) = weights.next()
                {
                    parameters.push(TracedParameter {
                        name: info.name.to_string(),
                        symbol: letter(&info.name.to_string(), info.role),
                        before: matrix.clone(),
                        gradient: gradient.clone(),
                        after: matrix.clone(),
                    });
                }
            });
            let before = names.last.clone();
            let symbol = names.next(!parameters.is_empty());
            for parameter in &mut parameters {
                parameter.symbol += &names.number.to_string();
            }
            let symbols: Vec<String> = parameters.iter().map(|parameter| parameter.symbol.clone()).collect();
            let written = Formula::of(layer, &before, &symbol, &symbols);
            let (name, formula) = (format!("{layer:?}"), written.forward.clone());
            traced.push(TracedLayer { name, symbol, formula, output, gradient, parameters, written });
        }
        Ok(traced)
    }
}

/// The letter that stands for a parameter.
fn letter(name: &str, role: Role) -> String {
    match (name, role) {
        ("weight", _) => "W".into(),
        ("bias", _) => "b".into(),
        (name, _) => format!("{name}_"),
    }
}

/// What the outputs of the layers are called.
struct Names {
    number: usize,
    last: String,
}

impl Default for Names {
    fn default() -> Self {
        Self { number: 0, last: "x".into() }
    }
}

impl Names {
    fn next(&mut self, has_parameters: bool) -> String {
        if has_parameters {
            self.number += 1;
            self.last = format!("z{}", self.number);
        } else if self.last.starts_with('a') {
            // Another layer without parameters: a1, a1′, a1″.
            self.last.push('′');
        } else {
            self.last = format!("a{}", self.number);
        }
        self.last.clone()
    }
}
