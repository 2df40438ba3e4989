//! Sampling from logits, and perplexity.

use std::convert::Infallible;

use neuropil::metrics::{Metric, Perplexity, Sampling, argmax};
use neuropil::ndarray::{Array2, Axis, array, s};
use neuropil::prelude::*;
use neuropil::rand::{RngExt, TryRng};

use crate::common::refused;

/// The probabilities by their definition: classes leave one by one, the least probable and last first.
fn by_definition(logits: &[f64], temperature: f64, k: usize, p: f64) -> Vec<f64> {
    let weights: Vec<f64> = logits.iter().map(|y| (y / temperature).exp()).collect();
    let mut kept: Vec<usize> = (0..logits.len()).collect();
    let total = |kept: &[usize]| kept.iter().map(|&class| weights[class]).sum::<f64>();
    let without_least = |kept: &[usize]| -> Vec<usize> {
        let least = *kept.iter().rev().min_by(|a, b| weights[**a].total_cmp(&weights[**b])).unwrap();
        kept.iter().copied().filter(|&class| class != least).collect()
    };
    while kept.len() > k {
        kept = without_least(&kept);
    }
    let enough = p * total(&kept);
    while kept.len() > 1 && total(&without_least(&kept)) >= enough {
        kept = without_least(&kept);
    }
    let sum = total(&kept);
    (0..logits.len()).map(|class| if kept.contains(&class) { weights[class] / sum } else { 0.0 }).collect()
}

#[test]
fn sampling_has_the_probabilities_of_its_definition() -> Result<()> {
    let mut compared = 0;
    for seed in 0..300 {
        let mut random = rng(seed);
        let classes = random.random_range(1..9);
        // Few different numbers, so that many are equal.
        let logits = Array2::from_shape_simple_fn((1, classes), || f64::from(random.random_range(-4..5)) * 0.5);
        let (temperature, k, p) =
            (random.random_range(0.2..3.0), random.random_range(1..=classes + 1), random.random_range(0.0..1.0));
        let sampling = Sampling::new().temperature(temperature).top_k(k).top_p(p);
        let found = sampling.probabilities(&logits)?;
        let wanted = by_definition(logits.as_slice().unwrap(), temperature, k, p);
        for (found, wanted) in found.iter().zip(&wanted) {
            assert!((found - wanted).abs() < 1e-14, "seed {seed}: {found} for {wanted}");
            compared += 1;
        }
        assert_eq!(found, sampling.probabilities(&logits.mapv(|y| y as f32))?);
        let plain = Sampling::new().probabilities(&logits)?;
        let softmax = Sequential::<f64>::new(classes).with(Softmax)?.predict(&logits)?;
        assert!((plain - softmax).iter().all(|error| error.abs() < 1e-15));
    }
    assert!(compared > 1_000, "{compared}");
    Ok(())
}

#[test]
fn draws_follow_the_probabilities() -> Result<()> {
    const DRAWS: usize = 20_000;
    let logits = array![[1.0_f32, 0.5, -1.0, 1.0, f32::NEG_INFINITY, 0.0]];
    let rows = logits.broadcast((DRAWS, 6)).unwrap();
    let plain = Sampling::new();
    let settings = [
        plain,
        plain.temperature(0.3),
        plain.temperature(4.0),
        plain.top_k(3),
        plain.top_p(0.8),
        plain.temperature(2.0).top_k(4).top_p(0.7),
    ];
    let mut compared = 0;
    for (seed, sampling) in settings.into_iter().enumerate() {
        let drawn = sampling.draw(&rows, &mut rng(seed as u64))?;
        assert_eq!(drawn, sampling.draw(&rows.mapv(f64::from), &mut rng(seed as u64))?);
        let mut chi_squared = 0.0;
        for (class, &p) in sampling.probabilities(&logits)?.iter().enumerate() {
            let count = drawn.iter().filter(|&&drawn| drawn == class).count() as f64;
            let expected = p * DRAWS as f64;
            if p == 0.0 {
                assert_eq!(count, 0.0, "{sampling:?}");
            } else {
                chi_squared += (count - expected).powi(2) / expected;
                compared += 1;
            }
        }
        // One in 10⁴ for four degrees of freedom.
        assert!(chi_squared < 23.5, "{sampling:?}: {chi_squared}");
    }
    assert_eq!(compared, 5 + 5 + 5 + 3 + 3 + 3);
    Ok(())
}

