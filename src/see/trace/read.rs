//! Reads a traced step from the tape.

use std::any::Any;
use std::ops::Range;

use super::formula::Formula;
use super::{Kind, Port, TracedLayer, TracedParameter};
use crate::joins::Concat;
use crate::layer::Role;
use crate::layers::Dense;
use crate::network::{Source, StepView};
use crate::{Network, Result, Scalar, Shape, Tape};

/// The part of a trace that comes from the network.
pub(super) struct Record<A: Scalar> {
    pub(super) inputs: Vec<Port>,
    pub(super) layers: Vec<TracedLayer<A>>,
    pub(super) outputs: Vec<Port>,
}

impl<A: Scalar> Record<A> {
    /// Reads a step after its backward pass, before the update: the `after` of the parameters still equals `before`.
    pub(super) fn read(tape: &mut Tape<A>, network: &Network<A>) -> Result<Self> {
        let (steps, is_chain) = (network.steps(tape.shape())?, network.is_chain());
        let mut names = Names::default();
        let input_columns = columns(network.inputs().map(|(_, shape)| shape));
        let inputs = network.inputs().zip(input_columns).enumerate().map(|(i, ((name, _), columns))| {
            let name = names.unique(if is_chain { "x" } else { name }.to_owned());
            Port { name, source: Source::Input(i), columns }
        });
        let inputs: Vec<Port> = inputs.collect();
        let output_columns = columns(network.outputs().map(|(_, shape)| shape));
        let outputs = network.output_sources().zip(output_columns);
        let outputs = outputs.map(|((name, source), columns)| Port { name: name.to_owned(), source, columns });
        let outputs: Vec<Port> = outputs.collect();
        let values = tape.recorded(network)?.into_iter().map(|[value, gradient]| [value.clone(), gradient.clone()]);
        let values: Vec<_> = values.collect();
        let mut layers: Vec<TracedLayer<A>> = Vec::new();
        for (i, (step, [output, gradient])) in steps.iter().zip(values).enumerate() {
            let home = step.home;
            let number = |source: &Source| match *source {
                Source::Input(_) => 0,
                Source::Step(at) => layers[at].number,
            };
            let number = if step.slots.is_empty() {
                step.sources.iter().map(number).max().unwrap_or(0)
            } else if step.again {
                layers[home].number
            } else {
                layers.iter().map(|layer| layer.number).max().unwrap_or(0) + 1
            };
            let mut parameters = Vec::new();
            let mut gradients = tape.weight_gradients()[step.slots.clone()].iter();
            step.visit(&mut |info, matrix| {
                if info.role.is_trainable()
                    && !step.again
                    && let Some(gradient) = gradients.next()
                {
                    let name = info.name.to_string();
                    let symbol = names.unique(format!("{}{number}", letter(&name, info.role)));
                    let (before, after) = (matrix.clone(), matrix.clone());
                    parameters.push(TracedParameter { name, symbol, before, gradient: gradient.clone(), after });
                }
            });
            let symbol = names.unique(match (step.slots.is_empty(), step.join().is_some()) {
                (false, _) => format!("z{number}"),
                (true, false) => format!("a{number}"),
                (true, true) if step.name.starts_with(|c: char| c.is_ascii_digit()) => format!("j{}", step.name),
                (true, true) => step.name.to_owned(),
            });
            let symbols = step.sources.iter().map(|source| match *source {
                Source::Input(at) => inputs[at].name.clone(),
                Source::Step(at) => layers[at].symbol.clone(),
            });
            let symbols: Vec<String> = symbols.collect();
            let known = if step.again { &layers[home].parameters } else { &parameters };
            let known: Vec<(&str, &str)> = known.iter().map(|p| (&*p.name, &*p.symbol)).collect();
            let written = Formula::of(step, &symbols, &symbol, &known);
            layers.push(TracedLayer {
                name: step.text.clone(),
                symbol,
                inputs: symbols,
                formula: written.forward.text.clone(),
                output,
                gradient,
                parameters,
                title: match (is_chain, step.join().is_some()) {
                    (true, _) => format!("layer {i}, {}", step.text),
                    (false, is_join) => {
                        format!("{} {}, {}", if is_join { "join" } else { "layer" }, step.name, step.text)
                    }
                },
                kind: kind(step, written.elementwise),
                sources: step.sources.clone(),
                number,
                home,
                slots: if step.again { 0..0 } else { step.slots.clone() },
                written,
            });
        }
        Ok(Self { inputs, layers, outputs })
    }
}

/// The columns of values side by side.
fn columns(shapes: impl Iterator<Item = Shape>) -> Vec<Range<usize>> {
    let next = |from: &mut usize, shape: Shape| {
        let start = *from;
        *from += shape.len();
        Some(start..*from)
    };
    shapes.scan(0, next).collect()
}

fn kind<A: Scalar>(step: &StepView<'_, A>, elementwise: bool) -> Kind {
    let is_flat = step.slots.is_empty() && matches!(step.output, Shape::Flat(_));
    match (step.layer(), step.join()) {
        (Some(layer), _) if (layer as &dyn Any).is::<Dense<A>>() => Kind::Dense,
        (Some(_), _) if elementwise => Kind::Elementwise,
        (_, Some(join)) if is_flat && (join as &dyn Any).is::<Concat>() => Kind::Concat,
        (_, Some(_)) if is_flat => Kind::Join,
        _ => Kind::Other,
    }
}

/// The symbol of a parameter.
fn letter(name: &str, role: Role) -> String {
    match (name, role) {
        ("weight", _) => "W".into(),
        ("bias", _) => "b".into(),
        (name, _) => format!("{name}_"),
    }
}

/// The symbols in use.
struct Names(Vec<String>);

impl Default for Names {
    /// The loss and the target have reserved symbols.
    fn default() -> Self {
        Self(vec!["L".into(), "t".into()])
    }
}

impl Names {
    /// Adds primes to the symbol until it is unique: the output of another layer without parameters after a1 is a1′.
    fn unique(&mut self, mut symbol: String) -> String {
        while self.0.contains(&symbol) {
            symbol.push('′');
        }
        self.0.push(symbol.clone());
        symbol
    }
}
