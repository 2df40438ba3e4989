//! An LSTM forecasts the sunspots of the next year, and further years from its own forecasts.
//!
//! The series is real: yearly numbers of sunspots from 1700 to 2008, which rise and fall in cycles of about eleven
//! years that are never twice the same. The network is trained on the years before 1950.
//!
//! ```text
//! cargo run --release --example sunspots
//! ```

use neuropil::data::Samples;
use neuropil::metrics::{Metric, RootMeanSquaredError};
use neuropil::ndarray::{Array2, s};
use neuropil::prelude::*;
use neuropil::schedules::Cosine;

/// The number of years in the input: two and a half cycles.
const WINDOW: usize = 28;
/// The first year of the test data.
const TEST: usize = 1950;
/// The network works with the square root of the numbers, which evens out high and low cycles, divided by this.
const SCALE: f32 = 10.0;

fn main() -> Result<()> {
    let (first, numbers) = read();
    let series: Vec<f32> = numbers.iter().map(|number| number.sqrt() / SCALE).collect();
    let (train, test) = windows(&series, TEST - first);

    let mut rng = rng(1);
    let mut network = Sequential::new([WINDOW, 1])
        .with(Lstm::new(1, 24, &mut rng).last_state())?
        .with(Dense::new(24, 1, &mut rng))?;
    println!("{network}");
    let mut trainer =
        Trainer::new(Mse, Adam::new(0.01)).epochs(150).batch_size(32).seed(1).clip_norm(1.0).schedule(Cosine::new(150));
    let history = trainer.fit(&mut network, &train)?;
    let losses = history.column("loss");
    println!("loss {:.4} after the first epoch, {:.4} after the last\n", losses[0], losses[losses.len() - 1]);

    // One year ahead, from the true values of the years before.
    let back = |x: &Array2<f32>| x.mapv(|x| (x.max(0.0) * SCALE).powi(2));
    let truth = back(&test.target);
    let forecast = back(&network.predict(&test.x)?);
    let last_year = back(&test.x.slice(s![.., WINDOW - 1..]).to_owned());
    let cycle_ago = back(&test.x.slice(s![.., WINDOW - 11..WINDOW - 10]).to_owned());
    println!("year     sunspots  forecast");
    for (i, (truth, forecast)) in truth.iter().zip(&forecast).enumerate().step_by(3) {
        let bar = "*".repeat((truth / 5.0) as usize);
        println!("{}  {truth:11.1}  {forecast:8.1}  {bar}", TEST + i);
    }
    let error = |y: &Array2<f32>| RootMeanSquaredError.evaluate(y, &truth);
    println!("\nroot mean squared error from {TEST} on, a year ahead:");
    println!("  the same as last year           {:5.1}", error(&last_year)?);
    println!("  the same as eleven years before {:5.1}", error(&cycle_ago)?);
    println!("  the network                     {:5.1}", error(&forecast)?);

    // Further ahead, from its own forecasts.
    let mut window = test.x.row(0).to_vec();
    print!("\n{TEST} to {} from the years before {TEST} alone:", TEST + 10);
    for _ in 0..=10 {
        let next = network.predict_one(&window)?[0];
        window.remove(0);
        window.push(next);
        print!(" {:.0}", (next.max(0.0) * SCALE).powi(2));
    }
    let truths: Vec<String> = truth.iter().take(11).map(|truth| format!("{truth:.0}")).collect();
    println!("\n                                   observed: {}", truths.join(" "));
    Ok(())
}

/// The first year, and the numbers from that year on.
fn read() -> (usize, Vec<f32>) {
    let text = include_str!("data/sunspots.csv");
    let mut lines = text.lines().skip(1).filter_map(|line| line.split_once(','));
    let (first, _) = lines.clone().next().expect("the file has lines");
    (first.parse().expect("a year"), lines.by_ref().map(|(_, number)| number.parse().expect("a number")).collect())
}

/// Samples with a year as target and the years before it as input: those before year number `test`, and the rest.
fn windows(series: &[f32], test: usize) -> (Samples<f32>, Samples<f32>) {
    let part = |years: std::ops::Range<usize>| Samples {
        x: Array2::from_shape_fn((years.len(), WINDOW), |(i, t)| series[years.start + i - WINDOW + t]),
        target: Array2::from_shape_fn((years.len(), 1), |(i, _)| series[years.start + i]),
    };
    (part(WINDOW..test), part(test..series.len()))
}
