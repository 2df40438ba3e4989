//! Networks as Rust source: compiled with `rustc` alone and without `std`, they predict the same up to rounding.

use std::fmt::Write as _;
use std::fs;
use std::process::Command;

use neuropil::joins::{Add, Divide, MatMul, Maximum, Minimum, Multiply, Select};
use neuropil::layer::{Backward, Pass};
use neuropil::layers::Impute;
use neuropil::ndarray::{Array1, Array2, ArrayView1, array, s};
use neuropil::prelude::*;

use super::{builder, zoo};
use crate::random_graphs;

/// A source, and samples with what the network predicts for them, which its own test does not have.
struct Source {
    name: String,
    text: String,
    number: &'static str,
    samples: Vec<[Vec<f64>; 2]>,
}

impl Source {
    fn of<A: Scalar>(name: &str, network: &Network<A>, x: &Array2<A>) -> Self {
        let text = network.to_rust().unwrap_or_else(|error| panic!("{name}: {error}"));
        for word in ["std::", "alloc::", "mul_add", "x.sqrt()"] {
            assert!(!text.contains(word), "{name} has {word}");
        }
        let y = network.predict(x).unwrap();
        let wide = |row: ArrayView1<'_, A>| row.iter().map(|x| x.to_f64()).collect::<Vec<_>>();
        let samples = x.rows().into_iter().zip(y.rows()).map(|(x, y)| [wide(x), wide(y)]).collect();
        Self { name: name.to_owned(), text, number: A::NAME, samples }
    }

    fn random<A: Scalar>(name: &str, network: &Network<A>) -> Self {
        Self::of(name, network, &zoo::random(3, network.input_shape().len(), 9))
    }

    /// The longest array sizes in the head of `predict`: input, output, scratch.
    fn sizes(&self) -> Vec<usize> {
        let line = self.text.lines().find(|line| line.starts_with("pub fn predict(")).unwrap();
        line.split("[Number; ").skip(1).map(|part| part.split_once(']').unwrap().0.parse().unwrap()).collect()
    }
}

/// A Rust array.
fn literals(numbers: &[f64], number: &str) -> String {
    let literal = |x: &f64| match x {
        x if x.is_nan() => format!("{number}::NAN"),
        x if x.is_infinite() => format!("{}{number}::INFINITY", if *x < 0.0 { "-" } else { "" }),
        x => format!("{x:?}"),
    };
    format!("[{}]", numbers.iter().map(literal).collect::<Vec<_>>().join(", "))
}

/// Compiles all sources as one crate without `std`, and runs their tests and one more for each, on its own samples.
fn run(folder: &str, sources: &[Source]) {
    let folder = builder::folder(folder);
    let mut main = "#![no_std]\n".to_owned();
    for (i, source) in sources.iter().enumerate() {
        fs::write(folder.join(format!("network_{i}.rs")), &source.text).unwrap();
        let [_, outputs, scratch] = source.sizes()[..] else { panic!("{}", source.name) };
        let tolerance = if source.number == "f32" { 1e-5 } else { 1e-12 };
        writeln!(main, "mod network_{i};\n#[test]\nfn samples_of_{i}() {{ // {}", source.name).unwrap();
        for [x, y] in &source.samples {
            // A literal of more digits is rounded to the number that it came from.
            writeln!(
                main,
                "let (x, want): (_, [network_{i}::Number; {outputs}]) = ({}, {});\n\
                 let mut y = [7.0; {outputs}];\nnetwork_{i}::predict(&x, &mut y, &mut [7.0; {scratch}]);\n\
                 for (y, want) in y.iter().zip(want) {{\n\
                 let same = y == &want || y.is_nan() && want.is_nan();\n\
                 assert!(same || (y - want).abs() <= {tolerance:e} * want.abs().max(1.0), \"{{y}} is not {{want}}\");\n}}",
                literals(x, source.number),
                literals(y, source.number),
            )
            .unwrap();
        }
        main.push_str("}\n");
    }
    fs::write(folder.join("main.rs"), main).unwrap();
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".into());
    let binary = folder.join("tests");
    let mut command = Command::new(rustc);
    command.args(["--test", "--edition", "2024", "-D", "warnings", "-o"]).arg(&binary).arg(folder.join("main.rs"));
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let output = Command::new(binary).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains(&format!("{} passed", 2 * sources.len())), "{text}");
}

/// All layers of the zoo.
fn every_layer<A: Scalar>() {
    let sources: Vec<Source> =
        zoo::layers::<A>().iter().map(|entry| Source::of(entry.name, &entry.network, &entry.batch(3, 4))).collect();
    assert!(sources.len() >= 120, "{}", sources.len());
    run(&format!("rust_source_{}", A::NAME), &sources);
}

