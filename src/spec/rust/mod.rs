//! A network as calls to Rust functions: [`Code`], to which each layer adds its calls.

use std::collections::BTreeMap;
use std::fmt::Display;

use ndarray::Array2;

use crate::{Error, Result, Scalar, Shape};

pub mod functions;
mod program;

pub use program::{Channels, Numbers};
pub(crate) use program::{Constant, Linear, Program, Step};

/// A function in the generated source: its name, its text, and the functions that it calls.
///
/// Its text must not use `std` or `alloc`. `Number` is the type of the network's numbers; `maximum` and `minimum`
/// propagate NaN; `math` has `exp`, `exp_m1`, `ln`, `ln_1p`, `tanh`, `sigmoid`, `erf`, `erfc`, `normal_cdf` and `sqrt`.
#[derive(Debug, Clone, Copy)]
pub struct Function {
    pub(crate) name: &'static str,
    pub(crate) text: &'static str,
    pub(crate) needs: &'static [&'static Function],
}

impl Function {
    /// A function of this name and text: `pub fn name(…) {…}`.
    pub const fn new(name: &'static str, text: &'static str) -> Self {
        Self { name, text, needs: &[] }
    }

    /// Adds the functions that it calls.
    #[must_use]
    pub const fn needs(self, needs: &'static [&'static Function]) -> Self {
        Self { needs, ..self }
    }
}

/// The source of a network being generated, as one layer or join sees it: its inputs, its parameters, and the calls so
/// far.
///
/// A layer adds calls with [`then`](Self::then), which take the current numbers and write new ones, or with
/// [`change`](Self::change), which overwrite them. The function of `then` takes the input (`&[Number]`), the output
/// (`&mut [Number]`) and the arguments; that of `change` takes the numbers to overwrite and the arguments.
///
/// ```
/// use neuropil::layer::{Backward, Layer, Pass};
/// use neuropil::prelude::*;
/// use neuropil::spec::rust::{Code, Function};
///
/// #[derive(Debug, Clone)]
/// struct Half;
///
/// const SCALE: Function = Function::new("scale", "\
/// pub fn scale(y: &mut [Number], factor: Number) {
///     for y in y {
///         *y *= factor;
///     }
/// }");
///
/// impl<A: Scalar> Layer<A> for Half {
///     fn output_shape(&self, input: Shape) -> Result<Shape> {
///         Ok(input)
///     }
///     fn forward(&self, x: &Matrix<A>, y: &mut Matrix<A>, _: &mut Pass<'_>) -> Result<()> {
///         y.assign(&(x * A::of(0.5)));
///         Ok(())
///     }
///     fn backward(&self, at: Backward<'_, A>, _: &mut Pass<'_>) -> Result<()> {
///         if let Some(dx) = at.dx {
///             dx.assign(&(at.dy * A::of(0.5)));
///         }
///         Ok(())
///     }
///     fn rust(&self, code: &mut Code) -> Result<()> {
///         let half = code.number(0.5);
///         code.change(&SCALE, &[], &[&half]);
///         Ok(())
///     }
/// }
///
/// let source = Sequential::<f32>::new(3).with(Half)?.to_rust()?;
/// assert!(source.contains("kernels::scale(&mut output[..], 0.5);"));
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug)]
pub struct Code {
    pub(crate) program: Program,
    /// The numbers and sample shapes of the layer's inputs.
    inputs: Vec<(Numbers, Shape)>,
    current: Numbers,
    /// The prefix of the layer's parameter names: `2.`.
    prefix: String,
    /// The layer, for a comment.
    note: String,
    parameters: BTreeMap<String, Vec<f64>>,
    /// Whether other steps use the same parameters.
    shared: bool,
}

impl Code {
    /// Starts the source of a network whose input has `inputs` numbers.
    pub(crate) fn new(number: &'static str, int8: bool, inputs: usize) -> Self {
        let program = Program::new(number, int8, inputs);
        let current = program.whole(0);
        let (prefix, note) = (String::new(), String::new());
        Self { program, inputs: Vec::new(), current, prefix, note, parameters: BTreeMap::new(), shared: false }
    }

