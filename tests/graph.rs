//! The computational graph: the lecture's examples to the digit, and random formulas against finite differences.

use crate::common;

use common::{F64, Tolerance, assert_close, fixture, number, numbers};
use neuropil::gradcheck;
use neuropil::graph::{Graph, GraphLayer, GraphLoss, Var};
use neuropil::ndarray::{Array2, array};
use neuropil::prelude::*;
use neuropil::rand::RngExt;

const EXACT: Tolerance = Tolerance { absolute: 1e-15, relative: 1e-12 };

fn lecture(file: &str, name: &str) -> serde_json::Value {
    fixture(&format!("notebooks/{file}.json"))["002"][name].take()
}

fn gradient(x: Var<'_, f64>) -> f64 {
    x.gradient().unwrap()[[0, 0]]
}

/// Notebook 001, task 3.5, and section 5.3.1 of the lecture: f = (x + y)z, with the numbers that it is known by.
#[test]
fn sum_times_z() {
    let graph = Graph::new();
    let (x, y, z) = (graph.scalar("x", -2.0), graph.scalar("y", 5.0), graph.scalar("z", -4.0));
    let q = (x + y).named("q").retain_gradient();
    let f = (q * z).named("f").retain_gradient();
    assert_eq!((q.item().unwrap(), f.item().unwrap()), (3.0, -12.0));
    f.backward().unwrap();
    assert_eq!([x, y, z, q, f].map(gradient), [-4.0, -4.0, 3.0, -4.0, 1.0]);
    let table = "node  formula  value  gradient\n\
                 x     input       -2        -4\n\
                 y     input        5        -4\n\
                 z     input       -4         3\n\
                 q     x + y        3        -4\n\
                 f     q × z      -12         1\n";
    assert_eq!(graph.to_string(), table);
    let dot = graph.dot();
    assert!(dot.contains("n3 [label=\"+\"];") && dot.contains("n3 -> n4 [label=\"3\\n-4\"];"), "{dot}");
}

/// Section 5.3.1: every value and every gradient along the graph of 1/(1 + exp(-(w0 x0 + w1 x1 + w2))).
#[test]
fn sigmoid_neuron() {
    let (case, want) = (lecture("reference", "graph_5_3_1"), lecture("computed", "graph_5_3_1"));
    let graph = Graph::new();
    let [w0, x0, w1, x1, w2] = ["w0", "x0", "w1", "x1", "w2"].map(|name| graph.scalar(name, number(&case[name])));
    let (a, b) = (w0 * x0, w1 * x1);
    let z = a + b + w2;
    let m = -z;
    let e = m.exp();
    let u = 1.0 + e;
    let f = 1.0 / u;
    let nodes = [a, b, z, m, e, u, f];
    graph.retain_gradients();
    let mut count = assert_close("nodes", nodes.map(|node| node.item().unwrap()), numbers(&want["nodes"]), EXACT);
    f.backward().unwrap();
    for (name, var) in [("u", u), ("m", m), ("z", z), ("w0", w0), ("x0", x0), ("w1", w1), ("x1", x1), ("w2", w2)] {
        count += assert_close(name, [gradient(var)], [number(&want["gradients"][name])], EXACT);
    }
    assert_eq!(count, 7 + 8);
    // As the well-known drawing has them, with two decimals.
    let drawn = [f, u, e, m, z].map(|var| format!("{:.2} {:.2}", var.item().unwrap(), gradient(var)));
    assert_eq!(drawn, ["0.73 1.00", "1.37 -0.53", "0.37 -0.53", "-1.00 -0.20", "1.00 0.20"]);

    // The sigmoid as one node has the same derivative, σ(z)(1 - σ(z)).
    let graph = Graph::new();
    let z = graph.scalar("z", 1.0);
    z.apply(Sigmoid).backward().unwrap();
    assert_close("dσ/dz", [gradient(z)], [number(&want["gradients"]["z"])], EXACT);
}

