//! The text of a Rust source file: `predict`, constants, functions, a test.

use std::fmt::Write as _;

use super::int8::{Case, quantized};
use super::storage::{Place, Storage};
use crate::Scalar;
use crate::spec::rust::{Constant, Numbers, Program, Step};

const BASE: &str = include_str!("../../spec/rust/kernels/base.rs");
const SQRT: &str = include_str!("../../spec/rust/kernels/sqrt.rs");
const POLYNOMIAL: &str = include_str!("../../kernels/math/polynomial.rs");
const UNFUSED: &str = include_str!("../../kernels/math/unfused.rs");
const F32: &str = include_str!("../../kernels/math/f32.rs");
const F64: &str = include_str!("../../kernels/math/f64.rs");
const ALLOW: &str = "#[allow(unused, clippy::all, clippy::pedantic)]";

/// The whole source; `note` is text about its accuracy for the head of the file.
pub(super) fn write<A: Scalar>(
    program: &Program,
    outputs: &[Numbers],
    note: &str,
    int8: bool,
    cases: &[Case<A>],
) -> String {
    let storage = Storage::new(program, outputs);
    let sizes = [program.lens[0], outputs.iter().map(|numbers| numbers.len()).sum(), storage.buffers.iter().sum()];
    let (constants, flash) = constants::<A>(program, int8);
    let mut text = head::<A>(sizes, flash, note);
    let [inputs, total, scratch] = sizes;
    let _ = write!(
        text,
        "/// The numbers that the network computes with.\npub type Number = {};\n\n\
         /// Writes what the network predicts for `input` into `output`; `scratch` has arbitrary contents.\n{ALLOW}\n\
         pub fn predict(input: &[Number; {inputs}], output: &mut [Number; {total}], scratch: &mut [Number; {scratch}]) \
         {{\n{}}}\n\n{constants}",
        A::NAME,
        Body { program, storage: &storage, outputs }.write(),
    );
    write_functions::<A>(program, &mut text);
    write_test(program, cases, sizes, &mut text);
    text
}

fn head<A: Scalar>([inputs, outputs, scratch]: [usize; 3], flash: usize, note: &str) -> String {
    let bytes = |numbers: usize| numbers * size_of::<A>();
    format!(
        "//! A neural network, written by neuropil {}: see `predict`. It needs neither `std` nor `alloc`.\n//!\n\
         //! | memory | bytes |\n//! |---|---:|\n//! | constants, in flash | {flash} |\n//! | input | {} |\n\
         //! | output | {} |\n//! | scratch | {} |\n{note}\n",
        env!("CARGO_PKG_VERSION"),
        bytes(inputs),
        bytes(outputs),
        bytes(scratch),
    )
}

/// The source of the constants, and their size in bytes.
fn constants<A: Scalar>(program: &Program, int8: bool) -> (String, usize) {
    let (mut text, mut bytes) = (String::new(), 0);
    let mut floats = |name: &str, letter, id, numbers: &[f64], text: &mut String| {
        let list = list(numbers.iter().map(|&x| program.literal(x)));
        let _ = write!(text, "/// {name}\nstatic {letter}{id}: [Number; {}] = {list};\n\n", numbers.len());
        bytes += numbers.len() * size_of::<A>();
    };
    let mut small = 0;
    for (id, Constant { name, numbers, channels }) in program.constants.iter().enumerate() {
        let Some(channels) = channels.filter(|_| int8) else {
            floats(name, 'C', id, numbers, &mut text);
            continue;
        };
        let (weights, scales) = quantized(numbers, channels);
        let list = list(weights.iter().map(ToString::to_string));
        let _ = write!(text, "/// {name}\nstatic C{id}: [i8; {}] = {list};\n\n", weights.len());
        small += weights.len();
        floats(&format!("{name}: the scale of each channel"), 'S', id, &scales, &mut text);
    }
    (text, bytes + small)
}

/// The body of `predict`.
struct Body<'p> {
    program: &'p Program,
    storage: &'p Storage,
    outputs: &'p [Numbers],
}

