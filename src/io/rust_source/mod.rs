//! [`Network::export_rust`]: a network as one Rust source file.

use std::any::Any;
use std::fmt::Write as _;
use std::path::Path;

use super::atomic;
use crate::kernels::flat;
use crate::kernels::gemm::blocks_of_one_row;
use crate::layer::Layer;
use crate::layers::{Dense, LogSoftmax, Softmax};
use crate::{Error, Init, Network, Result, Scalar, Shape, rng};

/// The functions of the source that do not depend on the network.
const KERNELS: &str = include_str!("kernels.txt");
const POLYNOMIAL: &str = include_str!("../../kernels/math/polynomial.rs");
const F32: &str = include_str!("../../kernels/math/f32.rs");
const F64: &str = include_str!("../../kernels/math/f64.rs");
/// The number of samples in the generated test.
const SAMPLES: usize = 4;

impl<A: Scalar> Network<A> {
    /// Writes the network as one Rust source file that needs only `std`: parameters are constants, nothing is allocated
    /// on the heap, and `predict` returns the bits of [`predict_one`](Self::predict_one) (on a machine with fused
    /// multiply-add, like all for which this crate has vector instructions). A test in the file checks that.
    ///
    /// It supports dense layers, softmax and log-softmax on flat features, flatten and reshape, layers that only act in
    /// training, and every layer with a [`rust_expression`](Layer::rust_expression), such as the activations. It is
    /// meant for small networks: on x86-64, its products are fast only with `-C target-cpu=native` or `x86-64-v3`.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for other layers; [`Error::Save`] if the file cannot be written.
    pub fn export_rust(&self, path: impl AsRef<Path>) -> Result<()> {
        atomic::write_whole(path.as_ref(), self.to_rust()?.as_bytes())
    }

