//! The parameters of one direction of one layer, and how `PyTorch` and Keras store them.

use ndarray::Array2;

use super::{Cell, Recurrent};
use crate::layer::{Info, Parameter, Parameters};
use crate::spec::layout::{Piece, System};
use crate::{Result, Scalar};

/// The parameters of one direction of one layer.
#[derive(Clone, PartialEq)]
pub(super) struct Weights<A> {
    /// (inputs, gates·units)
    pub ih: Parameter<A>,
    /// (units, gates·units)
    pub hh: Parameter<A>,
    /// For x·Wₓ and for h·Wₕ, (1, gates·units).
    pub bias: Option<[Parameter<A>; 2]>,
}

impl<A: Scalar> Parameters<A> for Weights<A> {
    fn show(&self, f: &mut dyn FnMut(Info<'_>, &Array2<A>)) {
        [&self.ih, &self.hh].into_iter().chain(self.bias.iter().flatten()).for_each(|values| values.show(f));
    }

    fn show_mut(&mut self, f: &mut dyn FnMut(Info<'_>, &mut Array2<A>)) {
        let biases = self.bias.iter_mut().flatten();
        [&mut self.ih, &mut self.hh].into_iter().chain(biases).for_each(|values| values.show_mut(f));
    }
}

impl<A: Scalar, C: Cell> Recurrent<A, C> {
    /// The parameters of chain `i`; `values` creates each from its name, rows and columns.
    pub(super) fn weights<E>(
        &self,
        i: usize,
        with_bias: bool,
        mut values: impl FnMut(&str, usize, usize) -> Result<Array2<A>, E>,
    ) -> Result<Weights<A>, E> {
        let (layer, reverse) = (i / self.directions(), i % self.directions() == 1);
        let (inputs, width) = (self.layer_inputs(layer), self.units.saturating_mul(C::GATES));
        let name = |what: &str| format!("{what}_l{layer}{}", if reverse { "_reverse" } else { "" });
        let mut weight = |what, rows| {
            let matrix = values(&name(what), rows, width)?;
            Ok(Parameter::weight(name(what), &[rows, width], matrix))
        };
        let (ih, hh) = (weight("weight_ih", inputs)?, weight("weight_hh", self.units)?);
        let mut bias = |what| Ok(Parameter::bias(name(what), &[width], values(&name(what), 1, width)?));
        let bias = if with_bias { Some([bias("bias_ih")?, bias("bias_hh")?]) } else { None };
        Ok(Weights { ih, hh, bias })
    }

    /// In `PyTorch` the gates are the first axis.
    pub(super) fn pieces(&self, system: System, name: &str, dims: &[usize]) -> Vec<Piece> {
        match system {
            System::Keras => self.keras(name, dims).unwrap_or_else(|| vec![Piece::whole(name, dims)]),
            System::PyTorch => vec![Piece::axes(name, dims, &[1, 0])],
        }
    }

    /// Keras has a kernel for inputs, one for states, and a bias: the sum of both, or (2, gates·units) where the two
    /// parts of a gate are separate.
    fn keras(&self, name: &str, dims: &[usize]) -> Option<Vec<Piece>> {
        let (own, direction) =
            name.strip_suffix("_reverse").map_or((name, "forward."), |forward| (forward, "backward."));
        let (what, layer) = own.rsplit_once("_l")?;
        let layer = if self.layers() > 1 { format!("layer{layer}.") } else { String::new() };
        let direction = if self.bidirectional { direction } else { "" };
        let (kernel, of_state) = match what {
            "weight_ih" => ("kernel", false),
            "weight_hh" => ("recurrent_kernel", true),
            "bias_ih" => ("bias", false),
            _ => ("bias", true),
        };
        let theirs = format!("{layer}{direction}{kernel}");
        let (bias, separate) = (kernel == "bias", C::BLOCKS > C::GATES && !self.cell.resets());
        let gates = C::GATES;
        // Two biases that are separate are concatenated, others added.
        let both = bias && separate;
        let (shape, width) = if both { (vec![2, dims[0]], 2 * gates) } else { (dims.to_vec(), gates) };
        let start = if both && of_state { gates } else { 0 };
        let own_order: Vec<usize> = (0..gates).collect();
        let order = if C::KERAS_GATES.is_empty() { &*own_order } else { C::KERAS_GATES };
        let block = |(to, &from)| {
            let piece = Piece::block(&theirs, shape.clone(), [from, gates], [start + to, width]);
            if bias && of_state && !separate { piece.added() } else { piece }
        };
        Some(order.iter().enumerate().map(block).collect())
    }
}
