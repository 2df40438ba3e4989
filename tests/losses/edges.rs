//! Kinks, extremes, long sums, empty batches and odd layouts.

use neuropil::OutputLosses;
use neuropil::losses::{Reduction, Sum, class_targets};
use neuropil::ndarray::{Array2, Axis, array, concatenate, s};
use neuropil::prelude::*;

use super::zoo::zoo;

fn slope(loss: &dyn Loss<f64>, y: f64, t: f64) -> f64 {
    loss.gradient(&array![[y]], &array![[t]]).unwrap()[[0, 0]]
}

#[test]
fn slopes_at_kinks() {
    assert_eq!(slope(&Mae, 2.0, 2.0), 0.0);
    for (d, at_kink) in [(0.5, 0.5), (-0.5, -0.5), (0.0, 0.0), (9.0, 0.5), (-9.0, -0.5)] {
        assert_eq!(slope(&Huber { delta: 0.5 }, 1.0 + d, 1.0), at_kink);
        assert_eq!(slope(&SmoothL1 { beta: 0.5 }, 1.0 + d, 1.0), at_kink * 2.0);
    }
    for (d, at_kink) in [(0.0, 0.0), (0.25, 1.0), (-0.25, -1.0)] {
        assert_eq!(slope(&SmoothL1 { beta: 0.0 }, d, 0.0), at_kink);
    }
    assert_eq!(slope(&HingeEmbedding { margin: 1.5 }, 1.5, -1.0), 0.0);
    assert_eq!(slope(&HingeEmbedding { margin: 1.5 }, f64::INFINITY, -1.0), 0.0);
    assert_eq!(slope(&HingeEmbedding { margin: 1.5 }, 0.0, 1.0), 1.0);
    for (y, t, at) in [(1.5, 0.0, 0.0), (f64::INFINITY, 0.0, 0.0), (0.0, 0.0, -3.0), (0.0, 1.0, 0.0), (2.0, 1.0, 4.0)] {
        assert_eq!(slope(&Contrastive { margin: 1.5 }, y, t), at);
    }
    // Class 1 is short of the margin by exactly 0; the right class gets nothing from it.
    let (scores, label) = (array![[2.0, 1.0, 1.5]], class_targets(&[0]));
    let hinge = MultiClassHinge::new().undivided();
    assert_eq!(hinge.gradient(&scores, &label).unwrap(), array![[-1.0, 0.0, 1.0]]);
    assert_eq!(hinge.squared().gradient(&scores, &label).unwrap(), array![[-1.0, 0.0, 1.0]]);
    // A right angle: cos = margin = 0.
    let pair = array![[1.0, 0.0, 0.0, 1.0]];
    let cosine = CosineEmbedding::default();
    assert_eq!(cosine.gradient(&pair, &array![[-1.0]]).unwrap(), Array2::<f64>::zeros((1, 4)));
    assert_ne!(cosine.gradient(&pair, &array![[1.0]]).unwrap(), Array2::<f64>::zeros((1, 4)));
    // A variance below the least one has the slope that it would have there.
    let by_variance =
        |v: f64| GaussianNll::new().eps(0.01).gradient(&array![[1.0, v]], &array![[3.0]]).unwrap()[[0, 1]];
    assert_eq!(by_variance(0.0), by_variance(0.01));
    assert!(by_variance(0.0) < 0.0);
}

