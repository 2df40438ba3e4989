//! Recurrent operators, alone or stacked.

use super::arrange::strided;
use super::view::{Axis, View};
use super::{Data, Found, Node, Read, Reader};
use crate::layers::{Cell as _, GruCell, LstmCell, RnnCell};
use crate::spec::Spec;
use crate::spec::onnx::{Attribute, INT32};
use crate::{Scalar, Shape, Value};

#[derive(PartialEq)]
enum Direction {
    Forwards,
    /// Only from the last step to the first.
    Backwards,
    Both,
}

/// The settings of a recurrent operator.
#[derive(PartialEq)]
struct Cell {
    kind: &'static str,
    units: usize,
    direction: Direction,
    relu: bool,
    /// The reset gate of a GRU is applied before the product.
    reset_before: bool,
    /// The batch is the first axis of inputs and outputs.
    batch_first: bool,
}

impl Cell {
    fn of(node: &Node<'_>) -> Read<Self> {
        let kind = match &*node.op {
            "RNN" => "rnn",
            "LSTM" => "lstm",
            _ => "gru",
        };
        let direction = match node.text("direction", "forward")? {
            "forward" => Direction::Forwards,
            "bidirectional" => Direction::Both,
            "reverse" => Direction::Backwards,
            other => return Err(format!("its direction is {other}").into()),
        };
        node.expect("input_forget", node.int("input_forget", 0)? == 0)?;
        let reset_before = kind == "gru" && node.int("linear_before_reset", 0)? == 0;
        let functions = node.texts("activations")?;
        let usual: &[&str] = match kind {
            "lstm" => &["Sigmoid", "Tanh", "Tanh"],
            "gru" => &["Sigmoid", "Tanh"],
            _ => &[if functions.first().is_some_and(|name| name == "Relu") { "Relu" } else { "Tanh" }],
        };
        let count = if direction == Direction::Both { 2 } else { 1 };
        let same = functions.iter().eq(usual.iter().cycle().take(count * usual.len()));
        node.expect("activations", functions.is_empty() || same)?;
        let (units, relu) = (node.count("hidden_size", 0)?, usual == ["Relu"]);
        let batch_first = batch_first(node)?;
        Ok(Self { kind, units, direction, relu, reset_before, batch_first })
    }

    /// ONNX's view of the last states, (directions, batch, units), or with the batch first.
    fn last_state(&self) -> View {
        let (count, units) = (self.directions().len(), self.units);
        let axes = [Axis::new(count, units), Axis::new(units, 1)];
        with_batch(axes, usize::from(!self.batch_first))
    }

    /// ONNX's view of states, (steps, directions, batch, units), or with the batch first; they are stored here as
    /// (steps, directions·units).
    fn states(&self, steps: usize) -> View {
        let (count, units) = (self.directions().len(), self.units);
        let axes = [Axis::new(steps, count * units), Axis::new(count, units), Axis::new(units, 1)];
        with_batch(axes, if self.batch_first { 0 } else { 2 })
    }

    fn directions(&self) -> &'static [&'static str] {
        if self.direction == Direction::Both { &["", "_reverse"] } else { &[""] }
    }

    /// ONNX's order of the gates.
    fn gates(&self) -> &'static [usize] {
        match self.kind {
            "lstm" => LstmCell::ONNX_GATES,
            "gru" => GruCell::ONNX_GATES,
            _ => RnnCell::ONNX_GATES,
        }
    }
}

