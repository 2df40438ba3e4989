//! The tables, drawings and trace of a network with two inputs, a shared layer and two outputs.

use neuropil::joins::Distance;
use neuropil::ndarray::{Array2, array, s};
use neuropil::prelude::*;
use neuropil::{Summary, Trace};

/// left and right go through one encoder; `class` is told from both together, `gap` is how far they are apart.
fn twins() -> Network<f64> {
    let r = &mut rng(5);
    let mut g = Network::new();
    let (left, right) = (g.input("left", 3), g.input("right", 3));
    let encoder = g.share(Dense::new(3, 2, r));
    let (u, v) = (g.apply(encoder, left).unwrap(), g.apply(encoder, right).unwrap());
    let a = g.add(u, Mish).unwrap();
    let both = g.join(Concat, [a, v]).unwrap();
    let gap = g.join(Distance, [a, v]).unwrap();
    let class = g.add(both, Dense::new(4, 2, r)).unwrap();
    g.output("class", class).unwrap();
    g.output("gap", gap).unwrap();
    g.rename(0, "encoder").unwrap();
    g.rename(2, "both").unwrap();
    g
}

fn batch() -> [Array2<f64>; 2] {
    let x = array![[0.5, -1.0, 0.25, 1.5, 0.75, -0.5], [1.0, 0.5, -0.25, 0.0, 2.0, 1.0]];
    [x, array![[1.0, 0.0, 0.5], [0.0, 1.0, 2.0]]]
}

fn traced() -> (Trace<f64>, Network<f64>) {
    let mut g = twins();
    let (mut tape, [x, target]) = (Tape::new(&g, 1), batch());
    let trace = Trace::step(&mut tape, &mut g, &x, &target, &Mse, &mut Sgd::new(0.1)).unwrap();
    (trace, g)
}

/// How many elements of each of these kinds a drawing has; it is well-formed.
fn elements<const N: usize>(svg: &str, tags: [&str; N]) -> [usize; N] {
    let document = roxmltree::Document::parse(svg).unwrap();
    tags.map(|tag| document.descendants().filter(|node| node.has_tag_name(("http://www.w3.org/2000/svg", tag))).count())
}

/// The texts of a drawing.
fn texts(svg: &str) -> Vec<String> {
    let document = roxmltree::Document::parse(svg).unwrap();
    document.descendants().filter(roxmltree::Node::is_text).map(|node| node.text().unwrap().to_owned()).collect()
}