/// Notebook 000's first loss, to the last digit that it prints: in NumPy's order of operations.
#[test]
fn clipped_probabilities() {
    let x = [1.0, 2.0, 1.1, 7.0, 0.8, 0.34, 0.6, 5.0, 1.72];
    let weights = [
        0.227_238_721_784_776_9,
        0.554_584_787_015_834_8,
        0.063_817_256_104_175_32,
        0.827_631_171_992_582_1,
        0.631_664_399_122_064_8,
        0.758_087_740_085_373_8,
        0.354_525_968_129_868_36,
        0.970_698_024_394_903_3,
        0.893_121_121_322_197_8,
    ];
    let z: f64 = x.iter().zip(weights).map(|(x, w)| x * w).sum();
    let (p, no) = (array![[Sigmoid.apply(z)]], array![[0.0]]);
    let loss = Sum(Bce::clipped(1e-15));
    assert_eq!(loss.evaluate(&p, &no).unwrap().to_string(), "14.56548133654328");
    assert_eq!(loss.gradient(&p, &no).unwrap()[[0, 0]], 1.0 / (1.0 - p[[0, 0]]));

    // Exactly wrong, it is as wrong as the clip allows, in f32 as the largest number below 1 allows.
    for (p, t) in [(0.0, 1.0), (1.0, 0.0)] {
        let near = |got: f64, want: f64| assert!((got / want - 1.0).abs() < 0.1, "{got} {want}");
        near(loss.evaluate(&array![[p]], &array![[t]]).unwrap(), 34.54);
        near(slope(&loss, p, t).abs(), 1e15);
        let in_f32 = Sum(Bce::clipped(1e-15)).evaluate(&array![[p as f32]], &array![[t as f32]]).unwrap();
        near(f64::from(in_f32), if p == 0.0 { 34.54 } else { 16.64 });
    }
    // 001: d/dp of the mean.
    let (p, t) = (array![[0.99], [0.9], [0.8], [0.5], [0.2]], array![[1.0], [1.0], [1.0], [0.0], [0.0]]);
    let gradient = Bce::clipped(1e-15).gradient(&p, &t).unwrap();
    let printed = array![[-0.202_020_2], [-0.222_222_22], [-0.25], [0.4], [0.25]];
    assert!(gradient.iter().zip(&printed).all(|(got, want): (&f64, &f64)| (got - want).abs() < 5e-9));
}

#[test]
fn extreme_logits() {
    extremes::<f32>();
    extremes::<f64>();
}

fn extremes<A: Scalar>() {
    let a = A::of;
    let each = |loss: &dyn Loss<A>, y: f64, t: f64| {
        let (y, t) = (array![[a(y)]], array![[a(t)]]);
        (loss.evaluate(&y, &t).unwrap().to_f64(), loss.gradient(&y, &t).unwrap()[[0, 0]].to_f64())
    };
    for x in [800.0, 1e4, 1e30] {
        let x = a(x).to_f64();
        let (logits, margin) = (BceWithLogits::new(), SoftMargin);
        for (y, wrong, right) in [(x, 0.0, 1.0), (-x, 1.0, 0.0)] {
            assert_eq!(each(&logits, y, wrong), (x, y.signum()));
            assert_eq!(each(&logits, y, right), (0.0, 0.0));
            assert_eq!(each(&margin, y, 2.0 * wrong - 1.0), (x, y.signum()));
            assert_eq!(each(&margin, y, 2.0 * right - 1.0), (0.0, 0.0));
        }
        let y = array![[a(x), a(-x), a(0.0)]];
        for (label, loss) in [(0, 0.0), (1, 2.0 * x), (2, x)] {
            let target = class_targets::<A>(&[label]);
            assert_eq!(CrossEntropy::new().evaluate(&y, &target).unwrap(), a(loss));
            let mut gradient = array![[A::ONE, A::ZERO, A::ZERO]];
            gradient[[0, label]] -= A::ONE;
            assert_eq!(CrossEntropy::new().gradient(&y, &target).unwrap(), gradient);
            let one_hot = one_hot::<A>(&[label], 3).unwrap();
            assert_eq!(CrossEntropy::new().evaluate(&y, &one_hot).unwrap(), a(loss));
            assert_eq!(CrossEntropy::new().gradient(&y, &one_hot).unwrap(), gradient);
        }
    }
    // A masked class costs nothing and gets no gradient; to want it costs everything.
    let y = array![[A::ZERO, -A::INFINITY, A::ZERO]];
    for target in [class_targets(&[0]), one_hot(&[0], 3).unwrap()] {
        assert!((CrossEntropy::new().evaluate(&y, &target).unwrap().to_f64() - 2.0_f64.ln()).abs() < 1e-6);
        assert_eq!(CrossEntropy::new().gradient(&y, &target).unwrap(), array![[a(-0.5), A::ZERO, a(0.5)]]);
    }
    assert_eq!(CrossEntropy::new().evaluate(&y, &class_targets(&[1])).unwrap(), A::INFINITY);
    // Certainty in a log-probability: the divergence from a target that is certain, too, is 0.
    let log_p = array![[A::ZERO, -A::INFINITY]];
    assert_eq!(KlDivergence::new().evaluate(&log_p, &array![[A::ONE, A::ZERO]]).unwrap(), A::ZERO);
    assert_eq!(KlDivergence::new().log_target().evaluate(&log_p, &log_p).unwrap(), A::ZERO);
    // Vectors whose squares overflow to nothing, and no vector at all.
    let tiny = CosineEmbedding::default().gradient(&array![[A::ZERO; 4]], &array![[A::ONE]]).unwrap();
    assert!(tiny.iter().all(|&dy| dy == A::ZERO));
}