/// Random numbers that are all the least or the greatest there is.
struct Constant(u64);

impl TryRng for Constant {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> std::result::Result<u32, Infallible> {
        Ok(self.0 as u32)
    }

    fn try_next_u64(&mut self) -> std::result::Result<u64, Infallible> {
        Ok(self.0)
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> std::result::Result<(), Infallible> {
        bytes.fill(self.0 as u8);
        Ok(())
    }
}

#[test]
fn a_class_without_probability_is_never_drawn() -> Result<()> {
    let (mut compared, mut below) = (0, 0);
    for seed in 0..200 {
        let classes = 3 + seed as usize % 9;
        let mut logits: Array2<f64> = Init::STANDARD_NORMAL.matrix(1, classes, &mut rng(seed));
        logits[[0, 0]] = f64::NEG_INFINITY;
        logits[[0, classes - 1]] = f64::NEG_INFINITY;
        assert_eq!(Sampling::new().draw(&logits, &mut Constant(0))?, [1]);
        assert_eq!(Sampling::new().draw(&logits, &mut Constant(u64::MAX))?, [classes - 2]);
        // The case that matters: the probabilities add up to less than the greatest random number.
        let sum = Sampling::new().probabilities(&logits)?.iter().fold(0.0, |sum, p| sum + p);
        below += usize::from(sum < 1.0);
        compared += 2;
    }
    assert_eq!(compared, 400);
    assert!(below > 5, "{below}");
    Ok(())
}

#[test]
fn sampling_at_the_ends_of_its_settings() -> Result<()> {
    let logits = array![[0.0, 3.0, -0.0, 3.0], [-0.0, 0.0, 0.0, -5.0], [-1e308, 1e308, f64::NEG_INFINITY, 0.0]];
    let plain = Sampling::new();
    let first = [plain.temperature(0.0), plain.temperature(-0.0), plain.top_k(1), plain.top_p(0.0)];
    for sampling in first.into_iter().chain([plain.temperature(0.0).top_k(9).top_p(0.5)]) {
        for seed in 0..20 {
            assert_eq!(sampling.draw(&logits, &mut rng(seed))?, argmax(&logits), "{sampling:?}");
        }
    }
    // The limit of low temperatures: equal logits stay equally probable, and nothing overflows.
    for temperature in [1e-3, 1e-300, 5e-324] {
        let p = plain.temperature(temperature).probabilities(&logits.slice(s![..1, ..]))?;
        assert_eq!(p, array![[0.0, 0.5, 0.0, 0.5]]);
    }
    let p = plain.temperature(f64::MAX).probabilities(&logits)?;
    assert_eq!(p.slice(s![..2, ..]), Array2::from_elem((2, 4), 0.25));
    // Of equal logits the first stays, whatever the sign of zero.
    assert_eq!(plain.top_k(2).probabilities(&array![[-0.0, 0.0, 0.0]])?, array![[0.5, 0.5, 0.0]]);
    assert_eq!(plain.top_p(0.5).probabilities(&array![[0.0; 4]])?, array![[0.5, 0.5, 0.0, 0.0]]);
    // With p = 1 nothing is left out, however improbable.
    assert!(plain.top_p(1.0).probabilities(&array![[0.0, -700.0]])?[[0, 1]] > 0.0);
    assert_eq!(plain.draw(&Array2::<f32>::zeros((0, 3)), &mut rng(1))?, [0; 0]);
    assert_eq!(plain.top_k(usize::MAX).draw(&array![[-3.0]], &mut rng(1))?, [0]);
    for temperature in [-1.0, f64::NAN, f64::INFINITY] {
        refused(plain.temperature(temperature).draw(&logits, &mut rng(1)), "the temperature of Sampling must be");
    }
    for p in [-0.1, 1.1, f64::NAN] {
        refused(plain.top_p(p).draw(&logits, &mut rng(1)), "the p of Sampling must be in [0, 1]");
    }
    refused(plain.top_k(0).draw(&logits, &mut rng(1)), "the k of Sampling must be at least 1, got 0");
    refused(plain.draw(&Array2::<f64>::zeros((2, 0)), &mut rng(1)), "the number of classes of Sampling");
    let (none, mut compared) = (f64::NEG_INFINITY, 0);
    for row in [[f64::NAN, 1.0], [1.0, f64::NAN], [f64::INFINITY, 1.0], [f64::INFINITY, f64::NAN], [none, none]] {
        let logits = array![[1.0, 2.0], row];
        for sampling in first.into_iter().chain([plain, plain.top_p(0.5)]) {
            refused(sampling.draw(&logits, &mut rng(1)), "the largest logit of sample 1 is");
            refused(sampling.draw(&logits.mapv(|y| y as f32), &mut rng(1)), "the largest logit of sample 1 is");
            compared += 2;
        }
    }
    assert_eq!(compared, 5 * 6 * 2);
    Ok(())
}

#[test]
fn perplexity_is_the_exponential_of_the_mean_cross_entropy() -> Result<()> {
    // p of the true classes: 1/2, 1/8, and what is ignored.
    let y = array![[1.0_f64, 1.0], [7.0, 1.0], [0.0, 90.0]].ln();
    let target = array![[0.0], [1.0], [-1.0]];
    let metric = Perplexity(CrossEntropy::new().ignore_index(-1));
    assert!((metric.evaluate(&y.slice(s![..2, ..]), &target.slice(s![..2, ..]))? - 4.0).abs() < 1e-14);
    assert!((metric.evaluate(&y, &target)? - 4.0).abs() < 1e-14);
    // Steps side by side are as steps below each other.
    let steps = Perplexity(CrossEntropy::new().classes(2).ignore_index(-1));
    let wide = [y.view().to_shape((1, 6)).unwrap().into_owned(), array![[0.0; 6]]];
    let wide = neuropil::ndarray::concatenate![Axis(0), wide[0], wide[1]];
    let labels = array![[0.0, 1.0, -1.0], [-1.0, -1.0, -1.0]];
    assert!((steps.evaluate(&wide, &labels)? - 4.0).abs() < 1e-14);
    let of_f32 = Metric::<f32>::evaluate(&steps, &wide.mapv(|y| y as f32), &labels.mapv(|t| t as f32))?;
    assert!((of_f32 - 4.0).abs() < 1e-6, "{of_f32}");
    let metric: &dyn Metric<f64> = &metric;
    assert!(metric.evaluate(&Array2::zeros((0, 2)), &Array2::zeros((0, 1)))?.is_nan());
    assert!(metric.evaluate(&y, &Array2::from_elem((3, 1), -1.0))?.is_nan());
    assert!(metric.evaluate(&array![[f64::NAN, 0.0]], &array![[0.0]])?.is_nan());
    assert_eq!(metric.evaluate(&array![[0.0, 1e4]], &array![[0.0]])?, f64::INFINITY);
    assert_eq!((metric.name().as_str(), metric.higher_is_better()), ("perplexity", false));
    metric.check(&y, &target)?;
    for wrong in [array![[0.0], [1.0], [2.0]], array![[0.0], [1.0], [f64::NAN]], array![[0.0, 1.0]]] {
        refused(metric.evaluate(&y, &wrong), "CrossEntropy");
        refused(metric.check(&y, &wrong), "CrossEntropy");
    }
    Ok(())
}