#[test]
fn every_layer_predicts_the_same_in_f32() {
    every_layer::<f32>();
}

#[test]
fn every_layer_predicts_the_same_in_f64() {
    every_layer::<f64>();
}

/// All activations on a wide range of numbers, and those that are none.
fn every_activation<A: Scalar>() {
    const WIDTH: usize = 41;
    let mut x = Array2::from_shape_fn((8, WIDTH), |(i, j)| A::of((i * WIDTH + j) as f64 / 8.0 - 20.5));
    let special = [A::NAN, A::INFINITY, -A::INFINITY, -A::ZERO, A::of(1e30), A::of(-1e30), A::of(1e-30), A::of(-200.0)];
    x.row_mut(0).iter_mut().zip(special).for_each(|(x, special)| *x = special);
    let mut sources = Vec::new();
    for entry in zoo::layers::<A>().into_iter().skip_while(|entry| entry.name != "Celu") {
        let layer = entry.network.layers().next().unwrap().clone_layer();
        sources.push(Source::of(entry.name, &Sequential::<A>::new(WIDTH).with(layer).unwrap(), &x));
    }
    assert!(sources.len() >= 25, "{}", sources.len());
    run(&format!("rust_source_activations_{}", A::NAME), &sources);
}

#[test]
fn every_activation_reaches_its_tolerance() {
    every_activation::<f32>();
    every_activation::<f64>();
}

/// Batch norms whose statistics and parameters are not those that they start with.
fn trained<A: Scalar>(channels: usize) -> BatchNorm<A> {
    let mut layer = BatchNorm::new(channels);
    let mut seed = 0;
    Layer::<A>::visit_mut(&mut layer, &mut |_, w| {
        seed += 1;
        w.assign(&zoo::random::<A>(1, channels, seed));
        w.mapv_inplace(|w| if seed > 2 { w.abs() + A::of(0.1) } else { w });
    });
    layer
}

fn rescale(features: usize) -> Rescale<f32> {
    let numbers = |from: f32| (0..features).map(|i| from + i as f32).collect::<Array1<f32>>();
    Rescale::new(numbers(-1.0), numbers(0.5)).unwrap()
}

#[test]
fn batch_norm_and_rescaling_go_into_the_layer_before() -> Result<()> {
    let r = &mut rng(3);
    let chain = |input: Shape| Sequential::<f32>::new(input);
    let folded = [
        chain(5.into()).with(Dense::new(5, 4, r))?.with(trained(4))?,
        chain(5.into()).with(Dense::new(5, 4, r).without_bias())?.with(trained(4))?.with(Relu)?,
        chain(5.into()).with(Dense::new(5, 4, r))?.with(Dropout::new(0.5))?.with(rescale(4))?.with(trained(4))?,
        chain([3, 5].into()).with(Dense::new(5, 4, r))?.with(trained(4))?,
        chain([7, 4].into()).with(Conv1d::grouped(4, 6, 3, 2, r))?.with(trained(6))?,
        chain([2, 5, 5].into()).with(Conv2d::new(2, 3, [3, 3], r).without_bias())?.with(trained(3))?,
        chain([4, 5, 5].into()).with(Conv2d::grouped(4, 6, [3, 2], 2, r))?.with(trained(6))?,
        chain([4, 3, 3].into()).with(ConvTranspose2d::grouped(4, 6, [2, 3], 2, r))?.with(trained(6))?,
        chain([4, 3, 3].into()).with(ConvTranspose2d::new(4, 3, [2, 2], r).without_bias())?.with(trained(3))?,
        // Flatten makes features of pixels, one channel of each.
        chain([1, 2, 2].into()).with(Flatten)?.with(Dense::new(4, 3, r))?.with(trained(3))?,
    ];
    let kept = [
        // There is none before; it is no layer of weights; the channels are others.
        chain(4.into()).with(trained(4))?.with(Dense::new(4, 2, r))?,
        chain(4.into()).with(Dense::new(4, 4, r))?.with(Tanh)?.with(trained(4))?,
        chain([2, 3, 3].into()).with(Conv2d::new(2, 2, [2, 2], r))?.with(Flatten)?.with(trained(8))?,
        // The layer's output is needed without.
        chain(4.into()).with(Dense::new(4, 4, r))?.with(Residual::new(trained(4)))?,
    ];
    let mut sources = Vec::new();
    for (i, network) in folded.iter().enumerate() {
        sources.push(Source::random(&format!("folded {i}"), network));
        assert!(!sources[i].text.contains("scale_and_shift"), "{}", sources[i].text);
    }
    for (i, network) in kept.iter().enumerate() {
        sources.push(Source::random(&format!("kept {i}"), network));
        assert!(sources.last().unwrap().text.contains("kernels::scale_and_shift("), "{i}");
    }
    // A layer at two places has one set of constants.
    let mut g = Network::<f32>::new();
    let x = g.input("x", 4);
    let dense = g.share(Dense::new(4, 4, r));
    let norm = trained(4);
    let u = g.apply(dense, x)?;
    let v = g.add(u, norm)?;
    let w = g.apply(dense, v)?;
    g.output("w", w)?;
    sources.push(Source::random("shared", &g));
    let text = &sources.last().unwrap().text;
    assert_eq!([text.matches("[Number; 16]").count(), text.matches("kernels::dense(").count()], [1, 2]);
    run("rust_source_folded", &sources);
    Ok(())
}