impl Body<'_> {
    fn write(&self) -> String {
        let mut text = String::new();
        let mut split = |name: &str, letter, lens: &[usize]| {
            for (i, len) in lens.iter().enumerate() {
                let whole = if i == 0 { name } else { "rest" };
                let _ = writeln!(text, "    let ({letter}{i}, rest) = {whole}.split_at_mut({len});");
            }
        };
        split("scratch", 'b', &self.storage.buffers);
        if self.outputs.len() > 1 {
            split("output", 'o', &self.outputs.iter().map(|numbers| numbers.len()).collect::<Vec<_>>());
        }
        self.program.steps.iter().for_each(|step| self.step(step, &mut text));
        for (i, output) in self.outputs.iter().enumerate().filter(|&(i, _)| self.storage.copied[i]) {
            let to = if self.outputs.len() > 1 { format!("o{i}") } else { "output".to_owned() };
            let _ = writeln!(text, "    {to}.copy_from_slice({});", self.read(*output));
        }
        text
    }

    fn step(&self, step: &Step, text: &mut String) {
        if !step.note.is_empty() {
            let _ = writeln!(text, "    // {}", step.note);
        }
        let y = self.written(step.gives);
        let moved = self.storage.places[step.takes[0].memory] != self.storage.places[step.gives];
        if step.in_place && moved {
            let _ =
                writeln!(text, "    {}.copy_from_slice({});", y.trim_start_matches("&mut "), self.read(step.takes[0]));
        }
        let others = &step.takes[usize::from(step.in_place)..];
        let others: Vec<String> = others.iter().map(|numbers| self.read(*numbers)).collect();
        let mut arguments = if step.as_list { vec![format!("&[{}]", others.join(", "))] } else { others };
        arguments.insert(if step.in_place { 0 } else { arguments.len() }, y);
        arguments.extend(step.memory.iter().map(|&memory| self.written(memory)));
        if let Some(linear) = step.linear {
            arguments.extend(self.program.weight(linear.weight));
            arguments.push(linear.bias.map_or("&[]".to_owned(), |bias| format!("&C{bias}")));
        }
        let _ = writeln!(text, "    kernels::{}({}{});", step.function, arguments.join(", "), step.arguments);
    }

    fn read(&self, numbers: Numbers) -> String {
        let (from, to) = (numbers.from, numbers.from + numbers.len());
        let range = if from == 0 { format!("..{to}") } else { format!("{from}..{to}") };
        match self.storage.places[numbers.memory] {
            Place::Input => format!("&input[{range}]"),
            Place::Output(i) => format!("&{}[{range}]", self.output(i)),
            Place::Buffer(i) => format!("&b{i}[{range}]"),
        }
    }

    fn written(&self, memory: usize) -> String {
        match self.storage.places[memory] {
            Place::Buffer(i) => format!("&mut b{i}[..{}]", self.program.lens[memory]),
            Place::Output(i) => format!("&mut {}[..]", self.output(i)),
            Place::Input => unreachable!("no step writes the input"),
        }
    }

    fn output(&self, i: usize) -> String {
        if self.outputs.len() > 1 { format!("o{i}") } else { "output".to_owned() }
    }
}

fn write_functions<A: Scalar>(program: &Program, text: &mut String) {
    let indented = |file: &str| {
        // The first lines are about files in this crate.
        let lines = file.lines().filter(|line| !line.starts_with("//!"));
        lines.fold(String::new(), |all, line| if line.is_empty() { all + "\n" } else { all + "    " + line + "\n" })
    };
    let mut kernels = indented(BASE);
    for (i, expression) in program.each.iter().enumerate() {
        let each = format!(
            "\npub fn each_{i}(y: &mut [Number]) {{\n    for y in y {{\n        let x = *y;\n        *y = {expression};\n    }}\n}}\n"
        );
        kernels.push_str(&indented(&each));
    }
    for function in &program.functions {
        kernels.push('\n');
        kernels.push_str(&indented(function.text));
    }
    let _ = write!(text, "{ALLOW}\nmod kernels {{\n    use super::{{Number, math}};\n\n{kernels}}}\n\n");
    let math = if A::NAME == "f32" { F32 } else { F64 };
    let math =
        [UNFUSED, POLYNOMIAL, math].concat().replace("use super::TimesPlus;\n\n", "").replace("pub(super)", "pub");
    let _ = write!(
        text,
        "/// The functions of neuropil.\n{ALLOW}\nmod math {{\n    use super::Number;\n{}}}\n",
        indented(&[&math, "\n", SQRT].concat())
    );
}

/// Writes a test that the source predicts what the network did.
fn write_test<A: Scalar>(
    program: &Program,
    cases: &[Case<A>],
    [inputs, outputs, scratch]: [usize; 3],
    text: &mut String,
) {
    let array = |numbers: &[A]| list(numbers.iter().map(|x| program.literal(x.to_f64())));
    let samples: String = cases.iter().map(|(x, y)| format!("            ({}, {}),\n", array(x), array(y))).collect();
    let (count, tolerance) = (cases.len(), tolerance::<A>());
    let _ = write!(
        text,
        "\n#[cfg(test)]\n{ALLOW}\nmod tests {{\n    use super::Number;\n\n    \
         /// Within {tolerance:e} of the largest output, or of 1.\n    #[test]\n    \
         fn predicts_as_the_network_did() {{\n        \
         let cases: [([Number; {inputs}], [Number; {outputs}]); {count}] = [\n{samples}        ];\n        \
         for (x, want) in &cases {{\n            \
         let mut y = [Number::NAN; {outputs}];\n            \
         super::predict(x, &mut y, &mut [Number::NAN; {scratch}]);\n            \
         let finite = want.iter().filter(|y| y.is_finite());\n            \
         let largest = finite.fold(1.0, |largest: Number, y| largest.max(y.abs()));\n            \
         for (y, want) in y.iter().zip(want) {{\n                \
         let close = (y - want).abs() <= {tolerance:e} * largest;\n                \
         assert!(close || y == want || y.is_nan() && want.is_nan(), \"{{y}} is not {{want}}\");\n            \
         }}\n        }}\n    }}\n}}\n",
    );
}

/// The largest error of the generated source, relative to the largest output of a sample, or to 1 if that is larger.
fn tolerance<A: Scalar>() -> f64 {
    if A::NAME == "f32" { 1e-5 } else { 1e-12 }
}

/// A Rust array of these literals, a few in each line.
fn list(literals: impl Iterator<Item = String>) -> String {
    let mut text = "[".to_owned();
    for (i, literal) in literals.enumerate() {
        text.push_str(match i {
            0 => "",
            i if i % 16 == 0 => ",\n    ",
            _ => ", ",
        });
        text.push_str(&literal);
    }
    text + "]"
}
