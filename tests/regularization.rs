//! Dropout and noise: their random draws, the identity in evaluation mode, and derivatives with fixed draws.

use ndarray::{Array2, s};
use neuropil::prelude::*;
use neuropil::rand::RngExt;
use neuropil::{gradcheck, ndarray};

/// The outputs of a training pass for ones.
fn of_ones(layer: &dyn Layer<f64>, shape: impl Into<Shape>, rows: usize, seed: u64) -> Array2<f64> {
    let shape = shape.into();
    Tape::for_layer(layer, shape, seed).forward(layer, &Array2::ones((rows, shape.len()))).unwrap().clone()
}

#[test]
fn dropout_drops_its_share_and_keeps_the_mean() {
    for probability in [0.0, 0.1, 0.5, 0.9, 1.0] {
        let y = of_ones(&Dropout::new(probability), 500, 200, 7);
        let dropped = y.iter().filter(|&&y| y == 0.0).count() as f64 / 1e5;
        // Within 4 standard errors of the share.
        let error = (probability * (1.0 - probability) / 1e5).sqrt();
        assert!((dropped - probability).abs() <= 4.0 * error, "{dropped} for {probability}");
        let kept = 1.0 / (1.0 - probability);
        assert!(y.iter().all(|&y| y == 0.0 || (y - kept).abs() < 1e-15), "{probability}");
    }
}

#[test]
fn draws_follow_the_seed_and_differ_from_pass_to_pass() {
    let layers: [Box<dyn Layer<f64>>; 3] =
        [Box::new(Dropout::new(0.5)), Box::new(SpatialDropout::new(0.5)), Box::new(GaussianNoise::new(1.0))];
    let x = Array2::ones((10, 64));
    for layer in &layers {
        let mut tape = Tape::for_layer(&**layer, 64, 3);
        let [first, second] = [0, 1].map(|_| tape.forward(&**layer, &x).unwrap().clone());
        assert_ne!(first, second, "{layer:?}");
        assert_eq!(first, of_ones(&**layer, 64, 10, 3), "{layer:?}");
        assert_ne!(first, of_ones(&**layer, 64, 10, 4), "{layer:?}");
        tape.reseed(3);
        assert_eq!(tape.forward(&**layer, &x).unwrap(), first, "{layer:?}");
    }
}

#[test]
fn neighboring_draws_have_nothing_in_common() {
    let y = of_ones(&Dropout::new(0.5), 1000, 100, 5).mapv(|y| y - 1.0);
    // Products of ±1: their mean is within 4 standard errors of 0.
    for apart in 1..=8 {
        let product = &y.slice(s![.., apart..]) * &y.slice(s![.., ..-apart]);
        let (mean, n) = (product.mean().unwrap(), product.len() as f64);
        assert!(mean.abs() < 4.0 / n.sqrt(), "{apart} apart: {mean}");
    }
}

#[test]
fn spatial_dropout_drops_whole_channels() {
    let mut dropped = 0;
    let y = of_ones(&SpatialDropout::new(0.25), [6, 5, 7], 100, 1);
    for row in y.rows() {
        for channel in row.as_slice().unwrap().chunks_exact(35) {
            assert!(channel.iter().all(|y| y == &channel[0]) && [0.0, 1.0 / 0.75].contains(&channel[0]));
            dropped += usize::from(channel[0] == 0.0);
        }
    }
    assert!((100..200).contains(&dropped), "{dropped} of 600");
    // A feature of a sequence is dropped in all steps.
    let y = of_ones(&SpatialDropout::new(0.5), [5, 8], 50, 1);
    for row in y.rows() {
        let steps = row.as_slice().unwrap();
        assert!((8..40).all(|i| steps[i] == steps[i % 8]));
        assert!(steps.iter().all(|y| [0.0, 2.0].contains(y)));
    }
    assert!((150..250).contains(&y.slice(s![.., ..8]).iter().filter(|&&y| y == 0.0).count()));
}

