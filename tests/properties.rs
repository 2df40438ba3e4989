//! What all layers have in common, over the whole list in `common/zoo.rs`.

use crate::zoo;

use ndarray::{Array2, ArrayView2, s};
use neuropil::prelude::*;
use neuropil::{gradcheck, ndarray};
use zoo::Entry;

/// Calls a check for every layer in `f32` and in `f64`.
macro_rules! for_all_layers {
    ($check:ident) => {{
        zoo::layers::<f32>().iter().for_each($check);
        zoo::layers::<f64>().iter().for_each($check);
    }};
}

/// What comes out of a training pass, as bits: NaN equals NaN, and 0 is not -0.
#[derive(Debug, PartialEq)]
struct Bits {
    y: Vec<u64>,
    dx: Vec<u64>,
    dw: Vec<Vec<u64>>,
}

fn bits<A: Scalar>(matrix: &Matrix<A>) -> Vec<u64> {
    matrix.iter().map(|x| x.to_f64().to_bits()).collect()
}

/// A training pass on `tape`.
fn pass<A: Scalar>(entry: &Entry<A>, tape: &mut Tape<A>, x: &Matrix<A>, dy: &Matrix<A>) -> Bits {
    let y = bits(tape.forward(&entry.network, x).unwrap());
    let gradients = tape.backward_from(&entry.network, dy).unwrap();
    Bits { y, dx: bits(gradients.input), dw: gradients.weights.iter().map(|dw| bits(dw)).collect() }
}

/// A training pass on a new tape.
fn fresh_pass<A: Scalar>(entry: &Entry<A>, x: &Matrix<A>, dy: &Matrix<A>) -> Bits {
    pass(entry, &mut Tape::new(&entry.network, 3), x, dy)
}