#[test]
fn graphs_of_any_form_predict_the_same() -> Result<()> {
    let mut sources: Vec<Source> =
        random_graphs::cases().iter().map(|case| Source::of(&case.name, &case.network, &case.x)).collect();
    assert!(sources.len() >= 20, "{}", sources.len());
    let r = &mut rng(2);
    let mut g = Network::<f64>::new();
    let (a, b) = (g.input("a", 3), g.input("b", [2, 3]));
    let u = g.add(a, Dense::new(3, 3, r))?;
    let v = g.add(b, GlobalAvgPool)?;
    let sum = g.join(Add, [u, v, u])?;
    let square = g.join(Multiply, [sum, sum])?;
    // An input, the same value twice, and one that other steps use, too.
    for (name, value) in [("a", a), ("sum", sum), ("again", sum), ("square", square), ("u", u)] {
        g.output(name, value)?;
    }
    sources.push(Source::random("outputs of all kinds", &g));
    // A graph of several inputs and outputs as a layer of another.
    let nested = Sequential::<f64>::new(9).with(g)?.with(Tanh)?;
    sources.push(Source::random("nested", &nested));
    let mut g = Network::<f64>::new();
    let [a, b, c] = ["a", "b", "c"].map(|name| g.input(name, [2, 3, 3]));
    let product = g.join(MatMul, [a, b])?;
    let quotient = g.join(Divide, [product, c])?;
    let above = g.join(Maximum, [quotient, a])?;
    let below = g.join(Minimum, [above, b])?;
    let step = g.add(c, Relu)?;
    let chosen = g.join(Select, [step, below, quotient])?;
    g.output("chosen", chosen)?;
    sources.push(Source::random("joins of pairs", &g));
    let filled = Sequential::<f64>::new([2, 3]).with(Impute::new(array![1.0, 2.0, 3.0]))?;
    sources.push(Source::of("missing", &filled, &array![[f64::NAN, 4.0, 5.0, 6.0, 7.0, f64::NAN]]));
    let kept = Sequential::<f64>::new(3).with(Flatten)?;
    sources.push(Source::random("input as output", &kept));
    run("rust_source_graphs", &sources);
    Ok(())
}

#[test]
fn padding_is_seen() -> Result<()> {
    let r = &mut rng(4);
    let chain = || Sequential::<f64>::new([5, 4]);
    let networks = [
        ("lstm", chain().with(Lstm::new(4, 3, r).stacked(2, r).bidirectional(r).masked())?),
        ("gru", chain().with(Gru::new(4, 3, r).bidirectional(r).masked().last_state())?),
        ("attention", chain().with(MultiHeadAttention::new(4, 2, r).masked())?),
        ("causal attention", chain().with(MultiHeadAttention::new(4, 1, r).masked().causal())?),
        ("positions", chain().with(SinusoidalPositions::new().masked())?),
        ("learned positions", chain().with(LearnedPositions::new(6, 4, r).masked())?),
    ];
    let mut x = zoo::random::<f64>(4, 20, 3);
    x.slice_mut(s![1, 12..]).fill(0.0);
    x.slice_mut(s![2, 4..]).fill(0.0);
    x.slice_mut(s![3, ..]).fill(0.0);
    let mut sources: Vec<Source> = networks.iter().map(|(name, network)| Source::of(name, network, &x)).collect();
    let mut g = Network::<f64>::new();
    let (query, memory) = (g.input("query", [2, 4]), g.input("memory", [3, 4]));
    let seen = g.join(MultiHeadAttention::new(4, 2, r).masked(), [query, memory])?;
    g.output("seen", seen)?;
    sources.push(Source::of("cross attention", &g, &x));
    let mask = Array2::from_shape_fn((5, 6), |(i, j)| i != 3 && (i + j) % 3 != 1);
    let masked = chain().with(MultiHeadAttention::new(4, 2, r).masked().attention_mask(mask))?;
    sources.push(Source::of("masked attention", &masked, &x));
    run("rust_source_padding", &sources);
    Ok(())
}