/// Whatever it is that is NaN, the loss is NaN.
#[test]
fn nan_stays() {
    let mut seen = 0;
    for specimen in zoo::<f64>(2, 3, 5) {
        let with_nan = |matrix: &Array2<f64>| {
            let mut matrix = matrix.clone();
            matrix[[0, 0]] = f64::NAN;
            matrix
        };
        let y = with_nan(&specimen.y);
        let loss = specimen.loss.evaluate(&y, &specimen.target).unwrap();
        // A log-probability that is not at the label does not count.
        let unread = format!("{:?}", specimen.loss).starts_with("Nll");
        assert!(loss.is_nan() || unread, "{:?}: {loss}", specimen.loss);
        match specimen.loss.evaluate(&specimen.y, &with_nan(&specimen.target)) {
            Ok(loss) => assert!(loss.is_nan(), "{:?}: {loss} of a target of NaN", specimen.loss),
            Err(error) => {
                assert!(matches!(&error, Error::Target { got, row: Some(0), .. } if got.starts_with("NaN")), "{error}");
            }
        }
        seen += 1;
    }
    assert_eq!(seen, 40);
}

/// A million items in `f32` give the mean of the same numbers in `f64` to a millionth: a small batch, repeated, whose
/// mean is its own.
#[test]
fn long_sums() {
    let mut seen = 0;
    for (rows, columns, times) in [(1000, 2, 500), (10, 1000, 100)] {
        for (single, double) in zoo::<f32>(rows, columns, 3).into_iter().zip(zoo::<f64>(rows, columns, 3)) {
            let (y, target) = single.batch();
            let want = double.loss.evaluate(&y.mapv(f64::from), &target.mapv(f64::from)).unwrap();
            let repeat = |matrix: &Array2<f32>| concatenate(Axis(0), &vec![matrix.view(); times]).unwrap();
            let got = single.loss.evaluate(&repeat(&y), &repeat(&target)).unwrap();
            let error = (f64::from(got) / want - 1.0).abs();
            assert!(error < 1e-6, "{:?}, {rows} x {columns}: {got}, {want}, {error:e}", single.loss);
            seen += 1;
        }
    }
    assert_eq!(seen, 2 * 40);
}

/// Per sample, alone or in a batch, in any layout: the same numbers.
#[test]
fn rows_and_layouts() {
    layouts::<f32>();
    layouts::<f64>();
}

