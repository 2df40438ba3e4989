//! Learns to write like eight sonnets of Shakespeare, letter by letter: a decoder-only transformer, which then streams
//! three hundred letters of its own, and does so once more by computing all letters again for each.
//!
//! ```text
//! cargo run --release --example character_model
//! ```

use std::time::Instant;

use neuropil::data::{Token, Vocabulary};
use neuropil::metrics::{Metric, Perplexity, Sampling};
use neuropil::ndarray::{Array2, aview1};
use neuropil::prelude::*;

/// The number of letters in a training sample.
const LETTERS: usize = 320;
const FEATURES: usize = 48;
/// The number of letters between the starts of two samples.
const STRIDE: usize = 64;
const EPOCHS: usize = 10;
/// The number of letters to write.
const WRITTEN: usize = 300;

fn main() -> Result<()> {
    let text = include_str!("data/sonnets.txt");
    let vocabulary = Vocabulary::fit(Token::Character, &[text], 1)?;
    let letters: Vec<f32> = vocabulary.encode(text);
    let classes = vocabulary.size();
    let (train, test) = letters.split_at(letters.len() * 9 / 10);
    let ((x, next), (test_x, test_next)) = (samples(train), samples(test));

    let mut rng = rng(1);
    let block = TransformerLayer::new(FEATURES, 4).activation(Gelu).norm_first().causal();
    let mut network = Sequential::<f32>::new(LETTERS)
        .with(Embedding::new(classes, FEATURES, &mut rng))?
        .with(SinusoidalPositions::new())?;
    for _ in 0..2 {
        network = network.with(block.encoder(&mut rng)?)?;
    }
    let network = network.with(LayerNorm::new(FEATURES))?.with(Dense::new(FEATURES, classes, &mut rng))?;
    let mut network = network.into_network();
    println!("{network}");

    let loss = CrossEntropy::new().classes(classes);
    let mut trainer = Trainer::new(loss.clone(), Adam::new(0.003)).batch_size(4).epochs(EPOCHS).seed(1);
    trainer.fit(&mut network, &(&x, &next))?;
    let perplexity = Perplexity(loss).evaluate(&network.predict(&test_x)?, &test_next)?;

    // Each letter goes into the stream, which gives the logits of the next.
    let start = Instant::now();
    let mut stream = network.stream()?;
    let streamed = write(&vocabulary, |letter| Ok(stream.push(&[letter])?.to_vec()))?;
    let streaming = start.elapsed();
    println!("{streamed}\n");

    // The same text, each letter from all that are before it.
    let start = Instant::now();
    let mut so_far = Vec::new();
    let recomputed = write(&vocabulary, |letter| {
        so_far.push(letter);
        let logits = network.predict_one(&so_far)?;
        Ok(logits.iter().skip(logits.len() - classes).copied().collect())
    })?;
    let times = start.elapsed().as_secs_f64() / streaming.as_secs_f64();
    let same = streamed.chars().zip(recomputed.chars()).filter(|(a, b)| a == b).count();
    println!("{same} of {WRITTEN} letters are the same when all steps are computed again for each");
    println!("{times:.0} times as fast as that");
    println!("perplexity {perplexity:.2}");
    Ok(())
}

/// Overlapping samples of the text, and the next letter of each of their letters.
fn samples(letters: &[f32]) -> (Array2<f32>, Array2<f32>) {
    let count = (letters.len() - LETTERS - 1) / STRIDE + 1;
    let at = |shift: usize| Array2::from_shape_fn((count, LETTERS), |(i, t)| letters[i * STRIDE + t + shift]);
    (at(0), at(1))
}

/// Writes a text that begins with a new line, with the logits of the letter after the one given.
fn write(vocabulary: &Vocabulary, mut logits: impl FnMut(f32) -> Result<Vec<f32>>) -> Result<String> {
    let (sampling, rng) = (Sampling::new().temperature(0.7).top_k(8), &mut rng(2));
    let (mut letter, mut text) = (vocabulary.index("\n"), String::new());
    for _ in 0..WRITTEN {
        let next = logits(letter as f32)?;
        letter = sampling.draw(&aview1(&next).insert_axis(neuropil::ndarray::Axis(0)), rng)?[0];
        text += &vocabulary.decode(&[letter])?;
    }
    Ok(text)
}
