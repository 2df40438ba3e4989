//! Activation-like layers: random slopes, trained slopes, distributions.

use ndarray::{Array2, array};
use neuropil::ndarray;
use neuropil::prelude::*;

#[test]
fn rrelu_draws_when_training_and_averages_when_predicting() {
    let network = Sequential::new(500).with(RRelu::default()).unwrap();
    let x = Array2::from_shape_fn((40, 500), |(i, j)| if (i + j) % 5 == 0 { 3.0 } else { -2.0 });
    let predicted = network.predict(&x).unwrap();
    assert!(predicted.iter().all(|&y| y == 3.0 || y == -2.0 * (11.0 / 48.0)));

    let mut tape = Tape::new(&network, 7);
    let first = tape.forward(&network, &x).unwrap().clone();
    let slopes = tape.backward_from(&network, &Array2::ones(x.dim())).unwrap().input;
    assert_eq!(&x * slopes, first);
    let negative: Vec<f64> = slopes.iter().zip(&x).filter(|&(_, &x)| x < 0.0).map(|(&slope, _)| slope).collect();
    assert_eq!(negative.len(), 16_000);
    assert!(negative.iter().all(|slope| (1.0 / 8.0..1.0 / 3.0).contains(slope)));
    // Mean and spread of an even distribution: the mean of 16,000 is within 4 of its standard errors.
    let (mean, width) = (negative.iter().sum::<f64>() / 16_000.0, 5.0 / 24.0);
    let variance = negative.iter().map(|slope| (slope - mean).powi(2)).sum::<f64>() / 16_000.0;
    assert!((mean - 11.0 / 48.0).abs() < 4.0 * width / (12.0_f64 * 16_000.0).sqrt(), "{mean}");
    assert!((variance / (width * width / 12.0) - 1.0).abs() < 0.03, "{variance}");

    // New slopes in the next pass; the same ones from the same seed; those of one number not by the others' sign.
    let second = tape.forward(&network, &x).unwrap().clone();
    assert_ne!(first, second);
    let mut again = Tape::new(&network, 7);
    assert_eq!(again.forward(&network, &x).unwrap(), first);
    let y = Tape::new(&network, 7).forward(&network, &x.mapv(|_| -2.0)).unwrap().clone();
    assert!(first.iter().zip(&x).zip(&y).all(|((first, &x), y)| x > 0.0 || first == y));
}

#[test]
fn prelu_learns_its_slope() {
    let x = Array2::from_shape_fn((8, 3), |(i, j)| i as f64 - 3.5 + j as f64 / 8.0);
    let slopes = [0.5, -0.125, 0.0];
    let target = Array2::from_shape_fn((8, 3), |i| if x[i] > 0.0 { x[i] } else { slopes[i.1] * x[i] });
    let mut network = Sequential::new(3).with(PRelu::per_channel(3)).unwrap();
    let mut tape = Tape::new(&network, 0);
    let mut sgd = Sgd::new(0.5);
    for _ in 0..100 {
        tape.train(&mut network, &x, &target, &Mse, &mut sgd).unwrap();
    }
    let mut learnt = Vec::new();
    network.visit(&mut |info, w| learnt.extend(w.iter().map(|&w| (info.name.to_string(), w))));
    for ((name, learnt), slope) in learnt.iter().zip(slopes) {
        assert_eq!(name, "0.weight");
        assert!((learnt - slope).abs() < 1e-9, "{learnt} for {slope}");
    }
    assert_eq!(learnt.len(), 3);
}

/// Softmax of each group adds up to 1, its logarithm is that of the other layer, and neither cares for a shift.
fn check_softmax<A: Scalar>(tolerance: f64) -> usize {
    let mut compared = 0;
    let shapes: [Shape; 7] =
        [1.into(), 10.into(), 65.into(), 1500.into(), [4, 7].into(), [5, 1, 1].into(), [6, 10, 13].into()];
    for shape in shapes {
        let (softmax, log) =
            (Sequential::new(shape).with(Softmax).unwrap(), Sequential::new(shape).with(LogSoftmax).unwrap());
        let x: Array2<A> = Init::Uniform { low: -8.0, high: 8.0 }.matrix(70, shape.len(), &mut rng(1));
        let (y, log) = (softmax.predict(&x).unwrap(), log.predict(&x).unwrap());
        let shifted = softmax.predict(&x.mapv(|x| x + A::of(512.0))).unwrap();
        let (size, apart) = match shape {
            Shape::Image { channels, height, width } => (channels, height * width),
            Shape::Flat(features) | Shape::Sequence { features, .. } => (features, 1),
        };
        for row in 0..70 {
            for group in 0..shape.len() / size {
                let start = if apart == 1 { group * size } else { group };
                let sum: f64 = (0..size).map(|i| y[[row, start + i * apart]].to_f64()).sum();
                assert!((sum - 1.0).abs() < tolerance, "{shape}: {sum}");
            }
        }
        for ((y, log), shifted) in y.iter().zip(&log).zip(&shifted) {
            let (y, log, shifted) = (y.to_f64(), log.to_f64(), shifted.to_f64());
            assert!((y.ln() - log).abs() < tolerance * (1.0 + log.abs()), "{shape}: ln {y} = {log}");
            // x + 512 is a rounded number.
            assert!((y - shifted).abs() < 512.0 * tolerance * y, "{shape}: {y} {shifted}");
            compared += 1;
        }
    }
    compared
}

#[test]
fn softmax_is_a_distribution() {
    assert_eq!(check_softmax::<f64>(1e-14), 70 * (1 + 10 + 65 + 1500 + 28 + 5 + 780));
    assert_eq!(check_softmax::<f32>(1e-6), 70 * (1 + 10 + 65 + 1500 + 28 + 5 + 780));
}

#[test]
fn softmax_of_infinite_scores() {
    let inf = f64::INFINITY;
    let x = array![[0.0, -inf, 0.0], [-inf, 3.0, -inf], [-inf, -inf, -inf], [0.0, inf, 1.0]];
    let y = Sequential::new(3).with(Softmax).unwrap().predict(&x).unwrap();
    assert_eq!(y.slice(ndarray::s![..2, ..]), array![[0.5, 0.0, 0.5], [0.0, 1.0, 0.0]]);
    assert!(y.row(2).iter().all(|y| y.is_nan()));
    assert!(y[[3, 1]].is_nan());
    // The channels of two pixels are the columns here.
    let y = Sequential::new([2, 1, 2]).with(LogSoftmax).unwrap().predict(&array![[7.0, -inf, -inf, 0.0]]).unwrap();
    assert_eq!(y, array![[0.0, -inf, -inf, 0.0]]);
}
