//! Twenty random graphs against PyTorch's values and gradients: see `fixtures/graphs`.

use std::collections::BTreeSet;

use neuropil::gradcheck;
use neuropil::joins::{Add, Distance, Divide, MatMul, Maximum, Minimum, Select};
use neuropil::layer::{Join, Layer as _};
use neuropil::ndarray::Array2;
use neuropil::prelude::*;

use crate::random_graphs::{Case, cases};

/// Compares number by number, and returns how many there were.
fn same<'n>(what: &str, got: impl IntoIterator<Item = &'n f64>, want: impl IntoIterator<Item = &'n f64>) -> usize {
    let (got, want): (Vec<_>, Vec<_>) = (got.into_iter().collect(), want.into_iter().collect());
    assert_eq!(got.len(), want.len(), "{what}");
    for (at, (got, want)) in got.iter().zip(&want).enumerate() {
        assert!((*got - *want).abs() <= 1e-9 * want.abs().max(1.0), "{what}, number {at}: {got} instead of {want}");
    }
    got.len()
}

#[test]
fn values_and_gradients_are_those_of_pytorch() {
    let (mut compared, mut parameters, mut kinds) = (0, 0, BTreeSet::new());
    let cases = cases();
    for Case { name, network, x, y, upstream, dx, gradients } in &cases {
        compared += same(&format!("{name}, prediction"), &network.predict(x).unwrap(), y);
        let mut tape = Tape::new(network, 0);
        compared += same(&format!("{name}, output"), tape.forward(network, x).unwrap(), y);
        let got = tape.backward_from(network, upstream).unwrap();
        compared += same(&format!("{name}, input gradient"), got.input, dx);
        let mut weights = got.weights.iter();
        network.visit(&mut |info, _| {
            let own = info.name.to_string();
            compared += same(&format!("{name}, {own}"), weights.next().unwrap(), &gradients[&own]);
            parameters += 1;
        });
        kinds.extend(network.to_string().lines().map(|row| row.split(' ').nth(1).unwrap_or_default().to_owned()));
    }
    assert_eq!(cases.len(), 20);
    assert!(parameters > 150 && compared > 3000, "{parameters} parameters, {compared} numbers");
    for join in ["Add", "Subtract", "Multiply", "Concat", "Dot", "Distance", "MultiHeadAttention(2,"] {
        assert!(kinds.iter().any(|kind| kind.starts_with(join.trim_end_matches("(2,"))), "{join}: {kinds:?}");
    }
}

#[test]
fn gradients_are_those_of_finite_differences() {
    let mut compared = 0;
    for Case { name, network, x, .. } in cases() {
        let report = gradcheck::layer(&network, network.input_shape(), &x, 1).unwrap();
        assert!(report.passes(1e-7), "{name}: {report}");
        compared += report.compared;
    }
    assert!(compared > 3000, "{compared}");
}

#[cfg(feature = "files")]
#[test]
fn files_bring_back_the_same_network() {
    for Case { name, network, x, .. } in cases() {
        let again = Network::<f64>::from_bytes(&network.to_bytes().unwrap()).unwrap();
        assert_eq!(again.predict(&x), network.predict(&x), "{name}");
        assert_eq!(again.to_string(), network.to_string());
    }
}

#[test]
fn threads_and_rows_do_not_change_a_bit() {
    for Case { name, network, x, upstream, .. } in cases() {
        let run = |threads| {
            rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(|| {
                let mut tape = Tape::new(&network, 0);
                let y = tape.forward(&network, &x).unwrap().clone();
                let got = tape.backward_from(&network, &upstream).unwrap();
                (y, got.input.clone(), got.weights.to_vec())
            })
        };
        let one = run(1);
        for threads in [2, 3, 8] {
            assert_eq!(run(threads), one, "{name}, {threads} threads");
        }
        for (x, y) in x.rows().into_iter().zip(one.0.rows()) {
            let alone = network.predict_one(&x.to_vec()).unwrap();
            assert!(alone.iter().zip(y).all(|(a, b)| (a - b).abs() < 1e-12), "{name}");
        }
    }
}