/// Section 5.3.4, cell by cell: MSE of y = wx, its gradients, what is kept, what is freed, and what adds up.
#[test]
fn autograd() {
    let case = lecture("reference", "autograd");
    let row = |name: &str| Array2::from_shape_vec((1, 4), numbers(&case[name])).unwrap();
    let printed = |name: &str| numbers(&case["printed"][name]);
    let graph = Graph::new();
    let (x, y) = (graph.constant("X", row("x")), graph.constant("Y", row("y")));
    let w = graph.scalar("W", number(&case["w"]));
    let e = w * x - y;
    let mse = e.pow(2.0).mean();
    assert_eq!(vec![mse.item().unwrap()], printed("MSE"));
    mse.backward().unwrap();
    assert_eq!(vec![gradient(w)], printed("dMSE_dw"));
    assert!(case["E_grad"].is_null());
    assert_eq!(e.gradient(), None);
    assert_eq!(x.gradient(), None);
    // The second call on the same graph is an error, and changes nothing.
    let error = mse.backward().unwrap_err();
    assert_eq!(error, Error::FreedGraph);
    assert!(error.to_string().starts_with("an earlier `backward` freed this graph"));
    assert_eq!(vec![gradient(w)], printed("dMSE_dw"));
    // A new formula on top of a freed one cannot go through it either; one on the inputs can.
    assert_eq!((mse + w).backward(), Err(Error::FreedGraph));
    (w + w).backward().unwrap();
    assert_eq!(gradient(w), -15.0 + 2.0);

    // Cell 21: gradients add up over passes through a graph that is kept; W's is cleared before the third, E's is not.
    let graph = Graph::new();
    let (x, y) = (graph.constant("X", row("x")), graph.constant("Y", row("y")));
    let w = graph.scalar("W", number(&case["w"]));
    let e = (w * x - y).retain_gradient();
    let mse = e.pow(2.0).sum() / 4.0;
    let once = Array2::from_shape_vec((1, 4), printed("dMSE_dE")).unwrap();
    for (pass, (times_e, want_w)) in [(1.0, -15.0), (2.0, -30.0), (3.0, -15.0)].into_iter().enumerate() {
        if pass == 2 {
            w.clear_gradient();
        }
        mse.backward_retaining().unwrap();
        assert_eq!(e.gradient().unwrap(), &once * times_e);
        assert_eq!(gradient(w), want_w);
    }
    graph.clear_gradients();
    assert_eq!((e.gradient(), w.gradient()), (None, None));
    // The single derivatives of the chain: dE/dŷ = 1, dŷ/dw = x.
    let y_hat = (w * x).retain_gradient();
    (y_hat - y).sum().backward().unwrap();
    assert_eq!(y_hat.gradient().unwrap(), Array2::from_elem((1, 4), printed("dE_dyhat")[0]));
    for (column, want) in printed("dyhat_dw").into_iter().enumerate() {
        let graph = Graph::new();
        let w = graph.scalar("W", 1.0);
        let x = graph.constant("X", row("x"));
        let mut only = Array2::zeros((1, 4));
        only[[0, column]] = 1.0;
        (w * x).backward_from(&only).unwrap();
        assert_eq!(gradient(w), want);
    }
}

/// Cell 22: gradient descent on w with a new graph in each step, to the printed digit.
#[test]
fn regression_of_y_2x() {
    let (case, want) = (lecture("reference", "regression"), lecture("computed", "regression_f64"));
    let row = |name: &str| Array2::from_shape_vec((1, 4), numbers(&case[name])).unwrap();
    let (mut w, rate) = (number(&case["w"]), number(&case["learning_rate"]));
    let (mut lines, mut steps) = (Vec::new(), Vec::new());
    for epoch in 0..case["n_iters"].as_u64().unwrap() {
        let graph = Graph::new();
        let (x, y) = (graph.constant("X", row("x")), graph.constant("Y", row("y")));
        let weight = graph.scalar("W", w);
        let loss = (weight * x - y).pow(2.0).mean();
        loss.backward().unwrap();
        w -= rate * gradient(weight);
        let loss = loss.item().unwrap();
        steps.extend([w, loss]);
        if epoch % 10 == 1 {
            lines.push(format!("epoch {epoch}: w = {w:.3}, loss = {loss:.8}"));
        }
    }
    assert_eq!(serde_json::Value::from(lines), want["lines"]);
    assert_eq!(assert_close("w and loss", steps, numbers(&want["steps"]), EXACT), 2 * 102);
}

/// Section 5.3: cross-entropy of scores = x·W as a graph, against the notebook's own function.
#[test]
fn cross_entropy_loss_function() {
    let case = lecture("computed", "cross_entropy_loss_function");
    let matrix = |name: &str| {
        let rows = case[name].as_array().unwrap().len();
        let data = numbers(&case[name]);
        Array2::from_shape_vec((rows, data.len() / rows), data).unwrap()
    };
    let labels: Vec<usize> = numbers(&case["y"]).into_iter().map(|y| y as usize).collect();
    let graph = Graph::new();
    let (x, w) = (graph.constant("x", matrix("x")), graph.input("W", matrix("W")));
    let truth = graph.constant("truth", one_hot(&labels, 3).unwrap());
    let scores = x.matmul(w);
    let p = (scores.exp() / scores.exp().sum_rows()).named("p");
    let loss = -(truth * p.ln()).sum_rows().mean();
    let mut count = assert_close("loss", [loss.item().unwrap()], [number(&case["loss"])], EXACT);
    loss.backward().unwrap();
    count += assert_close("dW", w.gradient().unwrap(), numbers(&case["dW"]), EXACT);
    assert_eq!(count, 1 + 12);
}

