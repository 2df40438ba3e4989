//! Attention against PyTorch, and what its masks promise.

use crate::common;

use common::{Case, F32, F64, Tolerance, assert_close, cases};
use ndarray::{Array2, ArrayD, s};
use neuropil::layers::Attention;
use neuropil::prelude::*;
use neuropil::rand::RngExt;
use neuropil::{gradcheck, ndarray};

/// The layer of the case, with its parameters; PyTorch stores weights as (outputs, inputs).
fn layer<A: Scalar>(case: &Case) -> MultiHeadAttention<A> {
    let (features, heads) = (case.number("embed_dim") as usize, case.number("num_heads") as usize);
    let mut layer = MultiHeadAttention::new(features, heads, &mut rng(1));
    if case.config("bias") == false {
        layer = layer.without_bias();
    }
    if case.config("causal") == true {
        layer = layer.causal();
    }
    if let Some(mask) = case.array("inputs", "mask") {
        layer = layer.attention_mask(samples::<f64>(&mask).mapv(|allowed| allowed == 1.0));
    }
    case.set_parameters(&mut layer, parameter_of);
    layer
}

/// A parameter or its gradient as the layer stores it.
fn parameter_of(case: &Case, group: &str, name: &str) -> Array2<f64> {
    let columns = if name.ends_with("bias") { 1 } else { case.array(group, name).unwrap().shape()[1] };
    case.matrix(group, name, columns).unwrap().t().as_standard_layout().into_owned()
}

/// An array with one row per sample.
fn samples<A: Scalar>(array: &ArrayD<f64>) -> Array2<A> {
    let (rows, columns) = (array.shape()[0], array.len() / array.shape()[0]);
    Array2::from_shape_vec((rows, columns), array.iter().map(|&x| A::of(x)).collect()).unwrap()
}

/// Through `attend`, and as a layer on a tape where there is only one input.
fn check_case<A: Scalar + Into<f64>>(case: &Case, tolerance: Tolerance) -> usize {
    let layer = layer::<A>(case);
    let self_attention = case.config("self_attention") == true;
    let names = if self_attention { ["input"; 3] } else { ["query", "key", "value"] };
    let inputs = names.map(|name| samples::<A>(&case.array("inputs", name).unwrap()));
    let [query, key, value] = inputs.each_ref().map(|input| &**input);
    let hidden =
        case.array("inputs", "key_padding_mask").map(|mask| samples::<f64>(&mask).mapv(|hidden| hidden == 1.0));
    let mut attention = Attention::default();
    let y = layer.attend(query, key, value, hidden.as_deref(), &mut attention).unwrap();
    let mut compared = 0;
    let mut close = |what: &str, got: &Array2<A>, want: Array2<f64>| {
        assert_eq!(got.dim(), want.dim());
        compared += assert_close(&format!("{} {what}", case.name), got.iter().copied(), want, tolerance);
    };
    let want = |group: &str, name: &str| samples::<f64>(&case.array(group, name).unwrap());
    close("output", &y, want("outputs", "output"));
    let weights = attention.weights();
    assert_eq!(weights.shape(), case.array("outputs", "attention").unwrap().shape());
    let weights: Vec<A> = weights.iter().copied().collect();
    close(
        "attention",
        &Array2::from_shape_vec((y.nrows(), weights.len() / y.nrows()), weights).unwrap(),
        want("outputs", "attention"),
    );

    let dy = samples::<A>(&case.array("upstream", "output").unwrap());
    let gradients = layer.attend_backward(&dy, [query, key, value], &mut attention).unwrap();
    let mut names = Vec::new();
    layer.visit(&mut |info, _| names.push(info.name.to_string()));
    assert_eq!(names.len(), gradients.weights.len());
    for (name, got) in names.iter().zip(&gradients.weights) {
        close(name, got, parameter_of(case, "gradients", name));
    }
    if !self_attention {
        close("dquery", &gradients.query, want("gradients", "query"));
        close("dkey", &gradients.key, want("gradients", "key"));
        close("dvalue", &gradients.value, want("gradients", "value"));
        return compared;
    }
    close("dx", &(gradients.query + gradients.key + gradients.value), want("gradients", "input"));
    let features = case.number("embed_dim") as usize;
    let mut tape = Tape::for_layer(&layer, [y.ncols() / features, features], 0);
    close("output on a tape", tape.forward(&layer, query).unwrap(), want("outputs", "output"));
    let gradients = tape.backward_from(&layer, &dy).unwrap();
    close("dx on a tape", gradients.input, want("gradients", "input"));
    for (name, got) in names.iter().zip(gradients.weights) {
        close(name, got, parameter_of(case, "gradients", name));
    }
    compared
}