/// The joins that the random graphs do not have: their gradients, and their way through ONNX.
#[test]
fn other_joins_are_differentiated_and_written() {
    fn check<const N: usize>(join: impl Join<f64>, shapes: [Shape; N]) -> usize {
        let name = format!("{join:?}");
        let mut g = Network::<f64>::new();
        let values = shapes.map(|shape| g.input(&format!("in{}", g.inputs().len()), shape));
        let y = g.join(join, values).unwrap();
        g.output("y", y).unwrap();
        // Away from 0, where quotients and choices are steep.
        let x = Init::STANDARD_NORMAL.matrix(3, g.input_shape().len(), &mut rng(4)).mapv(|x: f64| x + x.signum());
        let report = gradcheck::layer(&g, g.input_shape(), &x, 1).unwrap();
        assert!(report.passes(1e-7), "{name}: {report}");
        #[cfg(feature = "files")]
        {
            let want = g.predict(&x).unwrap();
            let again = Network::<f64>::from_onnx_bytes(&g.to_onnx_bytes().unwrap()).unwrap();
            let got = again.predict(&x).unwrap();
            assert_eq!(got.dim(), want.dim(), "{name}");
            assert!(got.iter().zip(&want).all(|(got, want)| (got - want).abs() <= 1e-6 * (1.0 + want.abs())), "{name}");
            let again = Network::<f64>::from_bytes(&g.to_bytes().unwrap()).unwrap();
            assert_eq!(again.predict(&x).unwrap(), want, "{name}");
        }
        report.compared
    }
    let image = Shape::from([2, 3, 4]);
    let compared = check(Divide, [image; 2]) + check(Maximum, [image; 2]) + check(Minimum, [image; 2]);
    assert_eq!(compared, 3 * 3 * 48);
    assert_eq!(check(Select, [image; 3]), 3 * 72);
    assert_eq!(check(MatMul, [[3, 2].into(), [2, 4].into()]), 3 * 14);
    assert_eq!(check(MatMul, [image, [2, 4, 2].into()]), 3 * 40);
}

/// A condition that is NaN gives NaN, here and in ONNX.
#[cfg(feature = "files")]
#[test]
fn a_missing_condition_is_kept() {
    let mut g = Network::<f64>::new();
    let values = ["condition", "a", "b"].map(|name| g.input(name, 2));
    let y = g.join(Select, values).unwrap();
    g.output("y", y).unwrap();
    let x = neuropil::ndarray::array![[f64::NAN, 0.0, 1.0, 2.0, 3.0, 4.0], [5.0, f64::NAN, 1.0, 2.0, 3.0, 4.0]];
    let bytes = g.to_onnx_bytes().unwrap();
    for network in [&g, &Network::from_onnx_bytes(&bytes).unwrap()] {
        let y = network.predict(&x).unwrap();
        assert!(y[[0, 0]].is_nan() && y[[1, 1]].is_nan(), "{y}");
        assert_eq!((y[[0, 1]], y[[1, 0]]), (4.0, 1.0));
    }
    assert!(bytes.windows(5).any(|word| word == b"IsNaN"));
}

#[test]
fn joins_say_what_they_take() {
    let mut g = Network::<f32>::new();
    let (a, b, c) = (g.input("a", [3, 2]), g.input("b", [3, 2]), g.input("c", 6));
    let error = g.join(MatMul, [a, b]).unwrap_err().to_string();
    assert!(error.contains("takes a second value of as many rows as [3, 2] has columns, got [3, 2]"), "{error}");
    let error = g.join(Select, [a, b]).unwrap_err().to_string();
    assert!(error.contains("a condition and two values, got 2"), "{error}");
    let error = g.join(Divide, [a, c]).unwrap_err().to_string();
    assert!(error.contains("values of one shape"), "{error}");
}

