//! Every loss with every setting, and outputs and targets that suit it.

use neuropil::losses::Sum;
use neuropil::ndarray::{Array2, ArrayView1};
use neuropil::prelude::*;
use neuropil::rand::{Rng, RngExt};

/// A loss with a batch for it, away from the loss's kinks.
pub(crate) struct Specimen<A: Scalar> {
    pub(crate) loss: Box<dyn Loss<A>>,
    /// The same loss with the samples added up.
    pub(crate) sum: Box<dyn Loss<A>>,
    pub(crate) y: Array2<f64>,
    pub(crate) target: Array2<f64>,
}

impl<A: Scalar> Specimen<A> {
    fn new(loss: impl Loss<A> + Clone + 'static, (y, target): (Array2<f64>, Array2<f64>)) -> Self {
        Self { loss: Box::new(loss.clone()), sum: Box::new(Sum(loss)), y, target }
    }

    /// Outputs and target as the loss's numbers.
    pub(crate) fn batch(&self) -> (Array2<A>, Array2<A>) {
        (self.y.mapv(A::of), self.target.mapv(A::of))
    }
}

/// All of them, for `rows` samples of `columns` columns or classes, at least two; settings and numbers from the seed.
pub(crate) fn zoo<A: Scalar>(rows: usize, columns: usize, seed: u64) -> Vec<Specimen<A>> {
    let rng = &mut rng(seed);
    let setting: f64 = rng.random_range(0.3..2.0);
    let weights: Vec<f64> = (0..columns).map(|_| rng.random_range(0.5..2.0)).collect();
    let dim = (rows, columns);

    let regression = |rng: &mut _, kink: f64| {
        pairs(
            dim,
            rng,
            |rng| (normal(rng), normal(rng)),
            |y, t| (y - t).abs() > 0.01 && ((y - t).abs() - kink).abs() > 0.01,
        )
    };
    let any = |_, _| true;
    let probabilities = |rng: &mut _| pairs(dim, rng, |rng| (within(rng, 0.1, 0.9), within(rng, 0.0, 1.0)), any);
    let logits = |rng: &mut _| pairs(dim, rng, |rng| (2.0 * normal(rng), within(rng, 0.0, 1.0)), any);
    let counts = |rng: &mut _| pairs(dim, rng, |rng| (within(rng, 0.5, 3.0), within(rng, 0.0, 6.0).floor()), any);
    let labels = |rng: &mut _| (scores(dim, rng), column(rows, rng, |rng| within(rng, 0.0, columns as f64).floor()));
    // Every third label is to be ignored, but not the first one.
    let some = |rng: &mut _| {
        let (y, mut target) = labels(rng);
        target.iter_mut().skip(1).step_by(3).for_each(|label| *label = -1.0);
        (y, target)
    };
    let distributions = |rng: &mut _| (scores(dim, rng), softmax(&scores(dim, rng)));
    let log_distributions = |rng: &mut _| (softmax(&scores(dim, rng)).ln(), softmax(&scores(dim, rng)));
    // Two predictions a row.
    let twice = |rng: &mut _| {
        let target = column(2 * rows, rng, |rng| within(rng, 0.0, columns as f64).floor());
        (scores((rows, 2 * columns), rng), target.into_shape_with_order((rows, 2)).unwrap())
    };
    let signs = |rng: &mut _| pairs(dim, rng, |rng| (2.0 * normal(rng), sign(rng)), |y, _| (y - setting).abs() > 0.01);
    let likes = |rng: &mut _| {
        let (y, signs) = signs(rng);
        (y, (signs + 1.0) / 2.0)
    };
    let gaussian = |rng: &mut _| {
        let (mut y, target) = (scores((rows, 2 * columns), rng), scores(dim, rng));
        y.columns_mut().into_iter().skip(columns).for_each(|mut column| column.mapv_inplace(|v| 0.5 + v.abs()));
        (y, target)
    };
    let hinge = |rng: &mut _| loop {
        let (y, target) = labels(rng);
        let clear = |(y, label): (ArrayView1<f64>, &f64)| {
            y.iter().all(|&score| (setting - y[*label as usize] + score).abs() > 1e-3 / rows as f64)
        };
        if y.rows().into_iter().zip(&target).all(clear) {
            break (y, target);
        }
    };
    let vectors = |rng: &mut _| (scores((rows, 2 * columns), rng), column(rows, rng, sign));

    let cross_entropy = CrossEntropy::new();
    let weighted = cross_entropy.clone().class_weights(weights.clone());
    let smooth = weighted.clone().label_smoothing(0.1 * setting);
    let nll = Nll::new();
    let kl = KlDivergence::new();
    let rows_of_hinge = MultiClassHinge::new().margin(setting);
    vec![
        Specimen::new(Mse, regression(rng, 0.0)),
        Specimen::new(Mae, regression(rng, 0.0)),
        Specimen::new(Huber { delta: setting }, regression(rng, setting)),
        Specimen::new(SmoothL1 { beta: setting }, regression(rng, setting)),
        Specimen::new(SmoothL1 { beta: 0.0 }, regression(rng, 0.0)),
        Specimen::new(Bce::new(), probabilities(rng)),
        Specimen::new(Bce::clipped(1e-15), probabilities(rng)),
        Specimen::new(BceWithLogits::new(), logits(rng)),
        Specimen::new(BceWithLogits::new().pos_weight([setting]), logits(rng)),
        Specimen::new(BceWithLogits::new().pos_weight(weights.clone()), logits(rng)),
        Specimen::new(cross_entropy.clone(), labels(rng)),
        Specimen::new(cross_entropy.clone(), distributions(rng)),
        Specimen::new(cross_entropy.clone().ignore_index(-1), some(rng)),
        Specimen::new(cross_entropy.classes(columns), twice(rng)),
        Specimen::new(weighted.clone(), labels(rng)),
        Specimen::new(weighted.clone().ignore_index(-1), some(rng)),
        Specimen::new(weighted, distributions(rng)),
        Specimen::new(smooth.clone(), labels(rng)),
        Specimen::new(smooth.clone(), distributions(rng)),
        Specimen::new(smooth.classes(columns).ignore_index(-1), twice(rng)),
        Specimen::new(nll.clone(), labels(rng)),
        Specimen::new(nll.clone().class_weights(weights.clone()).ignore_index(-1), some(rng)),
        Specimen::new(nll.classes(columns), twice(rng)),
        Specimen::new(kl, log_distributions(rng)),
        Specimen::new(kl.batch_mean(), log_distributions(rng)),
        Specimen::new(kl.log_target(), {
            let (y, target) = log_distributions(rng);
            (y, target.ln())
        }),
        Specimen::new(PoissonNll::new(), counts(rng)),
        Specimen::new(PoissonNll::new().full(), counts(rng)),
        Specimen::new(PoissonNll::new().rate().eps(1e-6), counts(rng)),
        Specimen::new(GaussianNll::new(), gaussian(rng)),
        Specimen::new(GaussianNll::new().full().eps(1e-3), gaussian(rng)),
        Specimen::new(rows_of_hinge.clone(), hinge(rng)),
        Specimen::new(rows_of_hinge.clone().squared(), hinge(rng)),
        Specimen::new(rows_of_hinge.clone().undivided(), hinge(rng)),
        Specimen::new(rows_of_hinge.class_weights(weights), hinge(rng)),
        Specimen::new(HingeEmbedding { margin: setting }, signs(rng)),
        Specimen::new(SoftMargin, signs(rng)),
        Specimen::new(CosineEmbedding { margin: -1.0 }, vectors(rng)),
        Specimen::new(CosineEmbedding { margin: 1.0 }, vectors(rng)),
        Specimen::new(Contrastive { margin: setting }, likes(rng)),
    ]
}