fn layouts<A: Scalar>() {
    for (rows, columns) in [(1, 2), (5, 3), (70, 10), (40, 17), (3, 1500)] {
        for specimen in zoo::<A>(rows, columns, 11) {
            let (loss, sum, (y, target)) = (&specimen.loss, &specimen.sum, specimen.batch());
            let (value, gradient) = (loss.evaluate(&y, &target).unwrap(), loss.gradient(&y, &target).unwrap());
            let (y_odd, target_odd) = (y.t().to_owned(), target.t().to_owned());
            assert_eq!(loss.evaluate(&y_odd.t(), &target_odd.t()).unwrap(), value, "{loss:?}");
            assert_eq!(loss.gradient(&y_odd.t(), &target_odd.t()).unwrap(), gradient, "{loss:?}");
            assert_eq!(
                loss.per_sample(&y_odd.t(), &target_odd.t()).unwrap(),
                loss.per_sample(&y, &target).unwrap(),
                "{loss:?}"
            );
            let (y_back, target_back) = (y.slice(s![..;-1, ..]).to_owned(), target.slice(s![..;-1, ..]).to_owned());
            let back = loss.gradient(&y_back.slice(s![..;-1, ..]), &target_back.slice(s![..;-1, ..])).unwrap();
            assert_eq!(back, gradient, "{loss:?}");

            // The same bits alone and in a batch.
            let together = loss.per_sample(&y, &target).unwrap();
            let slopes = sum.gradient(&y, &target).unwrap();
            for row in [0, rows / 2, rows - 1] {
                let (y, target) = (y.slice(s![row..=row, ..]), target.slice(s![row..=row, ..]));
                assert_eq!(loss.per_sample(&y, &target).unwrap()[0], together[row], "{loss:?}");
                assert_eq!(sum.evaluate(&y, &target).unwrap(), together[row], "{loss:?}");
                assert_eq!(sum.gradient(&y, &target).unwrap().row(0), slopes.row(row), "{loss:?}");
            }
        }
    }
}

/// A batch of no samples has the loss 0 and no gradient; samples of no numbers do no harm.
#[test]
fn nothing() {
    for specimen in zoo::<f64>(1, 3, 2) {
        let (y, target) = (specimen.y.slice(s![..0, ..]), specimen.target.slice(s![..0, ..]));
        assert_eq!(specimen.loss.evaluate(&y, &target).unwrap(), 0.0);
        assert_eq!(specimen.loss.gradient(&y, &target).unwrap().dim(), (0, specimen.y.ncols()));
        assert_eq!(specimen.loss.per_sample(&y, &target).unwrap().len(), 0);
        let (y, target) = (specimen.y.slice(s![.., ..0]), specimen.target.slice(s![.., ..0]));
        if let Ok(loss) = specimen.sum.evaluate(&y, &target) {
            assert_eq!(loss, 0.0);
        }
    }
}

/// When all labels are ignored there is no mean.
#[test]
fn all_ignored() {
    let (y, target) = (array![[1.0, 2.0], [3.0, 4.0]], array![[-1.0], [-1.0]]);
    let losses: [(&dyn Loss<f64>, &dyn Loss<f64>); 2] = [
        (&CrossEntropy::new().ignore_index(-1), &Sum(CrossEntropy::new().ignore_index(-1))),
        (&Nll::new().ignore_index(-1), &Sum(Nll::new().ignore_index(-1))),
    ];
    for (mean, sum) in losses {
        assert!(mean.evaluate(&y, &target).unwrap().is_nan());
        assert_eq!(sum.evaluate(&y, &target).unwrap(), 0.0);
        assert_eq!(sum.gradient(&y, &target).unwrap(), Array2::<f64>::zeros((2, 2)));
        let network = Sequential::<f64>::new(2).with(Flatten).unwrap();
        let mut tape = Tape::new(&network, 0);
        tape.forward(&network, &y).unwrap();
        assert!(matches!(tape.loss(mean, &target), Err(Error::NonFinite { .. })));
    }
}

