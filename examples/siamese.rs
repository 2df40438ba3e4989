//! A siamese network (Bromley et al., 1993; Hadsell, Chopra and LeCun, 2006): one encoder, applied to two digits,
//! learns only whether they are of the same class. Its output for a digit, an embedding of a few numbers, then finds
//! the nearest neighbors among digits whose class is known.
//!
//! ```text
//! cargo run --release --example siamese
//! ```

use neuropil::data::{self, Samples};
use neuropil::joins::Distance;
use neuropil::ndarray::{Axis, concatenate};
use neuropil::prelude::*;
use neuropil::rand::{Rng, RngExt};

/// The size of the embedding of a digit.
const EMBEDDING: usize = 8;

fn main() -> Result<()> {
    let mut rng = rng(1);
    let mut digits = data::digits::<f32>();
    digits.x /= 16.0; // From 0..=16 to 0..=1.
    let (train, test) = digits.stratified_split(0.2, &mut rng)?;

    let encoder = Sequential::new([1, 8, 8])
        .with(Conv2d::new(1, 16, [3, 3], &mut rng).padding(1))?
        .with(Relu)?
        .with(MaxPool2d::new([2, 2]))?
        .with(Flatten)?
        .with(Dense::new(16 * 4 * 4, 64, &mut rng))?
        .with(Relu)?
        .with(Dense::new(64, EMBEDDING, &mut rng))?;

    // The encoder is used twice with one set of parameters, whose gradient is the sum over both uses.
    let mut g = Network::new();
    let (left, right) = (g.input("left", [1, 8, 8]), g.input("right", [1, 8, 8]));
    let encoder = g.share(encoder);
    let (u, v) = (g.apply(encoder, left)?, g.apply(encoder, right)?); // each (n, EMBEDDING)
    let distance = g.join(Distance, [u, v])?; // (n, 1)
    g.output("distance", distance)?;
    g.rename(0, "encoder")?;
    println!("{g}");

    let loss = Contrastive { margin: 1.0 };
    let mut trainer = Trainer::new(loss, Adam::new(0.002)).epochs(40).seed(1);
    let history = trainer.fit_stream(&mut g, |epoch| {
        let mut rng = neuropil::rng(epoch as u64);
        let pairs = pairs(&train, &mut rng);
        pairs.batches(32, &mut rng).map(Ok).collect::<Vec<_>>()
    })?;
    println!("{history}");

    // The encoder alone, as it was trained.
    let encoder = g.layer::<Sequential<f32>>("encoder").expect("it was given this name");
    let known = Samples::new(encoder.predict(&train.x)?, train.target.clone())?;
    let asked = Samples::new(encoder.predict(&test.x)?, test.target.clone())?;
    println!("by all 64 pixels  {:.4}", nearest_neighbor(&train, &test));
    println!("nearest neighbor {:.4}", nearest_neighbor(&known, &asked));
    Ok(())
}

/// A pair for each digit: x is (n, 2·64), two images side by side; the target is 1 for the same class, as in about half
/// of them, and 0 otherwise.
fn pairs(digits: &Samples<f32>, rng: &mut impl Rng) -> Samples<f32> {
    let class = |i: usize| digits.target[[i, 0]];
    let partners: Vec<usize> = (0..digits.len())
        .map(|i| {
            let alike: bool = rng.random();
            // Draws random digits until one is of the same class or not, as wanted.
            loop {
                let other = rng.random_range(0..digits.len());
                if other != i && (class(other) == class(i)) == alike {
                    break other;
                }
            }
        })
        .collect();
    let others = digits.select(&partners).expect("they are numbers of digits");
    let mut alike = digits.target.clone();
    alike.zip_mut_with(&others.target, |t, &other| *t = if *t == other { 1.0 } else { 0.0 });
    Samples { x: concatenate![Axis(1), digits.x, others.x], target: alike }
}

/// The share of `asked` whose class is that of their nearest neighbor in `known`.
fn nearest_neighbor(known: &Samples<f32>, asked: &Samples<f32>) -> f64 {
    let right = asked.x.rows().into_iter().zip(&asked.target).filter(|(x, class)| {
        let squares = known.x.rows().into_iter().map(|other| other.iter().zip(x).map(|(a, b)| (a - b).powi(2)).sum());
        let nearest = squares.enumerate().min_by(|(_, a): &(usize, f32), (_, b)| a.total_cmp(b));
        nearest.is_some_and(|(i, _)| known.target[[i, 0]] == **class)
    });
    right.count() as f64 / asked.len() as f64
}