/// A formula of random operations on random inputs of fitting shapes, made one number in the end.
fn random_formula<'g>(graph: &'g Graph<f64>, inputs: &[Array2<f64>], seed: u64) -> (Vec<Var<'g, f64>>, Var<'g, f64>) {
    let mut rng = rng(seed);
    let inputs: Vec<_> = inputs.iter().enumerate().map(|(i, x)| graph.input(&format!("x{i}"), x.clone())).collect();
    let mut pool = inputs.clone();
    for _ in 0..rng.random_range(3..12) {
        let a = pool[rng.random_range(0..pool.len())];
        let b = pool[rng.random_range(0..pool.len())];
        let node = match rng.random_range(0..20) {
            0 => a + b,
            1 => a - b,
            2 => a * b,
            3 => a / (b * b + 1.5),
            4 => a.matmul(b),
            5 => a.matmul(b.t()),
            6 => -a,
            7 => a.apply(Tanh).exp(),
            8 => (a.pow(2.0) + 0.5).ln(),
            9 => (a.pow(2.0) + 0.5).pow([0.5, -0.5, -1.0, 1.7][rng.random_range(0..4)]),
            10 => a.pow([1.0, 3.0, 0.0][rng.random_range(0..3)]),
            11 => a.sum(),
            12 => a.mean(),
            13 => a.sum_rows(),
            14 => {
                let [c, d] = a.copies();
                c * d.apply(Sigmoid)
            }
            15 => a.apply(Gelu),
            16 => a.apply(Softplus::default()),
            17 => 0.7 - a,
            18 => 2.0 / (a * a + 1.0),
            _ => a.t(),
        };
        // What does not fit is left out; what became large is made small again.
        match node.value() {
            Ok(value) if value.iter().all(|x| x.abs() < 20.0) => pool.push(node),
            Ok(_) => pool.push(node.apply(Softsign)),
            Err(error) => assert!(matches!(error, Error::Operands { .. }), "{error}"),
        }
    }
    let mut total = graph.constant("0", array![[0.0]]);
    for (i, &node) in pool.iter().enumerate() {
        total = total + node.sum() * (0.3 + 0.2 * i as f64);
    }
    (inputs, total.apply(Softsign) + total * 0.01)
}

#[test]
fn random_formulas_agree_with_finite_differences() {
    let (mut formulas, mut compared, mut nonzero, mut worst) = (0, 0, 0, 0.0_f64);
    for seed in 0..1_200 {
        let mut rng = rng(seed + 10_000);
        let (m, n) = (rng.random_range(1..4), rng.random_range(1..4));
        let shapes = [(m, n), (1, n), (m, 1), (1, 1), (n, m)];
        let inputs: Vec<Array2<f64>> = (0..rng.random_range(1..4))
            .map(|_| {
                let (rows, columns) = shapes[rng.random_range(0..5)];
                Init::Uniform { low: -1.5, high: 1.5 }.matrix(rows, columns, &mut rng)
            })
            .collect();
        let graph = Graph::new();
        let (vars, f) = random_formula(&graph, &inputs, seed);
        f.backward().unwrap();
        for (k, var) in vars.iter().enumerate() {
            let analytic = var.gradient().unwrap();
            for ((i, j), &analytic) in analytic.indexed_iter() {
                let h = 6e-6 * inputs[k][[i, j]].abs().max(1.0);
                let at = |step: f64| {
                    let mut inputs = inputs.clone();
                    inputs[k][[i, j]] += step;
                    let graph = Graph::new();
                    random_formula(&graph, &inputs, seed).1.item().unwrap()
                };
                let numeric = (at(h) - at(-h)) / (2.0 * h);
                let error = (analytic - numeric).abs() / analytic.abs().max(numeric.abs()).max(1.0);
                assert!(error <= 1e-7, "formula {seed}, x{k}[{i}, {j}]: {analytic} {numeric}\n{graph}");
                worst = worst.max(error);
                compared += 1;
                nonzero += usize::from(numeric.abs() > 1e-3);
            }
        }
        formulas += 1;
    }
    assert_eq!(formulas, 1_200);
    assert!(compared > 5_000 && nonzero > compared * 9 / 10, "{compared} {nonzero} {worst}");
}