/// The order of a row's predictions: step after step, as layers give sequences.
#[test]
fn steps_are_predictions() {
    let specimen = &zoo::<f64>(6, 4, 8)[10];
    let (y, target) = (&specimen.y, &specimen.target);
    let (y3, target3) = (y.to_shape((2, 12)).unwrap(), target.to_shape((2, 3)).unwrap());
    let (loss, steps) = (CrossEntropy::new(), CrossEntropy::new().classes(4));
    let close = |got: f64, want: f64| assert!((got - want).abs() < 1e-14, "{got} {want}");
    close(steps.evaluate(&y3, &target3).unwrap(), loss.evaluate(y, target).unwrap());
    let gradient = loss.gradient(y, target).unwrap();
    assert_eq!(steps.gradient(&y3, &target3).unwrap(), gradient.to_shape((2, 12)).unwrap());
    let of_steps = loss.per_sample(y, target).unwrap();
    let of_rows = of_steps.to_shape((2, 3)).unwrap().sum_axis(Axis(1));
    let got = steps.per_sample(&y3, &target3).unwrap();
    assert_eq!(got.len(), 2);
    got.iter().zip(&of_rows).for_each(|(&got, &want)| close(got, want));
}

/// A sum has no denominator, but its loss still says what it counts.
#[test]
fn a_sum_counts_what_its_loss_counts() {
    let (y, target) = (array![[1.0, 2.0], [3.0, 4.0]], array![[-1.0], [1.0]]);
    let mut counts = [7.0; 2];
    Sum(CrossEntropy::new().ignore_index(-1)).counts(&y, &target, &mut counts);
    assert_eq!(counts, [0.0, 1.0]);
}

/// Each output of a network has a loss with a weight.
#[test]
fn losses_of_outputs_add_up() {
    let (mut g, r) = (Network::<f64>::new(), &mut rng(0));
    let x = g.input("x", 2);
    let (wide, narrow) = (g.add(x, Dense::new(2, 3, r)).unwrap(), g.add(x, Dense::new(2, 1, r)).unwrap());
    g.output("wide", wide).unwrap();
    g.output("narrow", narrow).unwrap();
    let losses = OutputLosses::new(&g).output("wide", Mse, 0.25).unwrap().output("narrow", Sum(Mae), 3.0).unwrap();
    let (y, target) = (array![[1.0, 2.0, 3.0, 4.0]], array![[0.0, 4.0, 3.0, 9.0]]);
    assert_eq!(losses.evaluate(&y, &target).unwrap(), 0.25 * (1.0 + 4.0) / 3.0 + 3.0 * 5.0);
    let want = array![[0.25 * 2.0 / 3.0, 0.25 * -4.0 / 3.0, 0.0, -3.0]];
    assert!((losses.gradient(&y, &target).unwrap() - want).iter().all(|d| d.abs() < 1e-15));
    let few = losses.evaluate(&y, &target.slice(s![.., ..3])).unwrap_err().to_string();
    assert!(
        few.contains("takes 4 columns of outputs and 4 of targets, got 4 columns of outputs and 3 of targets"),
        "{few}"
    );
    let none = losses.evaluate(&y, &target.slice(s![..0, ..])).unwrap_err().to_string();
    assert!(none.ends_with("4 columns of outputs and 4 of targets in 1 and 0 rows"), "{none}");
}

/// A loss in a box is the same loss, and classes take one column of targets.
#[test]
fn boxes_and_widths() {
    let boxed: Box<dyn Loss<f64>> = Box::new(Sum(Mse));
    assert_eq!(boxed.reduction(), Reduction::Sum);
    assert!(boxed.check(&array![[1.0, 2.0]], &array![[1.0]]).is_err());
    let widths: [(&dyn Loss<f64>, usize); 4] =
        [(&CrossEntropy::new(), 1), (&Nll::new(), 1), (&MultiClassHinge::default(), 1), (&Mse, 7)];
    for (loss, width) in widths {
        assert_eq!(loss.target_width(7), width, "{loss:?}");
    }
}