impl<'g, A: Scalar> Reader<'g, A> {
    /// The states of all steps, (steps, directions, batch, units), or for output 1 those of the last step, (directions,
    /// batch, units).
    pub(super) fn recurrent(&mut self, node: &'g Node<'g>, output: usize) -> Read<Data> {
        let cell = Cell::of(node)?;
        if output > 1 {
            return Err("its last cell state is used, which no layer here gives".into());
        }
        let mut masked = node.input(4).is_some_and(|name| !self.index.is_constant(name));
        if output == 1 && self.index.is_used(&node.outputs[0]) {
            node.expect("sequence_lens, with both outputs", !masked)?;
            return self.last_states(node, &cell);
        }
        // From the last of a stack to the first.
        let (mut nodes, mut between) = (vec![node], Vec::new());
        while let Some((below, path)) = self.below(nodes[nodes.len() - 1])
            && below.op == node.op
            && Cell::of(below)? == cell
            && below.input(4) == node.input(4)
        {
            nodes.push(below);
            between.push(path);
        }
        nodes.reverse();
        let data = self.data(nodes[0].needs(0)?)?;
        let mut sequence = match (&*data.view.0, cell.batch_first) {
            ([_, Axis::Batch, _], false) => self.arrange(&data, &[0, 2])?,
            ([Axis::Batch, _, _], true) => self.arrange(&data, &[1, 2])?,
            _ => return Err("its input is not (steps, batch, features)".into()),
        };
        if cell.direction == Direction::Backwards {
            node.expect("sequence_lens, backwards", !masked)?;
            sequence = self.reversed(sequence)?;
        }
        let Shape::Sequence { steps, .. } = sequence.1 else { return Err("its input is not a sequence".into()) };
        if node.input(4).is_some() && !masked {
            // No sample is shorter.
            let lengths = self.ints(node, 4)?;
            node.expect("sequence_lens", lengths.iter().all(|&n| n == i64::try_from(steps).ok()))?;
        }
        if let Some(lengths) = node.input(4).filter(|_| masked) {
            let cast = self.index.maker(lengths).map(|(maker, _)| maker).filter(|maker| maker.op == "Cast");
            let cast = cast.ok_or("its sequence_lens are not computed as here")?;
            cast.expect("to", cast.int("to", 0)? == INT32)?;
            if self.are_lengths(cast.needs(0)?) {
                // These are the lengths that the sequence has anyway.
                masked = false;
            } else {
                let source = self.lengths(cast.needs(0)?)?;
                let source = self.standard(&source)?;
                node.expect("sequence_lens", source == sequence)?;
            }
        }
        let count = cell.directions().len();
        for path in between {
            let mut view = cell.states(steps);
            for node in path.into_iter().rev() {
                view = self.seen_through(node, &view)?;
            }
            let axes = [Axis::new(steps, count * cell.units), Axis::new(count * cell.units, 1)];
            let whole = with_batch(axes, usize::from(!cell.batch_first));
            node.expect("input", view == whole)?;
        }
        let mut parameters = Vec::new();
        let mut inputs = 0;
        for (layer, node) in nodes.iter().enumerate() {
            let width = self.parameters(node, &cell, layer, &mut parameters)?;
            inputs = if layer == 0 { width } else { inputs };
        }
        let last_state = output == 1;
        let spec = Spec::new(cell.kind).set("inputs", inputs).set("units", cell.units).set("layers", nodes.len());
        let mut spec = spec.set("bidirectional", cell.direction == Direction::Both).set("bias", true);
        spec = spec.set("last_state", last_state).set("masked", masked);
        if cell.kind == "rnn" {
            spec = spec.set("nonlinearity", if cell.relu { "relu" } else { "tanh" });
        }
        if cell.reset_before {
            spec = spec.set("reset_after", false);
        }
        let found = parameters.into_iter().fold(Found::new(spec), |found, (name, numbers)| found.with(name, numbers));
        let mut data = self.on(sequence, &found)?;
        if cell.direction == Direction::Backwards && !last_state {
            (data.value, data.shape) = self.reversed((data.value, data.shape))?;
        }
        Ok(Data { view: if last_state { cell.last_state() } else { cell.states(steps) }, ..data })
    }

    /// The last states, (directions, batch, units), from those of all steps: for the backward direction, those of the
    /// first step.
    fn last_states(&mut self, node: &'g Node<'g>, cell: &Cell) -> Read<Data> {
        let mut states = self.data(node.needs_output(0)?)?;
        if cell.batch_first {
            states.view = states.view.transposed(&[1, 2, 0, 3])?;
        }
        let [Some(steps), Some(count), None, Some(units)] = *states.view.sizes() else {
            return Err("its states are not (steps, directions, batch, units)".into());
        };
        let last = self.canonical(&states)?;
        let mut axes = Self::whole(&last);
        // From the last step's first direction to the first step's second one.
        let (step, way) = ((count * units) as isize, units as isize);
        axes[0] = Some(vec![(1, 1)]);
        axes[1] = Some(vec![(count, way - (steps as isize - 1) * step)]);
        let first = if cell.direction == Direction::Backwards { 0 } else { (steps - 1) * count * units };
        let taken = self.taken(&last, &axes, first)?;
        let last = taken.view.squeezed(&[0])?;
        Ok(Data { view: if cell.batch_first { last.transposed(&[1, 0, 2])? } else { last }, ..taken })
    }

    /// A sequence with its steps in reverse order.
    fn reversed(&mut self, (value, shape): (Value, Shape)) -> Read<(Value, Shape)> {
        let Shape::Sequence { steps, features } = shape else { return Ok((value, shape)) };
        let axes = [(steps, -(features as isize)), (features, 1)];
        self.layer(value, shape, &strided(shape, shape, &axes, (steps - 1) * features))
    }

    /// The recurrent operator whose states another one takes as input, and the operators between them, last first.
    fn below(&self, node: &'g Node<'g>) -> Option<(&'g Node<'g>, Vec<&'g Node<'g>>)> {
        let (mut value, mut path) = (node.input(0), Vec::new());
        loop {
            if let Some(below) = self.index.sole(value, &node.op) {
                return Some((below, path));
            }
            let before = ["Reshape", "Transpose", "Squeeze"].iter().find_map(|op| self.index.sole(value, op))?;
            if path.len() == 3 {
                return None;
            }
            path.push(before);
            value = before.input(0);
        }
    }