#[test]
fn attention_is_that_of_pytorch() {
    let cases = cases("multihead_attention");
    let compared: usize = cases.iter().map(|case| check_case::<f64>(case, F64) + check_case::<f32>(case, F32)).sum();
    assert_eq!((cases.len(), compared), (7, 4230));
}

#[test]
fn attention_masks_are_those_of_pytorch() {
    let cases = cases("attention_mask");
    let compared: usize = cases.iter().map(|case| check_case::<f64>(case, F64) + check_case::<f32>(case, F32)).sum();
    assert_eq!((cases.len(), compared), (4, 2972));
}

/// A query that attends to nothing gets the output bias; keys that nobody attends to change no bit, not even NaN.
#[test]
fn masked_keys_change_nothing() {
    let (steps, features) = (5, 6);
    let allowed = Array2::from_shape_fn((steps, steps + 2), |(i, j)| i != 2 && j != 1 && (i + j) % 3 != 1);
    let layer = MultiHeadAttention::<f64>::new(features, 3, &mut rng(1)).attention_mask(allowed.clone());
    let network = Sequential::new([steps, features]).with(layer).unwrap();
    let mut x: Array2<f64> = Init::STANDARD_NORMAL.matrix(3, steps * features, &mut rng(2));
    let y = network.predict(&x).unwrap();
    let bias = network.parameter("0.out_proj.bias").unwrap();
    assert_eq!(y.slice(s![.., 2 * features..3 * features]), bias.broadcast((3, features)).unwrap());
    x.slice_mut(s![.., features..2 * features]).fill(f64::NAN);
    let mut with_nan = network.predict(&x).unwrap();
    // Its own query is NaN.
    assert!(with_nan.slice(s![.., features..2 * features]).iter().all(|y| y.is_nan()));
    with_nan.slice_mut(s![.., features..2 * features]).assign(&y.slice(s![.., features..2 * features]));
    assert_eq!(with_nan, y);
}

#[test]
fn shorter_sequences_use_the_first_rows_and_columns_of_a_mask() {
    let allowed = Array2::from_shape_fn((5, 5), |(i, j)| j == 0 || (i + j) % 3 != 1);
    let network = |steps: usize| {
        let part = allowed.slice(s![..steps, ..steps]).to_owned();
        let layer = MultiHeadAttention::<f64>::new(4, 2, &mut rng(1)).attention_mask(part);
        Sequential::new([steps, 4]).with(layer).unwrap()
    };
    let x = Init::STANDARD_NORMAL.matrix(2, 3 * 4, &mut rng(2));
    assert_eq!(network(5).predict(&x).unwrap(), network(3).predict(&x).unwrap());
}

#[test]
fn wrong_masks_are_errors() {
    let layer = |rows, columns| {
        MultiHeadAttention::<f64>::new(4, 2, &mut rng(1)).attention_mask(Array2::from_elem((rows, columns), true))
    };
    let network = Sequential::new([5, 4]).with(layer(5, 6)).unwrap();
    let longer = network.predict(&Array2::zeros((1, 6 * 4))).unwrap_err().to_string();
    assert!(longer.contains("at most 5 queries and 6 keys"), "{longer}");
    let mut g = Network::<f64>::new();
    let (query, memory) = (g.input("query", [2, 4]), g.input("memory", [9, 4]));
    assert!(g.join(layer(2, 8), [query, memory]).is_err());
    assert!(g.join(layer(2, 9), [query, memory]).is_ok());
    let x = Array2::zeros((1, 12));
    let attended = layer(3, 2).attend(&x, &x, &x, None, &mut Attention::default());
    assert!(matches!(attended, Err(Error::Dimensions { .. })));
    assert!(Sequential::new([5, 4]).with(layer(5, 5).causal()).unwrap().stream().is_err());
}

#[test]
fn derivatives_agree_with_finite_differences() {
    for seed in 0..24 {
        let rng = &mut rng(seed);
        let (heads, width, steps) = (rng.random_range(1..4), rng.random_range(1..4), rng.random_range(1..6));
        let features = heads * width;
        let mut layer = MultiHeadAttention::new(features, heads, rng);
        if rng.random() {
            layer = layer.causal();
        }
        if rng.random_range(0..4) == 0 {
            layer = layer.without_bias();
        }
        let rows = rng.random_range(1..6);
        let x = Init::STANDARD_NORMAL.matrix(rows, steps * features, rng);
        let positions = LearnedPositions::new(steps + rng.random_range(0..3), features, rng);
        for layer in [&layer as &dyn Layer<f64>, &positions, &SinusoidalPositions::new()] {
            let report = gradcheck::layer(layer, [steps, features], &x, seed).unwrap();
            assert!(report.passes(1e-7), "{layer:?}, {steps} steps: {report}");
            let mut numbers = x.len();
            layer.visit(&mut |_, w| numbers += w.len());
            assert_eq!(report.compared, numbers);
        }
    }
}