#[test]
fn wrong_formulas_are_errors() {
    let graph = Graph::new();
    let (a, b) = (graph.input("a", Array2::zeros((2, 3))), graph.input("b", Array2::zeros((4, 3))));
    let sum = (a + b) * 2.0;
    let error = sum.value().unwrap_err();
    assert_eq!(error.to_string(), "`+` cannot combine 2 x 3 with 4 x 3");
    assert_eq!(sum.backward(), Err(error));
    assert_eq!(a.matmul(b).value().unwrap_err().to_string(), "`@` cannot combine 2 x 3 with 4 x 3");
    assert!(a.matmul(b.t()).value().is_ok());
    let error = a.backward().unwrap_err();
    assert_eq!(error.to_string(), "the value that `backward` starts from must be 1 x 1, got 2 x 3");
    assert!(matches!(a.backward_from(&Array2::zeros((3, 2))), Err(Error::Dimensions { .. })));
    assert!(matches!(a.item(), Err(Error::Dimensions { .. })));
    let other = Graph::new();
    assert_eq!((a + other.scalar("c", 1.0)).value(), Err(Error::OtherGraph));
    assert_eq!(a.gradient(), None);
    let constant = graph.constant("k", array![[1.0]]);
    assert!(matches!((constant * 2.0).backward(), Err(Error::Order { .. })));
    // NaN goes in and comes out.
    let nan = graph.scalar("nan", f64::NAN);
    assert!((nan * 0.0).pow(2.0).apply(Relu).item().unwrap().is_nan());
    assert!(graph.to_string().contains("error"));
}

#[test]
fn a_loss_of_a_formula() {
    let mut rng = rng(5);
    let cross_entropy =
        GraphLoss::<f64>::new("SoftmaxCrossEntropy", |y, target| -(target * (y.exp() / y.exp().sum_rows()).ln()).sum());
    let y = Init::STANDARD_NORMAL.matrix(4, 3, &mut rng);
    let target = one_hot(&[0, 2, 1, 1], 3).unwrap();
    // Means are over the samples for the one, over all numbers for the other.
    let count = assert_close(
        "loss",
        cross_entropy.per_sample(&y, &target).unwrap(),
        CrossEntropy::new().per_sample(&y, &target).unwrap(),
        F64,
    );
    assert_eq!(count, 4);
    let gradient = cross_entropy.gradient(&y, &target).unwrap() * 3.0;
    assert_eq!(assert_close("dy", gradient, CrossEntropy::new().gradient(&y, &target).unwrap(), F64), 12);
    let report = gradcheck::loss(&cross_entropy, &y, &target).unwrap();
    assert!(report.passes(1e-7), "{report}");
    // A loss that is no number, or whose shapes do not fit, is an error before anything is computed.
    let rows = GraphLoss::<f64>::new("Rows", |y, target| y - target);
    assert!(matches!(rows.evaluate(&y, &target), Err(Error::Dimensions { .. })));
    let narrow = Array2::zeros((4, 2));
    assert!(matches!(cross_entropy.evaluate(&y, &narrow), Err(Error::Operands { .. })));
    assert!(cross_entropy.evaluate(&y, &Array2::zeros((3, 3))).is_err());
}

#[allow(clippy::redundant_closure)] // A method alone is not general enough over lifetimes.
#[test]
fn a_layer_of_a_formula_trains() {
    let mut rng = rng(6);
    let mut network = Sequential::<f64>::new(2)
        .with(Dense::new(2, 4, &mut rng))
        .unwrap()
        .with(GraphLayer::new("Bell", |x| (-(x * x)).exp()))
        .unwrap()
        .with(Dense::new(4, 1, &mut rng))
        .unwrap();
    let x = Init::STANDARD_NORMAL.matrix(5, 2, &mut rng);
    let report = gradcheck::layer(&network, 2, &x, 1).unwrap();
    assert!(report.passes(1e-7), "{report}");
    let (x, target) = (array![[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], array![[0.0], [1.0], [1.0], [0.0]]);
    let (mut tape, mut adam) = (Tape::new(&network, 0), Adam::new(0.05));
    for _ in 0..400 {
        tape.train(&mut network, &x, &target, &Mse, &mut adam).unwrap();
    }
    assert!(Mse.evaluate(&network.predict(&x).unwrap(), &target).unwrap() < 1e-3);
    // A layer may change the number of features; one that forgets a sample's own row cannot be.
    let norm = GraphLayer::<f64>::new("Norm", |x| x.pow(2.0).sum_rows().pow(0.5));
    assert_eq!(Sequential::new(3).with(norm).unwrap().predict(&array![[2.0, 3.0, 6.0]]).unwrap(), array![[7.0]]);
    #[allow(clippy::redundant_closure_for_method_calls, clippy::redundant_closure)] // The method is not general enough.
    let sum = Sequential::new(3).with(GraphLayer::<f64>::new("Sum", |x| x.sum())).unwrap();
    assert!(matches!(sum.predict(&Array2::zeros((2, 3))), Err(Error::Layer { .. })));
}