/// The same matrix in other layouts: by columns, with gaps, backwards, as a part of a larger one.
fn with_other_layouts<A: Scalar>(matrix: &Array2<A>, mut f: impl FnMut(&str, ArrayView2<'_, A>)) {
    let (rows, columns) = matrix.dim();
    let by_columns = matrix.t().as_standard_layout().into_owned();
    f("by columns", by_columns.t());
    let mut gaps = Array2::from_elem((2 * rows, 3 * columns), A::NAN);
    gaps.slice_mut(s![..;2, ..;3]).assign(matrix);
    f("with gaps", gaps.slice(s![..;2, ..;3]));
    let backwards = matrix.slice(s![..;-1, ..;-1]).as_standard_layout().into_owned();
    f("backwards", backwards.slice(s![..;-1, ..;-1]));
    let mut larger = Array2::from_elem((rows + 2, columns + 3), A::NAN);
    larger.slice_mut(s![1..=rows, 2..columns + 2]).assign(matrix);
    f("as a part", larger.slice(s![1..=rows, 2..columns + 2]));
}

#[test]
fn any_layout_gives_the_same_bits() {
    fn check<A: Scalar>(entry: &Entry<A>) {
        let (x, dy) = (entry.batch(5, 1), entry.upstream(5, 2));
        let y = bits(&entry.network.predict(&x).unwrap());
        let want = fresh_pass(entry, &x, &dy);
        let mut layouts = 0;
        with_other_layouts(&x, |layout, x| {
            assert_eq!(bits(&x.view()), bits(&entry.batch(5, 1)));
            assert_eq!(bits(&entry.network.predict(&x).unwrap()), y, "{}, {layout}", entry.name);
            with_other_layouts(&dy, |dy_layout, dy| {
                assert_eq!(fresh_pass(entry, &x, &dy), want, "{}, x {layout}, dy {dy_layout}", entry.name);
                layouts += 1;
            });
        });
        assert_eq!(layouts, 16);
    }
    for_all_layers!(check);
}

#[test]
fn a_batch_of_none_is_fine() {
    fn check<A: Scalar>(entry: &Entry<A>) {
        let (network, name) = (&entry.network, entry.name);
        let (x, dy) = (entry.batch(0, 1), entry.upstream(0, 1));
        assert_eq!(network.predict(&x).unwrap().dim(), (0, network.output().len()), "{name}");
        let mut tape = Tape::new(network, 0);
        // Gradients of an earlier batch do not stay.
        pass(entry, &mut tape, &entry.batch(4, 1), &entry.upstream(4, 2));
        assert_eq!(tape.forward(network, &x).unwrap().dim(), (0, network.output().len()), "{name}");
        let gradients = tape.backward_from(network, &dy).unwrap();
        assert_eq!(gradients.input.dim(), (0, network.input().len()), "{name}");
        assert_eq!(gradients.weights.iter().map(Array2::len).sum::<usize>(), network.parameter_count());
        assert!(gradients.weights.iter().flatten().all(|&dw| dw == A::ZERO), "{name}");
    }
    for_all_layers!(check);
}

#[test]
fn nan_goes_where_its_number_goes() {
    fn check<A: Scalar>(entry: &Entry<A>) {
        // NaN is no index, and is replaced by Impute.
        if entry.indices.is_some() || entry.name == "Impute" {
            return;
        }
        let predict = |x: &Array2<A>| entry.network.predict(x).unwrap();
        let x = entry.batch(3, 1);
        let y = predict(&x);
        let mut depending = 0;
        for column in 0..x.ncols() {
            let with = |value: f64| {
                let mut x = x.clone();
                x[[1, column]] = A::of(value);
                predict(&x)
            };
            // Not of one size: some functions do not see the sign.
            let (low, high, nan) = (with(-100.0), with(70.0), with(f64::NAN));
            for row in [0, 2] {
                let same = nan.row(row).iter().zip(y.row(row)).all(|(a, b)| a.to_f64() == b.to_f64());
                assert!(same, "{}: NaN in row 1 changes row {row}", entry.name);
            }
            // Sums that share steps, as those of a convolution in tiles, differ by a rounding though nothing depends.
            let largest = [&low, &high].into_iter().flatten().map(|y| y.to_f64().abs()).fold(100.0, f64::max);
            let rounding = 8.0 * A::EPSILON.to_f64() * largest;
            for (j, nan) in nan.row(1).iter().enumerate() {
                let difference = (low[[1, j]] - high[[1, j]]).to_f64().abs();
                let right = if nan.is_nan() { difference > 0.0 } else { difference <= rounding };
                depending += usize::from(nan.is_nan());
                assert!(right, "{}: feature {column} changes output {j} by {difference}; as NaN, to {nan}", entry.name);
            }
        }
        assert!(
            depending >= x.ncols().min(y.ncols()),
            "{}: only {depending} times an output depends on an input",
            entry.name
        );
    }
    for_all_layers!(check);
}

#[test]
fn extreme_inputs_give_no_nan() {
    fn check<A: Scalar>(entry: &Entry<A>) {
        if entry.indices.is_some() {
            return; // They cannot be extreme.
        }
        let [tiny, mut huge]: [f64; 2] = if A::NAME == "f64" { [1e-310, 1e300] } else { [1e-40, 1e30] };
        if entry.name.starts_with("MultiHeadAttention") {
            huge = huge.cbrt(); // It multiplies three of its inputs with one another.
        }
        let extremes = [0.0, -0.0, tiny, -tiny, 1e-8, -1e-8, 1.0, 30.0, -30.0, 1e3, -1e3, 1e9, -1e9, huge, -huge];
        for seed in 0..20 {
            let mut choice = entry.batch(8, seed);
            // From [-2, 2) to one of the extremes.
            choice.mapv_inplace(|u| A::of(extremes[((u.to_f64() + 2.0) / 4.0 * extremes.len() as f64) as usize]));
            let y = entry.network.predict(&choice).unwrap();
            assert!(!y.iter().any(|y| y.is_nan()), "{}: {choice} gives {y}", entry.name);
            let mut tape = Tape::new(&entry.network, 0);
            tape.forward(&entry.network, &choice).unwrap();
            let gradients = tape.backward_from(&entry.network, &entry.upstream(8, seed)).unwrap();
            assert!(!gradients.input.iter().any(|dx| dx.is_nan()), "{}: dx at {choice}", entry.name);
            assert!(!gradients.weights.iter().flatten().any(|dw| dw.is_nan()), "{}: dw at {choice}", entry.name);
        }
    }
    for_all_layers!(check);
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    fn check<A: Scalar>(entry: &Entry<A>, pools: &[rayon::ThreadPool]) {
        // Enough for several threads to get a part.
        let rows = 270_000 / entry.network.input().len();
        let (x, dy) = (entry.batch(rows, 1), entry.upstream(rows, 2));
        let want = pools[0].install(|| fresh_pass(entry, &x, &dy));
        for pool in &pools[1..] {
            // Not assert_eq: it would print a million numbers.
            let same = pool.install(|| fresh_pass(entry, &x, &dy)) == want;
            assert!(same, "{} on {} threads", entry.name, pool.current_num_threads());
        }
    }
    let pools = [1, 3, 2, 8].map(|threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap());
    for entry in &zoo::layers::<f32>() {
        check(entry, &pools);
    }
    for entry in &zoo::layers::<f64>() {
        check(entry, &pools[..2]);
    }
}

#[test]
fn a_network_can_be_shared_by_threads() {
    fn check<A: Scalar>(entry: &Entry<A>) {
        let batches: Vec<_> = (0..8).map(|seed| entry.batch(5, seed)).collect();
        let predict = |x: &Array2<A>| bits(&entry.network.predict(x).unwrap());
        let want: Vec<_> = batches.iter().map(predict).collect();
        let got: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = batches.iter().map(|x| scope.spawn(move || predict(x))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(got, want, "{}", entry.name);
    }
    for_all_layers!(check);
}

#[test]
fn a_clone_is_equal_and_apart() {
    fn parameters<A: Scalar>(layer: &dyn Layer<A>) -> Vec<(String, Vec<u64>)> {
        let mut all = Vec::new();
        layer.visit(&mut |info, w| all.push((format!("{info:?}"), bits(w))));
        all
    }
    fn check<A: Scalar>(entry: &Entry<A>) {
        let (network, x) = (&entry.network, entry.batch(4, 1));
        let (before, y) = (parameters(network), bits(&network.predict(&x).unwrap()));
        let mut clone = network.clone();
        assert_eq!(format!("{:?}", entry.layer().clone_layer()), format!("{:?}", entry.layer()));
        assert_eq!(parameters(&clone), before, "{}", entry.name);
        assert_eq!(bits(&clone.predict(&x).unwrap()), y, "{}", entry.name);

        let target = entry.upstream(4, 2);
        let mut tape = Tape::new(&clone, 0);
        if entry.layer().differentiable() || !before.is_empty() {
            tape.train(&mut clone, &x, &target, &Mse, &mut Sgd::new(0.1)).unwrap();
        }
        let mut learns = false;
        network.visit(&mut |info, _| learns |= info.role.is_trainable());
        assert!(!learns || parameters(&clone) != before, "{}: the clone learns", entry.name);
        assert_eq!(parameters(network), before, "{}: the original does not", entry.name);
    }
    for_all_layers!(check);
}

#[test]
fn a_tape_carries_nothing_over() {
    fn check<A: Scalar>(entry: &Entry<A>) {
        let (x, dy) = (entry.batch(7, 1), entry.upstream(7, 2));
        let [a, b] = [3, 4].map(|seed| pass(entry, &mut Tape::new(&entry.network, seed), &x, &dy));
        if a != b {
            return; // It draws random numbers, each time new ones.
        }
        let mut tape = Tape::new(&entry.network, 3);
        for rows in [7, 3, 9, 7] {
            let (x, dy) = (entry.batch(rows, 1), entry.upstream(rows, 2));
            assert_eq!(pass(entry, &mut tape, &x, &dy), fresh_pass(entry, &x, &dy), "{}, {rows} rows", entry.name);
        }
    }
    for_all_layers!(check);
}

#[test]
fn weight_gradients_do_not_need_the_input_gradient() {
    fn check<A: Scalar>(entry: &Entry<A>) {
        let (x, target) = (entry.batch(5, 1), entry.upstream(5, 2));
        let [mut with, mut without] = [Tape::new(&entry.network, 3), Tape::new(&entry.network, 3)];
        for tape in [&mut with, &mut without] {
            tape.forward(&entry.network, &x).unwrap();
            tape.loss(&Mse, &target).unwrap();
        }
        let all = with.backward(&entry.network).unwrap().weights;
        let weights = without.backward_weights(&entry.network).unwrap();
        assert_eq!(all, weights, "{}", entry.name);
    }
    for_all_layers!(check);
}

#[test]
fn derivatives_agree_with_finite_differences() {
    let mut checked = 0;
    for entry in zoo::layers::<f64>() {
        let x = entry.batch(3, 1);
        // An index cannot be moved a little.
        let check = if entry.indices.is_some() { gradcheck::parameters } else { gradcheck::layer };
        let report = check(entry.layer(), entry.network.input(), &x, 1).unwrap();
        assert!(report.passes(1e-7), "{}: {report}", entry.name);
        let inputs = if entry.indices.is_some() { 0 } else { x.len() };
        assert_eq!(report.compared, inputs + entry.network.parameter_count());
        checked += 1;
    }
    assert_eq!(checked, zoo::layers::<f64>().len());
}

#[test]
fn the_zoo_has_every_layer() {
    let mut names: Vec<_> = zoo::layers::<f32>().iter().map(|entry| entry.name).collect();
    // Each file of the two folders is a layer, but for the traits, a setting, and files with several.
    let mut files = 0;
    for folder in ["layers", "activations"] {
        for file in std::fs::read_dir(format!("{}/src/{folder}", env!("CARGO_MANIFEST_DIR"))).unwrap() {
            let file = file.unwrap().file_name().into_string().unwrap();
            let Some(stem) = file.strip_suffix(".rs").filter(|stem| !["mod", "padding"].contains(stem)) else {
                continue;
            };
            let stem = stem.replace('_', "");
            files += 1;
            assert!(names.iter().any(|name| name.to_lowercase().starts_with(&stem)), "{file} is not in the zoo");
        }
    }
    assert!(files >= 30, "{files}");
    let all = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), all, "two of one name");
}

/// Compiles only if it is so.
#[test]
fn threads_can_share_and_send() {
    fn shared<T: Send + Sync>() {}
    fn sent<T: Send>() {}
    shared::<Sequential<f32>>();
    shared::<Box<dyn Layer<f64>>>();
    shared::<Dense<f32>>();
    shared::<PRelu<f64>>();
    shared::<Error>();
    shared::<Box<dyn Loss<f32>>>();
    sent::<Tape<f32>>();
    sent::<Scratch<f64>>();
    sent::<Box<dyn Optimizer<f32>>>();
}