fn lines(text: &str) -> Vec<String> {
    text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

#[test]
fn tables_say_what_each_step_takes() {
    let g = twins();
    let wanted = [
        "layer output parameters",
        "left 3",
        "right 3",
        "encoder Dense(3 -> 2) of left 2 8",
        "encoder Dense(3 -> 2) of right 2 shared",
        "1 Mish of encoder 2 0",
        "both Concat of 1, encoder 4 0",
        "3 Distance of 1, encoder 1 0",
        "4 Dense(4 -> 2) of both 2 10",
        "total 18",
    ];
    assert_eq!(lines(&g.to_string()), wanted);
    let summary = Summary::new(&g, 2).unwrap();
    let told = lines(&summary.to_string());
    assert_eq!(told.len(), 10 + 3, "{summary}");
    for (told, wanted) in told.iter().zip(wanted).skip(1).take(8) {
        assert!(told.starts_with(wanted), "{told}");
    }
    assert_eq!(told[4], "encoder Dense(3 -> 2) of right 2 shared 6");
    assert_eq!([summary.parameters() as u64, summary.multiply_adds()], [18, 2 * 3 * 2 + 4 * 2]);
}

#[test]
fn the_architecture_is_drawn_with_its_true_edges() {
    let summary = Summary::new(&twins(), 2).unwrap();
    let dot = summary.dot();
    let edges = [
        "input0 -> l0 [label=\"3\"]",
        "input1 -> l1 [label=\"3\"]",
        "l0 -> l2 [label=\"2\"]",
        "l2 -> l3 [label=\"2\"]",
        "l1 -> l3 [label=\"2\"]",
        "l2 -> l4 [label=\"2\"]",
        "l1 -> l4 [label=\"2\"]",
        "l3 -> l5 [label=\"4\"]",
        "l5 -> output0 [label=\"2\"]",
        "l4 -> output1 [label=\"1\"]",
    ];
    for edge in edges {
        assert!(dot.contains(&format!("  {edge};\n")), "no {edge} in\n{dot}");
    }
    assert_eq!(dot.matches(" -> ").count() - dot.matches("(3 -> 2)").count() - dot.matches("(4 -> 2)").count(), 10);
    for node in ["input0 [label=\"left\"]", "l1 [label=\"encoder Dense(3 -> 2)\"]", "output1 [label=\"gap\"]"] {
        assert!(dot.contains(node), "no {node} in\n{dot}");
    }
    let svg = summary.svg();
    // The paper and ten boxes. The concatenation and class stand right below what they take; the other edges are curves,
    // and each edge has a head.
    assert_eq!(elements(&svg, ["rect", "line", "path"]), [1 + 10, 2, 8 + 10]);
    let texts = texts(&svg);
    for text in ["left", "right", "class", "gap", "both Concat", "2; 8 parameters, 6 multiply-adds"] {
        assert_eq!(texts.iter().filter(|told| *told == text).count(), 1, "{text} in {texts:?}");
    }
    assert!(texts.contains(&"2; shared parameters, 6 multiply-adds".to_owned()), "{texts:?}");
}

#[test]
fn a_traced_step_tells_of_every_value_and_of_shared_parameters_once() {
    let (trace, g) = traced();
    let told: Vec<_> = trace.layers.iter().map(|layer| format!("{} = {}", layer.symbol, layer.formula)).collect();
    let formulas = [
        "z1 = left·W1 + b1",
        "z1′ = right·W1 + b1",
        "a1 = z1·tanh(ln(1 + e^z1))",
        "both = [a1, z1′]",
        "j3 = |a1 − z1′|",
        "z2 = both·W2 + b2",
    ];
    assert_eq!(told, formulas);
    assert_eq!(trace.layers[4].inputs, ["a1", "z1′"]);
    let counts: Vec<usize> = trace.layers.iter().map(|layer| layer.parameters.len()).collect();
    assert_eq!(counts, [2, 0, 0, 0, 0, 2]);

    let text = trace.to_string();
    let lines = lines(&text);
    let count = |part: &str| lines.iter().filter(|line| line.contains(part)).count();
    for formula in formulas {
        assert_eq!(count(formula), 1, "{formula} in\n{text}");
    }
    for line in [
        "left, the batch, one row per sample 0.5000 -1.0000 0.2500",
        "right, the batch, one row per sample 1.5000 0.7500 -0.5000",
        "layer encoder, Dense(3 -> 2)",
        "join both, Concat",
        "outputs class = z2, gap = j3",
    ] {
        assert!(lines.iter().any(|told| told == line), "no {line} in\n{text}");
    }
    for part in [
        "L = Mse([z2, j3], t)",
        "dL/dW1 = leftᵀ·dL/dz1 + rightᵀ·dL/dz1′",
        "dL/db1 = Σ rows of dL/dz1 + Σ rows of dL/dz1′",
        "dL/da1 = dL/dboth through concat + dL/dj3 through distance",
        "dL/dz1 = dL/da1 ∘ da1/dz1",
        "dL/dright = dL/dz1′·W1ᵀ",
        "dL/dboth = dL/dz2·W2ᵀ",
    ] {
        assert_eq!(count(part), 1, "{part} in\n{text}");
    }
    // One gradient for each value and each parameter; the parameters before, the change, and after.
    let gradients = lines.iter().filter(|line| line.starts_with("dL/d")).count();
    assert_eq!(gradients, 8 + 4, "{text}");
    assert_eq!(lines.iter().filter(|line| line.starts_with('Δ')).count(), 4);

    // The formulas are what was computed.
    let [left, right] = [s![.., ..3], s![.., 3..]].map(|part| trace.input.slice(part).to_owned());
    let [z, z_too] = [&trace.layers[0], &trace.layers[1]];
    let (w, b) = (&z.parameters[0], &z.parameters[1]);
    let close = |a: &Array2<f64>, b: &Array2<f64>| (a - b).iter().all(|difference| difference.abs() < 1e-14);
    assert!(close(&z_too.output, &(right.dot(&w.before) + &b.before)));
    assert!(close(&w.gradient, &(left.t().dot(&z.gradient) + right.t().dot(&z_too.gradient))));
    let dx = trace.input_gradient.slice(s![.., 3..]).to_owned();
    assert!(close(&dx, &z_too.gradient.dot(&w.before.t())));
    for (name, parameter) in [("encoder.weight", w), ("4.bias", &trace.layers[5].parameters[1])] {
        assert_eq!(g.parameter(name).as_ref(), Some(&parameter.after));
        assert!(close(&parameter.update(), &(&parameter.gradient * -0.1)));
    }

    let latex = trace.latex(4);
    assert!(latex.contains("z_{1}' & = \\text{right} W_{1} + b_{1} = "), "{latex}");
    assert_eq!(latex.matches('{').count(), latex.matches('}').count());
    assert_eq!(trace.markdown(4).lines().filter(|line| line.starts_with("| dL/d")).count(), 8 + 4);
}

#[test]
fn a_traced_step_is_drawn_neuron_by_neuron() {
    let svg = traced().0.svg().unwrap();
    // left, right, the encoder twice, the joins, and class.
    assert_eq!(elements(&svg, ["circle"]), [3 + 3 + 2 + 2 + 4 + 1 + 2]);
    // The encoder twice, side by side, the distance, and class.
    assert_eq!(elements(&svg, ["line", "path"]), [6 + 6 + 4 + 4 + 8, 0]);
    // The paper, and one below each weight.
    assert_eq!(elements(&svg, ["rect"]), [1 + 6 + 6 + 8]);
    let texts = texts(&svg);
    for text in ["left1", "right3", "both = [a1, z1′]", "class: target 1", "gap: target 0.5"] {
        assert_eq!(texts.iter().filter(|told| *told == text).count(), 1, "{text} in {texts:?}");
    }
}

/// A value that goes around a layer: its gradient is a sum, and its edges are bows.
#[test]
fn a_way_around_a_layer() {
    let mut g = Network::<f64>::new();
    let x = g.input("t", 2); // the target's symbol is taken
    let y = g.add(x, Dense::new(2, 2, &mut rng(1))).unwrap();
    let sum = g.join(neuropil::joins::Add, [x, y, y]).unwrap();
    g.output("hidden", y).unwrap();
    g.output("sum", sum).unwrap();
    let (mut tape, x) = (Tape::new(&g, 1), array![[0.5, -1.0]]);
    let target = Array2::zeros((1, 4));
    let trace = Trace::step(&mut tape, &mut g, &x, &target, &Mse, &mut Sgd::new(0.1)).unwrap();
    let text = trace.to_string();
    for part in [
        "j1 = t′ + z1 + z1 ",
        "dL/dz1 = from the loss + dL/dj1 + dL/dj1 ",
        "dL/dt′ = dL/dz1·W1ᵀ + dL/dj1 ",
        "L = Mse([z1, j1], t) ",
    ] {
        assert_eq!(text.matches(part).count(), 1, "{part} in\n{text}");
    }
    assert_eq!(elements(&trace.svg().unwrap(), ["circle", "line", "path"]), [6, 4 + 2 * 2, 2]);
}