/// Queries and keys are 0, and values the steps themselves, one-hot: the outputs are the weights.
#[test]
fn attention_drops_its_share_of_weights() {
    let (steps, rows) = (16, 40);
    let x = Array2::from_shape_fn((rows, steps * steps), |(_, i)| if i % (steps + 1) == 0 { 1.0 } else { 0.0 });
    for probability in [0.0, 0.3, 1.0] {
        let mut layer = MultiHeadAttention::<f64>::new(steps, 2, &mut rng(1)).dropout(probability);
        Layer::visit_mut(&mut layer, &mut |info, w| {
            w.fill(0.0);
            match &*info.name.to_string() {
                "in_proj_weight" => w.slice_mut(s![.., 2 * steps..]).assign(&Array2::eye(steps)),
                "out_proj.weight" => w.assign(&Array2::eye(steps)),
                _ => {}
            }
        });
        let mut tape = Tape::for_layer(&layer, [steps, steps], 5);
        let y = tape.forward(&layer, &x).unwrap().clone();
        let share = y.iter().filter(|&&y| y == 0.0).count() as f64 / y.len() as f64;
        let error = (probability * (1.0 - probability) / y.len() as f64).sqrt();
        assert!((share - probability).abs() <= 4.0 * error, "{share} for {probability}");
        let kept = 1.0 / (1.0 - probability) / steps as f64;
        assert!(y.iter().all(|&y| y == 0.0 || (y - kept).abs() < 1e-15), "{probability}");
        if probability != 0.3 {
            continue;
        }
        assert_ne!(tape.forward(&layer, &x).unwrap(), &y);
        tape.reseed(5);
        assert_eq!(tape.forward(&layer, &x).unwrap(), &y);
        // Queries, heads and samples draw for themselves: products have a mean within 4 standard errors of 0.
        let signs: Vec<f64> = y.iter().map(|&y| if y == 0.0 { -0.7 } else { 0.3 } / (0.3_f64 * 0.7).sqrt()).collect();
        for apart in [1, 2, steps / 2, steps, 2 * steps, steps * steps] {
            let products = signs.iter().zip(&signs[apart..]).map(|(a, b)| a * b);
            let (sum, n) = (products.clone().sum::<f64>(), products.count() as f64);
            assert!(sum.abs() / n < 4.0 / n.sqrt(), "{apart} apart: {sum} of {n}");
        }
    }
    let wrong = MultiHeadAttention::<f32>::new(4, 2, &mut rng(1)).dropout(1.5);
    let error = Sequential::new([3, 4]).with(wrong).unwrap_err().to_string();
    assert_eq!(
        error,
        "layer 0, the dropout of MultiHeadAttention(4, 2 heads, dropout 1.5) must be from 0 to 1, got 1.5"
    );
}

#[test]
fn noise_is_normal() {
    let n = of_ones(&GaussianNoise::new(0.5), 400, 250, 2).mapv(|y| (y - 1.0) / 0.5);
    let moment = |power: i32| n.mapv(|n| n.powi(power)).mean().unwrap();
    // Within 4 standard errors of 100,000 draws: those of n, n², n³ and n⁴ are √1, √2, √15 and √96 over √100,000.
    for (power, want, deviation) in [(1, 0.0, 1.0), (2, 1.0, 2.0), (3, 0.0, 15.0), (4, 3.0, 96.0_f64)] {
        let got = moment(power);
        assert!((got - want).abs() < 4.0 * deviation.sqrt() / 1e5_f64.sqrt(), "moment {power}: {got}");
    }
}

#[test]
fn nothing_happens_when_predicting() {
    let network = Sequential::new([4, 2, 2]).with(Dropout::new(0.5)).unwrap();
    let network = network.with(SpatialDropout::new(0.5)).unwrap().with(GaussianNoise::new(1.0)).unwrap();
    let x = Array2::from_shape_fn((3, 16), |(i, j)| (i * 16 + j) as f64);
    assert_eq!(network.predict(&x).unwrap(), x);
}

/// Over 30 random configurations each, with the draws of one seed in every evaluation.
#[test]
fn derivatives_are_right_with_frozen_draws() {
    let mut random = rng(1);
    let mut nonzero = 0;
    for seed in 0..30 {
        let shape: Shape = match random.random_range(0..3) {
            0 => random.random_range(1..9).into(),
            1 => [random.random_range(1..5), random.random_range(1..5)].into(),
            _ => [random.random_range(1..5), random.random_range(1..4), random.random_range(1..4)].into(),
        };
        let probability = random.random_range(0.0..0.9);
        let layers: [Box<dyn Layer<f64>>; 3] = [
            Box::new(Dropout::new(probability)),
            Box::new(SpatialDropout::new(probability)),
            Box::new(GaussianNoise::new(probability)),
        ];
        let rows = random.random_range(1..6);
        let x = Array2::from_shape_simple_fn((rows, shape.len()), || random.random_range(-2.0..2.0));
        for layer in &layers {
            let report = gradcheck::layer(&**layer, shape, &x, seed).unwrap();
            assert!(report.passes(1e-7), "{layer:?} on {shape}: {report}");
            assert_eq!(report.compared, x.len());
            nonzero += report.nonzero;
        }
    }
    assert!(nonzero > 1000, "{nonzero}");
}

#[test]
fn settings_outside_their_range_are_errors() {
    let error = |layer: &dyn Layer<f32>| layer.output_shape(3.into()).unwrap_err().to_string();
    assert_eq!(error(&Dropout::new(1.5)), "Dropout's probability must be from 0 to 1, got 1.5");
    assert_eq!(error(&Dropout::new(f64::NAN)), "Dropout's probability must be from 0 to 1, got NaN");
    assert_eq!(error(&SpatialDropout::new(-0.1)), "SpatialDropout's probability must be from 0 to 1, got -0.1");
    assert_eq!(error(&GaussianNoise::new(-1.0)), "GaussianNoise's deviation must be at least 0 and finite, got -1");
}