    /// Starts a layer; `visit` visits its parameters.
    pub(crate) fn begin<A: Scalar>(
        &mut self,
        (prefix, note, shared): (&str, String, bool),
        inputs: Vec<(Numbers, Shape)>,
        visit: impl FnOnce(&mut dyn FnMut(&str, &Array2<A>)),
    ) {
        self.parameters.clear();
        visit(&mut |name, matrix| {
            self.parameters.insert(name.to_owned(), matrix.iter().map(|x| x.to_f64()).collect());
        });
        self.current = inputs.first().map_or(self.current, |(numbers, _)| *numbers);
        prefix.clone_into(&mut self.prefix);
        (self.note, self.shared, self.inputs) = (note, shared, inputs);
    }

    /// The current numbers: the layer's input until it adds a call.
    pub fn current(&self) -> Numbers {
        self.current
    }

    /// Sets the current numbers.
    pub fn set_current(&mut self, numbers: Numbers) {
        self.current = numbers;
    }

    /// The sample shape of the layer's input.
    pub fn input(&self) -> Shape {
        self.inputs.first().map_or(Shape::Flat(0), |(_, shape)| *shape)
    }

    /// The numbers and sample shapes of a join's inputs.
    pub fn inputs(&self) -> &[(Numbers, Shape)] {
        &self.inputs
    }

    /// This number as a Rust literal.
    pub fn number(&self, x: f64) -> String {
        self.program.literal(x)
    }

    /// Whether the layer has a parameter with this name.
    pub fn has(&self, name: &str) -> bool {
        self.parameters.contains_key(name)
    }

    /// The values of a parameter of this layer.
    ///
    /// # Errors
    /// [`Error::Format`] if there is no parameter with this name.
    pub fn parameter(&self, name: &str) -> Result<Vec<f64>> {
        self.parameters.get(name).cloned().ok_or_else(|| Error::Format {
            what: format!("the layer {}", self.prefix),
            problem: format!("it has no parameter `{name}`"),
        })
    }

    /// Adds a constant array of this layer, and returns its expression.
    pub fn constant(&mut self, name: &str, numbers: Vec<f64>) -> String {
        let id = self.add_constant(name, numbers, None);
        format!("&C{id}")
    }

    /// Adds a parameter of this layer as a constant, or an empty array if there is no parameter of this name.
    pub fn optional(&mut self, name: &str) -> String {
        match self.parameters.get(name).cloned() {
            Some(numbers) => self.constant(name, numbers),
            None => "&[]".to_owned(),
        }
    }

    /// Adds a weight of this layer, which may be quantized to eight bits. Returns the expressions of the weight and of
    /// its scales, one per output channel; the scales are an empty array if it is not quantized.
    ///
    /// # Errors
    /// As [`parameter`](Self::parameter).
    pub fn weight(&mut self, name: &str, channels: Channels) -> Result<[String; 2]> {
        let numbers = self.parameter(name)?;
        let id = self.add_constant(name, numbers, Some(channels));
        Ok(self.program.weight(id))
    }

    /// Adds a function without calling it, as an argument of another call, and returns its path.
    pub fn function(&mut self, function: &Function) -> String {
        format!("kernels::{}", self.program.function(function))
    }

    /// Adds a call to a function that takes `inputs`, an output of `outputs` numbers, and `arguments`; returns its
    /// output.
    pub fn call(
        &mut self,
        function: &Function,
        inputs: &[Numbers],
        outputs: usize,
        arguments: &[&dyn Display],
    ) -> Numbers {
        self.call_with(function, inputs, outputs, &[], arguments)
    }

    /// Like [`call`](Self::call), for a function that takes scratch buffers of these lengths (`&mut [Number]`, with
    /// arbitrary contents) between output and arguments.
    pub fn call_with(
        &mut self,
        function: &Function,
        inputs: &[Numbers],
        outputs: usize,
        memory: &[usize],
        arguments: &[&dyn Display],
    ) -> Numbers {
        let name = self.program.function(function);
        self.step(name, inputs, Some(outputs), memory, arguments)
    }