/// A padded batch has the outputs and gradients of its samples alone, without padding.
#[test]
fn padding_changes_nothing() {
    let (mut compared, mut empty) = (0, 0);
    for seed in 0..24 {
        let rng = &mut rng(seed);
        let (features, steps, rows) = (6, rng.random_range(2..7), rng.random_range(1..5));
        let mut layer = MultiHeadAttention::<f64>::new(features, 3, rng);
        layer.visit_mut(&mut |_, w| w.mapv_inplace(|w| w + 0.25)); // No bias is 0.
        if rng.random() {
            layer = layer.causal();
        }
        let masked = layer.clone().masked();
        let mut x: Array2<f64> = Init::STANDARD_NORMAL.matrix(rows, steps * features, rng);
        let dy: Array2<f64> = Init::STANDARD_NORMAL.matrix(rows, steps * features, rng);
        let lengths: Vec<usize> = (0..rows).map(|_| rng.random_range(0..=steps)).collect();
        for (mut x, &length) in x.rows_mut().into_iter().zip(&lengths) {
            x.slice_mut(s![length * features..]).fill(0.0);
        }
        let mut tape = Tape::for_layer(&masked, [steps, features], 0);
        let y = tape.forward(&masked, &x).unwrap().clone();
        let gradients = tape.backward_from(&masked, &dy).unwrap();
        let mut weights: Vec<Array2<f64>> = gradients.weights.iter().map(|dw| Array2::zeros(dw.dim())).collect();
        let mut close = |what: &str, got: ndarray::ArrayView2<'_, f64>, want: &Array2<f64>| {
            assert_eq!(got.dim(), want.dim());
            compared += assert_close(what, got.iter().copied(), want.iter().copied(), F64);
        };
        for (row, &length) in lengths.iter().enumerate() {
            let (true_steps, padding) = (s![row..=row, ..length * features], s![row..=row, length * features..]);
            assert!(y.slice(padding).iter().chain(gradients.input.slice(padding)).all(|&zero| zero == 0.0));
            if length == 0 {
                empty += 1;
                continue;
            }
            let mut tape = Tape::for_layer(&layer, [length, features], 0);
            close("y", y.slice(true_steps), tape.forward(&layer, &x.slice(true_steps)).unwrap());
            let alone = tape.backward_from(&layer, &dy.slice(true_steps)).unwrap();
            close("dx", gradients.input.slice(true_steps), alone.input);
            weights.iter_mut().zip(alone.weights).for_each(|(sum, dw)| *sum += dw);
        }
        gradients.weights.iter().zip(&weights).for_each(|(got, want)| close("dw", got.view(), want));
    }
    assert_eq!((compared, empty), (5688, 14));
}

/// What is not seen does not matter, be it NaN; and who sees nothing gets the bias alone.
#[test]
fn hidden_keys_do_not_matter() -> Result<()> {
    let rng = &mut rng(2);
    let layer = MultiHeadAttention::<f64>::new(4, 2, rng);
    let query: Array2<f64> = Init::STANDARD_NORMAL.matrix(2, 3 * 4, rng);
    let mut memory: Array2<f64> = Init::STANDARD_NORMAL.matrix(2, 5 * 4, rng);
    let hidden = Array2::from_shape_fn((2, 5), |(row, key)| row == 1 || key == 2);
    let mut attention = Attention::default();
    let y = layer.attend(&query, &memory, &memory, Some(&hidden), &mut attention)?;
    memory.slice_mut(s![.., 2 * 4..3 * 4]).fill(f64::NAN);
    let with_nan = layer.attend(&query, &memory, &memory, Some(&hidden), &mut attention)?;
    assert_eq!(assert_close("y", with_nan, y.iter().copied(), F64), 2 * 3 * 4);
    assert!(attention.weights().indexed_iter().all(|((row, _, _, key), &p)| (p == 0.0) == hidden[[row, key]]));
    assert!(y.row(1).iter().all(|&y| y == 0.0)); // Biases start at 0.
    Ok(())
}

