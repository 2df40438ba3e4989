//! Classifies first names as girls' or boys' by their letters: an embedding of the letters, a GRU that skips the
//! padding after each name, and a dense layer.
//!
//! ```text
//! cargo run --release --example names
//! cargo run --release --example names -- Ada Grace Alan Linus
//! ```

use neuropil::data::Samples;
use neuropil::metrics::{Accuracy, ClassificationReport, ConfusionMatrix};
use neuropil::ndarray::Array2;
use neuropil::prelude::*;
use neuropil::train::EarlyStopping;

/// Names are cut or padded to this length in a batch; one alone needs no padding.
const LETTERS: usize = 12;
const CLASSES: [&str; 2] = ["girl", "boy"];

fn main() -> Result<()> {
    let mut rng = rng(1);
    let (train, test) = read().split(0.2, &mut rng)?;
    let (train, validation) = train.split(0.15, &mut rng)?;

    // Letter 0 is the padding after a name; the layers after the embedding leave it out.
    let mut network = Sequential::<f32>::new(LETTERS)
        .with(Embedding::new(27, 12, &mut rng).padding(0)?)?
        .with(Gru::new(12, 32, &mut rng).last_state())?
        .with(Dropout::new(0.3))?
        .with(Dense::new(32, 2, &mut rng))?;
    println!("{network}");
    let mut trainer = Trainer::new(CrossEntropy::new(), Adam::new(0.005))
        .epochs(60)
        .batch_size(32)
        .seed(1)
        .validation(&validation)
        .metric(Accuracy)
        .callback(EarlyStopping::new(12));
    let history = trainer.fit(&mut network, &train)?;
    println!("{} epochs\n", history.epochs().len());

    let confusion = ConfusionMatrix::new(&network.predict(&test.x)?, &test.target)?;
    println!("{}\n", ClassificationReport::new(&confusion).names(CLASSES));

    let given: Vec<String> = std::env::args().skip(1).collect();
    let names = if given.is_empty() {
        ["Ada", "Grace", "Marie", "Alan", "Linus", "Kolya"].map(String::from).to_vec()
    } else {
        given
    };
    let girl_or_boy = network.with(Softmax)?;
    for name in names {
        let known: Vec<f32> = letters(&name).into_iter().filter(|&letter| letter > 0.0).collect();
        let p = girl_or_boy.predict_one(&known)?;
        let class = usize::from(p[1] > p[0]);
        println!("{name:12} {:4}  {:3.0} %", CLASSES[class], p[class] * 100.0);
    }
    println!("\ntest accuracy {:.4}", confusion.accuracy());
    Ok(())
}

/// The names with their classes.
fn read() -> Samples<f32> {
    let lines = include_str!("data/names.csv").lines().skip(1).filter_map(|line| line.split_once(','));
    let (names, classes): (Vec<_>, Vec<_>) =
        lines.map(|(name, sex)| (letters(name), f32::from(u8::from(sex == "M")))).unzip();
    let target = Array2::from_shape_vec((classes.len(), 1), classes).expect("one class a name");
    let x = Array2::from_shape_fn((names.len(), LETTERS), |(i, t)| names[i][t]);
    Samples { x, target }
}

/// The letters of a name as indices from 1 to 26; 0 for padding and for anything but a to z.
fn letters(name: &str) -> [f32; LETTERS] {
    let mut letters = [0.0; LETTERS];
    let known = name.bytes().map(|b| b.to_ascii_lowercase()).filter(u8::is_ascii_lowercase);
    for (letter, b) in letters.iter_mut().zip(known) {
        *letter = f32::from(b - b'a' + 1);
    }
    letters
}
