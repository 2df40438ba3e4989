//! [`Program`]: the calls, constants and functions of the source, before they are written.

use super::Function;
use crate::Scalar;

/// Numbers of one sample: an input, or the output of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Numbers {
    /// The index of the array that holds them.
    pub(crate) memory: usize,
    pub(crate) from: usize,
    len: usize,
}

impl Numbers {
    /// How many there are.
    #[allow(clippy::len_without_is_empty)] // There is no use for it.
    pub fn len(self) -> usize {
        self.len
    }

    /// `len` of them, starting at `from`, without a copy.
    pub fn part(self, from: usize, len: usize) -> Self {
        Self { memory: self.memory, from: self.from + from, len }
    }
}

/// How the elements of a weight belong to output channels: element i belongs to channel (i / `inner`) mod `count` + i /
/// `outer` · `count`, where `count` is the number of channels in each group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Channels {
    /// The number of contiguous elements of one channel.
    pub inner: usize,
    /// The number of channels of a group.
    pub count: usize,
    /// The number of elements of a group.
    pub outer: usize,
}

impl Channels {
    /// The columns of a matrix.
    pub fn columns(count: usize) -> Self {
        Self { inner: 1, count, outer: usize::MAX }
    }

    /// The rows of a matrix with rows of `width` elements.
    pub fn rows(width: usize) -> Self {
        Self { inner: width, count: usize::MAX, outer: usize::MAX }
    }

    /// The channel of an element.
    pub(crate) fn of(self, element: usize) -> usize {
        element / self.inner % self.count + element / self.outer * self.count
    }
}

/// A constant array.
#[derive(Debug)]
pub(crate) struct Constant {
    /// The name of the parameter.
    pub(crate) name: String,
    pub(crate) numbers: Vec<f64>,
    /// The output channels of its elements, if it is a weight.
    pub(crate) channels: Option<Channels>,
}

/// The constants of a call that is linear in them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Linear {
    pub(crate) weight: usize,
    pub(crate) bias: Option<usize>,
    /// Whether no other call uses them.
    pub(crate) own: bool,
}

/// One call.
#[derive(Debug)]
pub(crate) struct Step {
    /// The layer, at its first call.
    pub(crate) note: String,
    /// The name of the function.
    pub(crate) function: String,
    pub(crate) takes: Vec<Numbers>,
    /// Whether the function takes them as one list.
    pub(crate) as_list: bool,
    /// Whether it overwrites its first input.
    pub(crate) in_place: bool,
    pub(crate) gives: usize,
    pub(crate) memory: Vec<usize>,
    /// The rest of the arguments, each after a comma.
    pub(crate) arguments: String,
    pub(crate) linear: Option<Linear>,
}

/// The contents of the source.
#[derive(Debug)]
pub(crate) struct Program {
    number: &'static str,
    int8: bool,
    /// The lengths of all arrays; the first is the network's input.
    pub(crate) lens: Vec<usize>,
    pub(crate) steps: Vec<Step>,
    pub(crate) constants: Vec<Constant>,
    pub(crate) functions: Vec<Function>,
    /// The expressions of elementwise functions.
    pub(crate) each: Vec<String>,
    /// The arrays that several steps read.
    pinned: Vec<usize>,
    /// A name that two different functions share, which is an error.
    pub(crate) clash: Option<&'static str>,
}