#[test]
fn sinusoids_are_those_of_the_paper() -> Result<()> {
    let (steps, features) = (2000, 7);
    let network = Sequential::<f64>::new([steps, features]).with(SinusoidalPositions::new())?;
    let y = network.predict(&Array2::zeros((1, steps * features)))?;
    for (i, &y) in y.iter().enumerate() {
        let (t, feature) = ((i / features) as f64, i % features);
        let angle = t / 10_000_f64.powf((feature / 2 * 2) as f64 / features as f64);
        let want = if feature % 2 == 0 { angle.sin() } else { angle.cos() };
        // The angle itself is rounded.
        assert!((y - want).abs() <= 4.0 * f64::EPSILON * angle.max(1.0), "{t} {feature}: {y} {want}");
    }
    assert_eq!(y.len(), 2000 * 7);
    Ok(())
}

#[test]
fn what_cannot_be_is_an_error() {
    let rng = &mut rng(1);
    let text = |error: Error| error.to_string();
    let new = |features, heads, rng: &mut _| {
        let layer = MultiHeadAttention::<f32>::new(features, heads, rng);
        text(Sequential::new([2, features]).with(layer).unwrap_err())
    };
    let wants = |of: &str, rest: &str| format!("layer 0, the {of} of MultiHeadAttention{rest}");
    assert_eq!(new(0, 1, rng), wants("features", "(0, 1 heads) must be at least 1, got 0"));
    let divisor = "must be at least 1 and a divisor of the features, got";
    assert_eq!(new(6, 0, rng), wants("heads", &format!("(6, 0 heads) {divisor} 0")));
    assert_eq!(new(6, 4, rng), wants("heads", &format!("(6, 4 heads) {divisor} 4")));
    assert!(
        new(usize::MAX, 1, rng).contains("the parameter in_proj_weight [18446744073709551615, 18446744073709551615]")
    );
    assert!(new(usize::MAX, 1, rng).contains("memory than can be counted, which the system refuses"));
    let layer = MultiHeadAttention::<f64>::new(6, 3, rng);
    let wrong = |shape: Shape| text(Sequential::new(shape).with(layer.clone()).unwrap_err());
    assert_eq!(wrong(6.into()), "layer 0, MultiHeadAttention(6, 3 heads), takes sequences [steps, 6], got 6");
    assert!(wrong([4, 5].into()).ends_with("takes sequences [steps, 6], got [4, 5] = 20"));
    assert!(wrong([0, 6].into()).ends_with("takes sequences [steps, 6], got [0, 6] = 0"));
    assert!(wrong([1 << 40, 6].into()).contains("of memory, more than the limit of 16 GiB"));

    let zeros = |rows, columns| Array2::<f64>::zeros((rows, columns));
    let (q, k) = (zeros(2, 12), zeros(2, 18));
    let attention = &mut Attention::default();
    let error = layer.attend_backward(&q, [&q, &k, &k], attention).unwrap_err();
    assert_eq!(text(error), "`attend_backward` needs `attend` of the same layer first");
    let value = layer.attend(&q, &k, &zeros(2, 12), None, attention).unwrap_err();
    assert_eq!(text(value), "the value of MultiHeadAttention(6, 3 heads) must be 2 x 18, got 2 x 12");
    assert!(layer.attend(&zeros(2, 13), &k, &k, None, attention).is_err());
    assert!(layer.attend(&q, &zeros(3, 18), &k, None, attention).is_err());
    let hidden = Array2::from_elem((2, 4), false);
    let error = layer.attend(&q, &k, &k, Some(&hidden), attention).unwrap_err();
    assert_eq!(text(error), "the hidden keys of MultiHeadAttention(6, 3 heads) must be 2 x 3, got 2 x 4");
    layer.attend(&q, &k, &k, None, attention).unwrap();
    assert!(layer.attend_backward(&k, [&q, &k, &k], attention).is_err());
    assert!(layer.attend_backward(&q, [&q, &k, &k], attention).is_ok());

    let positions = LearnedPositions::<f64>::new(4, 3, rng);
    let error = Sequential::new([5, 3]).with(positions).unwrap_err();
    assert_eq!(
        text(error),
        "layer 0, LearnedPositions(4 steps, 3), takes sequences [steps, 3] of up to 4 steps, got [5, 3] = 15"
    );
    for (steps, features) in [(0, 3), (usize::MAX, 3), (3, 0)] {
        let positions = LearnedPositions::<f64>::new(steps, features, rng);
        assert!(Sequential::new([1, features]).with(positions).is_err());
    }
}
