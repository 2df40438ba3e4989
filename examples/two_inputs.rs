//! A network with two inputs and two outputs: from the image of a digit and six measurements of it, it predicts the
//! class and how far the digit leans.
//!
//! ```text
//! cargo run --release --example two_inputs
//! ```

use neuropil::OutputLosses;
use neuropil::data::{self, NamedSamples};
use neuropil::metrics::{Accuracy, R2};
use neuropil::ndarray::{Array2, ArrayView2, Zip, arr1, s};
use neuropil::prelude::*;
use neuropil::schedules::Cosine;

fn main() -> Result<()> {
    let mut rng = rng(1);
    let mut digits = data::digits::<f32>();
    digits.x /= 16.0; // From 0..=16 to 0..=1.
    let (measures, lean) = measure(&digits.x);
    let samples = NamedSamples::new(
        &[("image", &digits.x), ("measures", &measures)],
        &[("class", &digits.target), ("lean", &lean)],
    )?;
    let (train, test) = samples.split(0.2, &mut rng)?;
    let (train, validation) = train.split(0.1, &mut rng)?;

    let mut g = Network::new();
    let image = g.input("image", [1, 8, 8]);
    let measures = g.input("measures", 6);
    let seen = Sequential::new([1, 8, 8])
        .with(Conv2d::new(1, 12, [3, 3], &mut rng).padding(1))?
        .with(Relu)?
        .with(MaxPool2d::new([2, 2]))?
        .with(Flatten)?
        .with(Dense::new(12 * 4 * 4, 48, &mut rng))?
        .with(Relu)?;
    // The measures have different scales, which a batch norm equalizes.
    let read = Sequential::new(6).with(BatchNorm::new(6))?.with(Dense::new(6, 16, &mut rng))?.with(Relu)?;
    let seen = g.add(image, seen)?; // (n, 48)
    let read = g.add(measures, read)?; // (n, 16)
    let both = g.join(Concat, [seen, read])?; // (n, 64)
    let class = g.add(both, Dense::new(64, 10, &mut rng))?;
    let lean = g.add(both, Dense::new(64, 1, &mut rng))?;
    g.output("class", class)?;
    g.output("lean", lean)?;
    println!("{g}");

    // L = cross-entropy of the class + 5 · squared error of the lean: the weight makes up for the small scale of the
    // lean.
    let losses = OutputLosses::new(&g).output("class", CrossEntropy::new(), 1.0)?.output("lean", Mse, 5.0)?;
    let (accuracy, r2) = (losses.metric("class", Accuracy)?, losses.metric("lean", R2)?);
    let mut trainer = Trainer::new(losses, Adam::new(0.003))
        .epochs(25)
        .batch_size(32)
        .seed(1)
        .schedule(Cosine::new(25))
        .validation(&validation)
        .metric(accuracy)
        .metric(r2);
    println!("{}", trainer.fit(&mut g, &train)?);

    // One digit: the prediction holds both outputs side by side, and each has its name.
    let y = g.predict(&test.x.slice(s![..1, ..]))?;
    println!("a {} that leans by {:.2}", test.target[[0, 0]], test.target[[0, 1]]);
    println!("class {:.1}\nlean  {:.2}\n", g.output_of(&y, "class")?, g.output_of(&y, "lean")?);

    let reached = trainer.evaluate(&g, &test)?;
    let figure = |name| reached.get(name).unwrap_or(f64::NAN);
    println!("class accuracy {:.4}, lean r2 {:.4}", figure("class_accuracy"), figure("lean_r2"));
    Ok(())
}

/// For each image of (n, 64): six measurements, (n, 6), and how far it leans, (n, 1).
fn measure(images: &Matrix<f32>) -> (Array2<f32>, Array2<f32>) {
    let mut measures = Array2::zeros((images.nrows(), 6));
    let mut lean = Array2::zeros((images.nrows(), 1));
    for ((image, mut measures), lean) in images.rows().into_iter().zip(measures.rows_mut()).zip(&mut lean) {
        let image = image.into_shape_with_order((8, 8)).expect("an image has 64 pixels");
        let ink = image.sum();
        // The moments of the ink: its mean position, its spread, and the covariance of both axes.
        let mean = |f: &dyn Fn(f32, f32) -> f32| {
            image.indexed_iter().map(|((row, column), ink)| ink * f(column as f32, 7.0 - row as f32)).sum::<f32>() / ink
        };
        let (across, up) = (mean(&|x, _| x), mean(&|_, y| y));
        let width = mean(&|x, _| (x - across).powi(2));
        let height = mean(&|_, y| (y - up).powi(2));
        let mirrored = [s![.., ..;-1], s![..;-1, ..]].map(|mirror| {
            let difference = Zip::from(image).and(image.slice(mirror)).fold(0.0, |sum, a, b| sum + (a - b).abs());
            1.0 - difference / (2.0 * ink)
        });
        measures.assign(&arr1(&[ink, width, height, mirrored[0], mirrored[1], holes(image) as f32]));
        // The slope of the line x = lean·y through the ink: 0 for an upright stroke, above 0 for one that leans right.
        *lean = mean(&|x, y| (x - across) * (y - up)) / height;
    }
    (measures, lean)
}

/// How many white areas the ink encloses: none in a 1, one in a 0, two in an 8.
fn holes(image: ArrayView2<'_, f32>) -> usize {
    // A white frame connects all outside areas: (10, 10).
    let mut white = Array2::from_elem((10, 10), true);
    white.slice_mut(s![1..9, 1..9]).zip_mut_with(&image, |white, &ink| *white = ink < 0.3);
    let mut areas = 0;
    while let Some((start, _)) = white.indexed_iter().find(|(_, white)| **white) {
        areas += 1;
        let mut open = vec![start];
        while let Some((row, column)) = open.pop() {
            if white.get((row, column)) == Some(&true) {
                white[[row, column]] = false;
                let (above, left) = (row.wrapping_sub(1), column.wrapping_sub(1));
                open.extend([(above, column), (row + 1, column), (row, left), (row, column + 1)]);
            }
        }
    }
    areas - 1
}