#[test]
fn a_shared_layer_has_the_sum_of_its_gradients() {
    // Twice the same layer, and two layers with the same weights.
    let layer = Dense::new(3, 2, &mut rng(1));
    let build = |shared: bool| {
        let mut g = Network::<f64>::new();
        let (a, b) = (g.input("a", 3), g.input("b", 3));
        let (u, v) = if shared {
            let both = g.share(layer.clone());
            (g.apply(both, a).unwrap(), g.apply(both, b).unwrap())
        } else {
            (g.add(a, layer.clone()).unwrap(), g.add(b, layer.clone()).unwrap())
        };
        let distance = g.join(Distance, [u, v]).unwrap();
        g.output("distance", distance).unwrap();
        g
    };
    let x = Init::STANDARD_NORMAL.matrix(4, 6, &mut rng(2));
    let gradients = |network: &Network<f64>| {
        let mut tape = Tape::new(network, 0);
        let dy = tape.forward(network, &x).unwrap().mapv(|_| 1.0);
        tape.backward_from(network, &dy).unwrap().weights.to_vec()
    };
    let (shared, apart) = (gradients(&build(true)), gradients(&build(false)));
    assert_eq!((shared.len(), apart.len()), (2, 4));
    for (i, sum) in shared.iter().enumerate() {
        let want = &apart[i] + &apart[i + 2];
        assert!(sum.iter().zip(&want).all(|(got, want)| (got - want).abs() < 1e-14));
    }
}

#[test]
fn what_is_wrong_is_named() {
    let mut g = Network::<f64>::new();
    let a = g.input("a", 3);
    let wide = g.add(a, Dense::new(4, 2, &mut rng(1))).unwrap_err();
    assert_eq!(wide.to_string(), "layer 0, Dense(4 -> 2), takes 4 features per sample, got 3");
    let mut other = Network::<f64>::new();
    let foreign = other.input("x", 3);
    let error = g.add(foreign, Tanh).unwrap_err();
    assert_eq!(error.to_string(), "step 0: it takes a value of another network; take one of this network's");
    let b = g.input("b", 2);
    let error = g.join(Add, [a, b]).unwrap_err();
    assert_eq!(error.to_string(), "layer 0, Add, takes values of one shape (value 0 has 3, value 1 differs), got 2");
    assert!(matches!(g.join(Concat, []), Err(Error::Graph { .. })));
    let y = g.add(a, Tanh).unwrap();
    assert!(matches!(g.predict(&Array2::zeros((1, 5))), Err(Error::Graph { .. })), "no output");
    g.output("y", y).unwrap();
    let error = g.predict(&Array2::zeros((1, 5))).unwrap_err();
    assert_eq!(error.to_string(), "the input `b`: no step takes it; use it in a step, or leave it out");
    let unused = g.add(b, Tanh).unwrap();
    let error = g.predict(&Array2::zeros((1, 5))).unwrap_err();
    assert_eq!(
        error.to_string(),
        "step 1, Tanh: no step takes its output; declare it with `output`, or leave the step out"
    );
    assert!(matches!(g.output("y", unused), Err(Error::Graph { .. })), "two outputs of one name");
    g.output("z", unused).unwrap();
    assert_eq!(g.predict(&Array2::zeros((1, 5))).unwrap().dim(), (1, 5));
    assert_eq!(g.output_of(&Array2::zeros((1, 5)), "w").unwrap_err().to_string(), "there is no output `w`, only y, z");
}

#[test]
fn names_stay_apart_from_positions() {
    let mut network = Sequential::<f64>::new(2).with(Tanh).unwrap();
    assert!(matches!(network.rename(0, "1"), Err(Error::Graph { .. })), "the name of the next layer");
    network.rename(0, "first").unwrap();
    network.rename("first", "0").unwrap();
    network.push(Dense::new(2, 2, &mut rng(1))).unwrap();
    assert!(matches!(network.rename(0, "a.b"), Err(Error::Graph { .. })));
    assert!(network.layer::<Tanh>("0").is_some() && network.layer::<Dense<f64>>("1").is_some());
}