impl Program {
    pub(super) fn new(number: &'static str, int8: bool, inputs: usize) -> Self {
        let (steps, constants, functions, each, pinned) = (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Self { number, int8, lens: vec![inputs], steps, constants, functions, each, pinned, clash: None }
    }

    /// Adds an array.
    pub(super) fn memory(&mut self, len: usize) -> usize {
        self.lens.push(len);
        self.lens.len() - 1
    }

    /// All numbers of an array.
    pub(crate) fn whole(&self, memory: usize) -> Numbers {
        Numbers { memory, from: 0, len: self.lens[memory] }
    }

    pub(crate) fn is_whole(&self, numbers: Numbers) -> bool {
        numbers == self.whole(numbers.memory)
    }

    /// Marks numbers that several steps read, so that nothing is folded into the step that computes them.
    pub(crate) fn pin(&mut self, numbers: Numbers) {
        self.pinned.push(numbers.memory);
    }

    /// The expressions of a weight and of its scales.
    pub(crate) fn weight(&self, id: usize) -> [String; 2] {
        [format!("&C{id}"), if self.int8 { format!("&S{id}") } else { "&[]".to_owned() }]
    }

    /// Adds a function and those that it calls, and returns its name.
    pub(super) fn function(&mut self, function: &Function) -> String {
        match self.functions.iter().find(|other| other.name == function.name) {
            None => {
                self.functions.push(*function);
                function.needs.iter().for_each(|&needed| {
                    self.function(needed);
                });
            }
            Some(other) if other.text != function.text => self.clash = Some(function.name),
            Some(_) => {}
        }
        function.name.to_owned()
    }

    /// Adds an elementwise function, and returns its name.
    pub(super) fn each(&mut self, expression: &str) -> String {
        let known = self.each.iter().position(|other| other == expression);
        let index = known.unwrap_or_else(|| {
            self.each.push(expression.to_owned());
            self.each.len() - 1
        });
        format!("each_{index}")
    }

    /// Adds a constant unless it is there already, and returns its id.
    pub(super) fn constant(&mut self, constant: Constant) -> usize {
        let same = |other: &Constant| other.name == constant.name && other.numbers == constant.numbers;
        self.constants.iter().position(same).unwrap_or_else(|| {
            self.constants.push(constant);
            self.constants.len() - 1
        })
    }

    /// Folds a multiplication by `scale` and an addition of `shift` into the constants of the last step; returns
    /// whether that was possible.
    pub(super) fn fold(&mut self, numbers: Numbers, scale: &[f64], shift: &[f64]) -> bool {
        let is_whole = self.is_whole(numbers);
        let Some(step) = self.steps.last_mut() else { return false };
        let Some(linear) = step.linear.as_mut().filter(|linear| linear.own) else { return false };
        let weight = &mut self.constants[linear.weight];
        let Some(channels) = weight.channels else { return false };
        let count = 1 + weight.numbers.iter().enumerate().map(|(i, _)| channels.of(i)).max().unwrap_or(0);
        let fits = [scale, shift].iter().all(|numbers| [0, count].contains(&numbers.len()));
        if !fits || !is_whole || step.gives != numbers.memory || self.pinned.contains(&step.gives) {
            return false;
        }
        let scale = |channel: usize| scale.get(channel).copied().unwrap_or(1.0);
        weight.numbers.iter_mut().enumerate().for_each(|(i, w)| *w *= scale(channels.of(i)));
        let name = format!("{}, shifted", weight.name);
        let bias = *linear.bias.get_or_insert_with(|| {
            self.constants.push(Constant { name, numbers: vec![0.0; count], channels: None });
            self.constants.len() - 1
        });
        for (channel, b) in self.constants[bias].numbers.iter_mut().enumerate() {
            *b = *b * scale(channel) + shift.get(channel).copied().unwrap_or(0.0);
        }
        true
    }

    /// A Rust literal: the shortest decimal that parses to this number.
    pub(crate) fn literal(&self, x: f64) -> String {
        if self.number == f32::NAME { decimal(x as f32) } else { decimal(x) }
    }
}

fn decimal<A: Scalar>(x: A) -> String {
    if x.is_finite() {
        format!("{x:?}")
    } else if x.is_nan() {
        "Number::NAN".to_owned()
    } else if x > A::ZERO {
        "Number::INFINITY".to_owned()
    } else {
        "Number::NEG_INFINITY".to_owned()
    }
}