    /// The view of a value after an operator that only changes the view.
    pub(super) fn seen_through(&mut self, node: &Node<'_>, view: &View) -> Read<View> {
        match &*node.op {
            "Transpose" => Ok(view.transposed(node.ints("perm")?)?),
            "Squeeze" => Ok(view.squeezed(&self.list(node, "axes", 1)?.ok_or("it has no axes")?)?),
            _ => {
                let sizes = self.ints(node, 1)?;
                let sizes = view.new_sizes(&sizes, node.int("allowzero", 0)? == 0, self.batch)?;
                Ok(view.reshaped(&sizes).ok_or("it moves numbers")?)
            }
        }
    }

    /// Adds the parameters of one operator to `all`; returns the number of input features.
    fn parameters(
        &mut self,
        node: &'g Node<'g>,
        cell: &Cell,
        layer: usize,
        all: &mut Vec<(String, Vec<f64>)>,
    ) -> Read<usize> {
        for input in 5..8 {
            if let Some(name) = node.input(input) {
                let what = if input == 7 { "P" } else { "initial_h or initial_c" };
                node.expect(what, self.is_zero(name))?;
            }
        }
        let (units, count) = (cell.units, cell.directions().len());
        let width = cell.gates().len().saturating_mul(units);
        let sizes = self.sizes(node, 1)?;
        let &[_, _, inputs] = &*sizes else { return Err(format!("its weight has the shape {sizes:?}").into()) };
        let fits = sizes == [count, width, inputs] && self.sizes(node, 2)? == [count, width, units];
        let bias = match node.input(3) {
            Some(_) => self.sizes(node, 3)? == [count, width.saturating_mul(2)],
            None => true,
        };
        if units == 0 || !fits || !bias {
            return Err(format!("it has weights whose sizes do not fit its hidden_size {units}").into());
        }
        let (ih, hh) = (self.numbers(node, 1)?, self.numbers(node, 2)?);
        // A missing bias is zeros, fewer than there are weights.
        let bias = if node.input(3).is_some() { self.numbers(node, 3)? } else { vec![0.0; 2 * count * width] };
        for (i, direction) in cell.directions().iter().enumerate() {
            let mut part = |name: &str, numbers: &[f64], rows: usize, at: usize| {
                let reordered = reordered(&numbers[at..][..width * rows], rows, units, cell.gates());
                all.push((format!("{name}_l{layer}{direction}"), reordered));
            };
            part("weight_ih", &ih, inputs, i * width * inputs);
            part("weight_hh", &hh, units, i * width * units);
            part("bias_ih", &bias, 1, 2 * i * width);
            part("bias_hh", &bias, 1, (2 * i + 1) * width);
        }
        Ok(inputs)
    }

    /// Whether a value is all zeros.
    fn is_zero(&self, name: &str) -> bool {
        let mut name = name;
        loop {
            if let Some(tensor) = self.index.constants.get(name) {
                return tensor.numbers().is_ok_and(|numbers| numbers.iter().all(|&x| x == 0.0));
            }
            match self.index.maker(name) {
                Some((node, 0)) if matches!(&*node.op, "Expand" | "Slice") => {
                    let Some(before) = node.input(0) else { return false };
                    name = before;
                }
                Some((node, 0)) if matches!(&*node.op, "Constant" | "ConstantOfShape") => {
                    return match node.attribute("value") {
                        Some(Attribute::Tensor(tensor)) => {
                            tensor.numbers().is_ok_and(|numbers| numbers.iter().all(|&x| x == 0.0))
                        }
                        None => node.op == "ConstantOfShape",
                        Some(_) => false,
                    };
                }
                _ => return false,
            }
        }
    }
}

/// Whether the batch is the first axis of a recurrent operator's inputs and outputs, before the steps or directions.
fn batch_first(node: &Node<'_>) -> Read<bool> {
    let layout = node.int("layout", 0)?;
    node.expect("layout", layout == 0 || layout == 1)?;
    Ok(layout == 1)
}

/// Whether an operator has the batch as the second axis of this input.
pub(super) fn takes_steps_first(node: &Node<'_>, input: usize) -> bool {
    input == 0 && matches!(&*node.op, "RNN" | "LSTM" | "GRU") && matches!(batch_first(node), Ok(false))
}

/// The view of these axes, with the batch at index `at`.
fn with_batch<const N: usize>(axes: [Axis; N], at: usize) -> View {
    let mut axes = Vec::from(axes);
    axes.insert(at, Axis::Batch);
    View(axes)
}

/// From (gates·units, rows) to (rows, gates·units), with the gates in this crate's order.
fn reordered(numbers: &[f64], rows: usize, units: usize, order: &[usize]) -> Vec<f64> {
    let mut reordered = vec![0.0; numbers.len()];
    let width = order.len() * units;
    for (position, gate) in order.iter().enumerate() {
        for unit in 0..units {
            for row in 0..rows {
                reordered[row * width + gate * units + unit] = numbers[(position * units + unit) * rows + row];
            }
        }
    }
    reordered
}