/// Outputs and targets drawn number by number, again where `fits` does not hold.
fn pairs<R: Rng>(
    dim: (usize, usize),
    rng: &mut R,
    draw: impl Fn(&mut R) -> (f64, f64),
    fits: impl Fn(f64, f64) -> bool,
) -> (Array2<f64>, Array2<f64>) {
    let mut y = Array2::zeros(dim);
    let target = Array2::from_shape_fn(dim, |at| {
        loop {
            let (drawn, t) = draw(rng);
            if fits(drawn, t) {
                y[at] = drawn;
                break t;
            }
        }
    });
    (y, target)
}

fn scores(dim: (usize, usize), rng: &mut impl Rng) -> Array2<f64> {
    Array2::from_shape_fn(dim, |_| normal(rng))
}

fn column<R: Rng>(rows: usize, rng: &mut R, draw: impl Fn(&mut R) -> f64) -> Array2<f64> {
    Array2::from_shape_fn((rows, 1), |_| draw(rng))
}

fn softmax(scores: &Array2<f64>) -> Array2<f64> {
    let mut p = scores.exp();
    p.rows_mut().into_iter().for_each(|mut row| row /= row.sum());
    p
}

fn within(rng: &mut impl Rng, low: f64, high: f64) -> f64 {
    rng.random_range(low..high)
}

/// Near enough: the sum of twelve uniform numbers.
fn normal(rng: &mut impl Rng) -> f64 {
    (0..12).map(|_| rng.random::<f64>()).sum::<f64>() - 6.0
}

fn sign(rng: &mut impl Rng) -> f64 {
    if rng.random() { 1.0 } else { -1.0 }
}