    /// Like [`call`](Self::call), for a function that takes all inputs as one slice (`&[&[Number]]`).
    pub fn call_list(
        &mut self,
        function: &Function,
        inputs: &[Numbers],
        outputs: usize,
        arguments: &[&dyn Display],
    ) -> Numbers {
        let output = self.call(function, inputs, outputs, arguments);
        if let Some(step) = self.program.steps.last_mut() {
            step.as_list = true;
        }
        output
    }

    /// Like [`call`](Self::call) with the current numbers as input; the output becomes the current numbers.
    pub fn then(&mut self, function: &Function, outputs: usize, arguments: &[&dyn Display]) {
        self.current = self.call(function, &[self.current], outputs, arguments);
    }

    /// Adds a call to a function that changes the current numbers in place; it takes them, `others` and `arguments`.
    pub fn change(&mut self, function: &Function, others: &[Numbers], arguments: &[&dyn Display]) {
        let name = self.program.function(function);
        let takes: Vec<Numbers> = std::iter::once(self.current).chain(others.iter().copied()).collect();
        self.current = self.step(name, &takes, None, &[], arguments);
    }

    /// Applies a Rust expression of `x` to each of the current numbers, in place.
    pub fn each(&mut self, expression: &str) {
        if expression != "x" {
            let name = self.program.each(expression);
            self.current = self.step(name, &[self.current], None, &[], &[]);
        }
    }

    /// Like [`then`](Self::then), for a function that takes weight, scale and bias before the other arguments, y =
    /// (x·weight)·scale + bias for each output channel, where an empty scale or bias is left out. A
    /// [`scale_and_shift`](Self::scale_and_shift) of the next layer is folded into its constants.
    ///
    /// # Errors
    /// As [`parameter`](Self::parameter); the bias is optional.
    pub fn linear(
        &mut self,
        function: &Function,
        outputs: usize,
        (weight, bias): (&str, &str),
        channels: Channels,
        arguments: &[&dyn Display],
    ) -> Result<()> {
        let numbers = self.parameter(weight)?;
        let weight = self.add_constant(weight, numbers, Some(channels));
        let bias = self.parameters.get(bias).cloned().map(|numbers| self.add_constant(bias, numbers, None));
        self.then(function, outputs, arguments);
        if let Some(step) = self.program.steps.last_mut() {
            step.linear = Some(Linear { weight, bias, own: !self.shared });
        }
        Ok(())
    }

    /// Adds y = x·scale + shift for each channel, folded into the previous layer if possible.
    pub fn scale_and_shift(&mut self, scale: Vec<f64>, shift: Vec<f64>) {
        if self.program.fold(self.current, &scale, &shift) {
            return;
        }
        let (channels, stride) = crate::kernels::channels_of(self.input());
        let [scale, shift] = [("scale", scale), ("shift", shift)]
            .map(|(name, numbers)| if numbers.is_empty() { "&[]".to_owned() } else { self.constant(name, numbers) });
        self.change(&functions::SCALE_AND_SHIFT, &[], &[&scale, &shift, &channels, &stride]);
    }

    /// The id of a constant named after a parameter; a layer that is used in several steps shares it.
    fn add_constant(&mut self, name: &str, numbers: Vec<f64>, channels: Option<Channels>) -> usize {
        let name = format!("{}{name}", self.prefix);
        self.program.constant(Constant { name, numbers, channels })
    }

    fn step(
        &mut self,
        function: String,
        takes: &[Numbers],
        outputs: Option<usize>,
        memory: &[usize],
        arguments: &[&dyn Display],
    ) -> Numbers {
        let gives = self.program.memory(outputs.unwrap_or(takes[0].len()));
        let memory = memory.iter().map(|&len| self.program.memory(len)).collect();
        let step = Step {
            note: std::mem::take(&mut self.note),
            function,
            takes: takes.to_vec(),
            as_list: false,
            in_place: outputs.is_none(),
            gives,
            memory,
            arguments: arguments.iter().map(|argument| format!(", {argument}")).collect(),
            linear: None,
        };
        self.program.steps.push(step);
        self.program.whole(gives)
    }
}