    /// The content of the file written by [`export_rust`](Self::export_rust).
    ///
    /// ```
    /// use neuropil::prelude::*;
    ///
    /// let network = Sequential::<f32>::mlp(&[2, 4, 1], Tanh, &mut rng(1))?;
    /// let source = network.to_rust()?;
    /// assert!(source.contains("pub fn predict(x: &[f32; 2]) -> [f32; 1]"));
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Unsupported`] for other layers.
    pub fn to_rust(&self) -> Result<String> {
        let mut source = Source::default();
        source.network(self, self.input_shape())?;
        let (number, inputs, outputs) = (A::NAME, self.input_shape().len(), self.prediction_shape().len());
        let mut text = format!(
            "//! A neural network, written by neuropil {}: see `predict`.\n\n\
             /// The numbers that the network computes with.\ntype Number = {number};\n\n\
             /// What the network predicts for a sample.\n\
             pub fn predict(x: &[{number}; {inputs}]) -> [{number}; {outputs}] {{\n    let x = *x;\n{}    x\n}}\n\n",
            env!("CARGO_PKG_VERSION"),
            source.steps
        );
        text.push_str(&source.constants);
        text.push_str(KERNELS);
        let math = if number == "f32" { F32 } else { F64 };
        // The first lines are about files in this crate.
        let content = |file: &str| {
            file.lines().filter(|line| !line.starts_with("//!")).fold(String::new(), |all, line| all + line + "\n")
        };
        let allow =
            "#[allow(dead_code, unused_macros, clippy::all, clippy::excessive_precision, clippy::unreadable_literal)]";
        let _ = write!(
            text,
            "\n/// The functions of neuropil.\n{allow}\nmod math {{\n{}{}}}\n",
            content(POLYNOMIAL),
            content(math)
        );
        self.write_test(&mut text)?;
        Ok(text)
    }

    /// Writes a test that the source predicts what this network does.
    fn write_test(&self, text: &mut String) -> Result<()> {
        let x = Init::Uniform { low: -2.0, high: 2.0 }.matrix::<A>(SAMPLES, self.input_shape().len(), &mut rng(0));
        let mut cases = String::new();
        for x in x.rows() {
            let x = x.to_vec();
            let y = self.predict_one(&x)?;
            let _ = writeln!(cases, "            ({}, {}),", array(&x), array(&y.to_vec()));
        }
        let _ = write!(
            text,
            "\n#[cfg(test)]\nmod tests {{\n    #[test]\n    #[allow(clippy::all, clippy::pedantic)]\n    \
             fn predicts_as_the_network_did() {{\n        let cases = [\n{cases}        ];\n        \
             for (x, want) in &cases {{\n            \
             let bits = |y: &[super::Number]| y.iter().map(|y| y.to_bits()).collect::<Vec<_>>();\n            \
             assert_eq!(bits(&super::predict(x)), bits(want));\n        }}\n    }}\n}}\n"
        );
        Ok(())
    }
}

/// The body of `predict`, and the constants that it uses.
#[derive(Default)]
struct Source {
    steps: String,
    constants: String,
    count: usize,
}

impl Source {
    fn network<A: Scalar>(&mut self, network: &Network<A>, input: Shape) -> Result<()> {
        for step in network.steps(input)? {
            let layer = step.layer().filter(|_| network.is_chain()).ok_or_else(|| {
                let what = "cannot be written as Rust source; chains of layers can".to_owned();
                Error::Unsupported { layer: format!("{network:?}"), what }
            })?;
            self.layer(layer, step.inputs[0]).map_err(|error| error.at(step.name))?;
        }
        Ok(())
    }

    fn layer<A: Scalar>(&mut self, layer: &dyn Layer<A>, input: Shape) -> Result<()> {
        if let Some(network) = crate::network::as_network(layer) {
            return self.network(network, network.declared_shape().unwrap_or(input));
        }
        let any: &dyn Any = layer;
        let number = |x| literal(A::of(x));
        let is_flat = matches!(input, Shape::Flat(_));
        if let Some(dense) = any.downcast_ref::<Dense<A>>().filter(|_| is_flat) {
            self.dense(dense);
        } else if any.is::<Softmax>() && is_flat {
            self.step("softmax(x)");
        } else if any.is::<LogSoftmax>() && is_flat {
            self.step("log_softmax(x)");
        } else if let Some(expression) = layer.rust_expression(&number) {
            // A layer such as dropout acts only in training.
            if expression != "x" {
                self.step(&format!("x.map(|x| {expression})"));
            }
        } else {
            let what = "cannot be written as Rust source; dense layers, softmax and its logarithm on plain features, \
                        flatten and activations can";
            return Err(Error::Unsupported { layer: format!("{layer:?}"), what: what.to_owned() });
        }
        Ok(())
    }

    fn step(&mut self, value: &str) {
        let _ = writeln!(self.steps, "    let x = {value};");
    }

    /// A product, computed as this crate does for one sample, and a sum.
    fn dense<A: Scalar>(&mut self, layer: &Dense<A>) {
        let (inputs, outputs) = layer.weight().dim();
        let (weight, bias) = (format!("WEIGHT_{}", self.count), format!("BIAS_{}", self.count));
        let mut rows = String::new();
        for row in layer.weight().rows() {
            let _ = writeln!(rows, "    {},", array(&row.to_vec()));
        }
        let _ = write!(self.constants, "static {weight}: [[Number; {outputs}]; {inputs}] = [\n{rows}];\n\n");
        match blocks_of_one_row::<A>(inputs, outputs) {
            None => self.step(&format!("small_product(&x, &{weight})")),
            Some(block) => self.step(&format!("product::<_, _, {block}>(&x, &{weight})")),
        }
        if let Some(numbers) = layer.bias() {
            let _ = write!(self.constants, "static {bias}: [Number; {outputs}] = {};\n\n", array(flat(numbers)));
            self.step(&format!("sum(x, &{bias})"));
        }
        self.count += 1;
    }
}

/// A Rust array.
fn array<A: Scalar>(numbers: &[A]) -> String {
    let mut text = "[".to_owned();
    for (i, &x) in numbers.iter().enumerate() {
        text.push_str(if i > 0 { ", " } else { "" });
        text.push_str(&literal(x));
    }
    text + "]"
}

/// A Rust literal: the shortest decimal that parses to this number.
fn literal<A: Scalar>(x: A) -> String {
    if x.is_finite() {
        return format!("{x:?}");
    }
    if A::NAME == "f32" {
        format!("f32::from_bits({:#x})", (x.to_f64() as f32).to_bits())
    } else {
        format!("f64::from_bits({:#x})", x.to_f64().to_bits())
    }
}