#[test]
fn a_wide_network_needs_little_memory() -> Result<()> {
    let r = &mut rng(1);
    let network = Sequential::<f32>::mlp(&[784, 128, 64, 10], Relu, r)?.with(Softmax)?;
    let source = Source::random("mlp", &network);
    // Activations and softmax work in place, the last layer in the output.
    assert_eq!(source.sizes(), [784, 10, 128 + 64]);
    assert!(source.text.contains(&format!("| constants, in flash | {} |", 4 * network.parameter_count())));
    let lenet = Sequential::<f32>::new([1, 28, 28])
        .with(Conv2d::new(1, 6, [5, 5], r))?
        .with(Relu)?
        .with(MaxPool2d::new([2, 2]))?
        .with(Conv2d::new(6, 16, [5, 5], r))?
        .with(Relu)?
        .with(AvgPool2d::new([2, 2]))?
        .with(Flatten)?
        .with(Dense::new(256, 10, r))?
        .with(LogSoftmax)?;
    let lenet = Source::random("lenet", &lenet);
    assert_eq!(lenet.sizes()[2], 6 * 24 * 24 + 6 * 12 * 12);
    run("rust_source_wide", &[source, lenet]);
    Ok(())
}

#[test]
fn eight_bits_say_what_they_cost() -> Result<()> {
    let r = &mut rng(8);
    let networks = [
        Sequential::<f32>::mlp(&[6, 40, 3], Tanh, r)?,
        Sequential::new([4, 6, 6]).with(Conv2d::grouped(4, 8, [3, 3], 2, r))?.with(trained(8))?.with(Relu)?,
        Sequential::new([4, 4, 4]).with(ConvTranspose2d::grouped(4, 6, [2, 2], 2, r))?.with(trained(6))?,
        Sequential::new([8, 4]).with(Conv1d::grouped(4, 6, 3, 2, r))?.with(Lstm::new(6, 5, r).bidirectional(r))?,
        Sequential::new([5, 8]).with(MultiHeadAttention::new(8, 2, r))?,
        Sequential::new(4).with(Embedding::new(9, 6, r))?.with(Gru::new(6, 4, r).last_state())?,
    ];
    let mut sources = Vec::new();
    for (i, network) in networks.iter().enumerate() {
        let x = zoo::random::<f32>(50, network.input().len(), 5);
        let x = if i == 5 { x.mapv(|x| (x.abs() * 4.0).floor()) } else { x };
        let (text, loss) = network.to_rust_int8(&x)?;
        assert_eq!(loss.samples, 50);
        assert!(loss.mean > 0.0 && loss.mean < loss.largest && loss.largest < 0.1, "{i}: {loss}");
        assert!(text.contains(&format!("On 50 samples, {loss}.")) && text.contains(": [i8; "), "{i}");
        // Its own test compares with the rounded network.
        let samples = Vec::new();
        sources.push(Source { name: format!("eight bits {i}"), text, number: "f32", samples });
    }
    run("rust_source_int8", &sources);
    assert!(networks[0].to_rust_int8(&zoo::random(3, 5, 1)).is_err());
    Ok(())
}

/// A layer that says nothing about Rust.
#[derive(Debug, Clone)]
struct Silent;

impl<A: Scalar> Layer<A> for Silent {
    fn output_shape(&self, input: Shape) -> Result<Shape> {
        Ok(input)
    }
    fn forward(&self, x: &Matrix<A>, y: &mut Matrix<A>, _: &mut Pass<'_>) -> Result<()> {
        y.assign(x);
        Ok(())
    }
    fn backward(&self, _: Backward<'_, A>, _: &mut Pass<'_>) -> Result<()> {
        Ok(())
    }
}

#[test]
fn export_writes_the_file_or_names_the_layer() -> Result<()> {
    let path = builder::folder("rust_export").join("xor.rs");
    let network = Sequential::<f64>::mlp(&[2, 4, 1], Tanh, &mut rng(1))?;
    network.export_rust(&path)?;
    assert_eq!(fs::read_to_string(&path).unwrap(), network.to_rust()?);
    let error = Sequential::<f64>::new(3).with(Tanh)?.with(Silent)?.export_rust(&path).unwrap_err();
    assert!(error.to_string().starts_with("layer 1, Silent, cannot be written as Rust source"), "{error}");
    Ok(())
}
