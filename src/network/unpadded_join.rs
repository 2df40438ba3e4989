//! Passes of joins that combine steps, such as attention, without the padding of their inputs.

use ndarray::Array2;

use crate::kernels::resize;
use crate::kernels::sequences::Sequences;
use crate::layer::{Inputs, Join, JoinBackward, JoinPass, Place, Taken};
use crate::{Matrix, Result, Scalar, Shape};

/// Inputs and outputs that end with the longest sequence of the batch, and their gradients; reused between steps.
#[derive(Debug)]
pub(super) struct UnpaddedJoin<A> {
    inputs: Vec<Array2<A>>,
    dx: Vec<Array2<A>>,
    y: Array2<A>,
    dy: Array2<A>,
    shapes: Vec<Shape>,
    taken: Vec<Taken>,
}

impl<A: Scalar> Default for UnpaddedJoin<A> {
    fn default() -> Self {
        let (y, dy) = (Array2::default((0, 0)), Array2::default((0, 0)));
        Self { inputs: Vec::new(), dx: Vec::new(), y, dy, shapes: Vec::new(), taken: Vec::new() }
    }
}

impl<A: Scalar> UnpaddedJoin<A> {
    /// The forward pass. The output has the steps of the first input.
    pub(super) fn forward(
        &mut self,
        join: &dyn Join<A>,
        inputs: Inputs<'_, A>,
        y: &mut Matrix<A>,
        output: Shape,
        pass: &mut JoinPass<'_>,
    ) -> Result<()> {
        let own = of_output(output, pass);
        self.gather(inputs, pass)?;
        let inputs = Inputs::new(&self.inputs[0], &self.inputs, &self.taken, pass.recording);
        let pass = &mut with_shapes(pass, &self.shapes);
        let Some(own) = own else { return join.forward(inputs, y, pass) };
        resize(&mut self.y, y.nrows(), y.ncols() / own.steps() * own.kept())?;
        join.forward(inputs, &mut self.y, pass)?;
        own.scatter(&self.y, y);
        Ok(())
    }

    /// The backward pass of [`forward`](Self::forward). The gradient with respect to padding is 0.
    pub(super) fn backward(
        &mut self,
        join: &dyn Join<A>,
        at: JoinBackward<'_, A>,
        output: Shape,
        pass: &mut JoinPass<'_>,
    ) -> Result<()> {
        self.gather(at.inputs, pass)?;
        let count = self.taken.len();
        self.dx.resize_with(count.max(self.dx.len()), || Array2::default((0, 0)));
        for (dx, x) in self.dx.iter_mut().zip(&self.inputs) {
            resize(dx, x.nrows(), x.ncols())?;
        }
        let (mut y, mut dy) = (at.y, at.dy);
        if let Some(own) = of_output(output, pass) {
            own.gather(y, &mut self.y)?;
            own.gather(dy, &mut self.dy)?;
            (y, dy) = (&self.y, &self.dy);
        }
        let inputs = Inputs::new(&self.inputs[0], &self.inputs, &self.taken, true);
        let own = JoinBackward { inputs, y, dy, dx: &mut self.dx[..count], dw: at.dw };
        join.backward(own, &mut with_shapes(pass, &self.shapes))?;
        for (i, (own, dx)) in self.dx.iter().zip(at.dx).enumerate() {
            match of_input(i, pass) {
                Some(sequences) => sequences.scatter(own, dx),
                None => dx.assign(own),
            }
        }
        Ok(())
    }

    /// Copies the inputs without what is padding in all rows.
    fn gather(&mut self, from: Inputs<'_, A>, pass: &JoinPass<'_>) -> Result<()> {
        self.inputs.resize_with(from.len().max(self.inputs.len()), || Array2::default((0, 0)));
        self.shapes.clear();
        self.taken.clear();
        for (i, (x, own)) in from.iter().zip(&mut self.inputs).enumerate() {
            let sequences = of_input(i, pass);
            self.shapes.push(match (sequences, pass.inputs[i]) {
                (Some(sequences), Shape::Sequence { features, .. }) => [sequences.kept(), features].into(),
                (_, shape) => shape,
            });
            if let Some(sequences) = sequences {
                sequences.gather(x, own)?;
            } else {
                resize(own, x.nrows(), x.ncols())?;
                own.assign(x);
            }
            let place = Place::Buffer(i);
            let wanted = [true; 2];
            self.taken.push(Taken { value: i, recording: place, predicting: place, writes_first: true, wanted });
        }
        Ok(())
    }
}

/// The sequences in input `i`, if their lengths are known.
fn of_input<'l>(i: usize, pass: &JoinPass<'l>) -> Option<Sequences<'l>> {
    match (pass.lengths.get(i), pass.inputs[i]) {
        (Some(lengths), Shape::Sequence { steps, .. }) => Some(Sequences::to_the_longest(lengths, steps)),
        _ => None,
    }
}

/// The sequences in the output, if their lengths are known: those of the first input.
fn of_output<'l>(output: Shape, pass: &JoinPass<'l>) -> Option<Sequences<'l>> {
    of_input(0, pass).filter(|_| matches!(output, Shape::Sequence { .. }))
}

/// The pass with inputs of other shapes.
fn with_shapes<'p>(pass: &'p mut JoinPass<'_>, inputs: &'p [Shape]) -> JoinPass<'p> {
    let JoinPass { training, recording, ref mut cache, ref mut rng, lengths, ref mut found, .. } = *pass;
    JoinPass { training, recording, inputs, cache, rng, lengths, found: found.as_deref_mut() }
}
