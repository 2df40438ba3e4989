//! Trains the networks of `tasks.csv` in the folder that is given, and prints a line for each: task, seed, score.
//! `run` writes that folder, and says what is in it.

use std::path::Path;

use neuropil::data::{Csv, Samples, StandardScaler, Table};
use neuropil::metrics::{Accuracy, BinaryAccuracy, Metric, R2};
use neuropil::prelude::*;

fn main() -> Result<()> {
    let folder = std::env::args().nth(1).expect("usage: beside-sklearn FOLDER");
    let folder = Path::new(&folder);
    let tasks = Csv::new().read(folder.join("tasks.csv"))?;
    let settings = tasks.numbers::<f64, _>(&["epochs", "batch", "seeds", "rate", "alpha"])?;
    let [names, kinds, layers] = [tasks.text("name")?, tasks.text("kind")?, tasks.text("layers")?];
    for task in 0..tasks.len() {
        let table = Csv::new().read(folder.join(format!("{}.csv", names[task])))?;
        let layers: Vec<usize> = layers[task].split('-').map(|size| size.parse().expect("a size")).collect();
        let settings = settings.row(task).to_vec();
        for seed in 0..settings[2] as u64 {
            println!("{}\t{seed}\t{}", names[task], score(&table, kinds[task], &layers, &settings, seed)?);
        }
    }
    Ok(())
}

/// Accuracy or R² on the test rows of this seed, after training on the others.
fn score(table: &Table, kind: &str, layers: &[usize], settings: &[f64], seed: u64) -> Result<f64> {
    let &[epochs, batch, _, rate, alpha] = settings else { unreachable!("five settings") };
    let features: Vec<&String> = table.names().iter().filter(|name| name.starts_with('x')).collect();
    let samples = Samples::new(table.numbers::<f64, _>(&features)?, table.numbers(&["target"])?)?;
    let tested = table.numbers::<f64, _>(&[format!("test{seed}")])?;
    let (test, train): (Vec<usize>, Vec<usize>) = (0..table.len()).partition(|row| tested[[*row, 0]] == 1.0);
    let (mut train, mut test) = (samples.select(&train)?, samples.select(&test)?);

    let scaler = StandardScaler::fit(&train.x)?;
    let targets = StandardScaler::fit(&train.target)?;
    for samples in [&mut train, &mut test] {
        samples.x = scaler.transform(&samples.x)?;
        if kind == "number" {
            samples.target = targets.transform(&samples.target)?;
        }
    }

    // scikit-learn divides the penalty by the batch, and halves the square of the error.
    let (loss, metric, penalty): (Box<dyn Loss<f64>>, Box<dyn Metric<f64>>, f64) = match kind {
        "classes" => (Box::new(CrossEntropy::new()), Box::new(Accuracy), alpha / batch),
        "yes-no" => (Box::new(BceWithLogits::new()), Box::new(BinaryAccuracy::LOGITS), alpha / batch),
        _ => (Box::new(Mse), Box::new(R2), 2.0 * alpha / batch),
    };
    let mut network = Sequential::mlp(layers, Relu, &mut rng(seed))?;
    let adam = Adam::new(rate).decay(Decay::l2(penalty).spare_biases());
    Trainer::new(loss, adam)
        .epochs(epochs as usize)
        .batch_size(batch as usize)
        .seed(seed)
        .fit(&mut network, &train)?;
    metric.evaluate(&network.predict(&test.x)?, &test.target)
}
