//! Reads dates: "3 May 1997", "05/03/1997" and five other forms become "1997-05-03", letter by letter.
//!
//! An encoder reads the letters of the date, and a decoder attends to them while it writes. In training, the decoder
//! reads the right letters, delayed by one (teacher forcing); afterwards it reads what it has written itself.
//!
//! ```text
//! cargo run --release --example dates
//! ```

use neuropil::data::{NamedSamples, Token, Vocabulary, pad};
use neuropil::metrics::argmax;
use neuropil::ndarray::{Array2, Axis, concatenate, s};
use neuropil::prelude::*;
use neuropil::rand::seq::SliceRandom;
use neuropil::rand::{Rng, RngExt};
use neuropil::schedules::OneCycle;

const FEATURES: usize = 32;
/// The dates to learn from, and those that are held out.
const TRAIN: usize = 5000;
const TEST: usize = 1000;
const EPOCHS: usize = 10;
const BATCH: usize = 32;
/// The length of the longest date, "23rd of September, 1997", and of what is to be written.
const LETTERS: usize = 23;
const ISO: usize = 10;
/// The decoder reads this before the first letter.
const START: &str = ">";
const MONTHS: &str = "January February March April May June July August September October November December";

fn main() -> Result<()> {
    let mut rng = rng(1);
    let mut dates = dates();
    dates.shuffle(&mut rng);
    let pairs: Vec<[String; 2]> = dates.iter().take(TRAIN + TEST).map(|date| date.write(&mut rng)).collect();
    let (train, test) = pairs.split_at(TRAIN);
    let vocabulary = Vocabulary::fit(Token::Character, &[&*train.concat().concat(), START], 1)?;

    let mut network = network(vocabulary.size(), &mut rng)?;
    println!("{network}");
    let (written, iso) = encode(&vocabulary, train)?;
    let start = Array2::from_elem((TRAIN, 1), vocabulary.index(START) as f32);
    let before = concatenate![Axis(1), start, iso.slice(s![.., ..ISO - 1])];
    let samples = NamedSamples::new(&[("written", &written), ("before", &before)], &[("next", &iso)])?;
    let loss = CrossEntropy::new().classes(vocabulary.size());
    let schedule = OneCycle::new(0.006, (EPOCHS * TRAIN.div_ceil(BATCH)) as u64);
    let trainer = Trainer::new(loss, Adam::new(0.006)).batch_size(BATCH).epochs(EPOCHS).seed(1);
    trainer.schedule_by_step(schedule).fit(&mut network, &samples)?;

    let (written, _) = encode(&vocabulary, test)?;
    let got = decode(&network, &vocabulary, &written)?;
    for ([written, _], got) in test.iter().zip(&got).take(8) {
        println!("{written:30} {got}");
    }
    let right = test.iter().zip(&got).filter(|([_, iso], got)| iso == *got).count();
    println!("exact match {:.3}", right as f64 / TEST as f64);
    Ok(())
}

/// An encoder and a decoder of one layer each, with the same embedding.
fn network(classes: usize, rng: &mut impl Rng) -> Result<Network<f32>> {
    let settings = TransformerLayer::new(FEATURES, 2).feed_forward(2 * FEATURES).norm_first();
    let mut g = Network::new();
    let (written, before) = (g.input("written", LETTERS), g.input("before", ISO));
    let letters = g.share(Embedding::new(classes, FEATURES, rng).padding(Vocabulary::PADDING)?);
    let (written, before) = (g.apply(letters, written)?, g.apply(letters, before)?);
    let (written, before) = (g.add(written, SinusoidalPositions::new())?, g.add(before, SinusoidalPositions::new())?);

    let read = g.add(written, settings.encoder(rng)?)?;
    let read = g.add(read, LayerNorm::new(FEATURES))?;
    let next = g.include(settings.causal().decoder(rng)?, [before, read])?;
    let next = g.add(next, LayerNorm::new(FEATURES))?;
    let next = g.add(next, Dense::new(FEATURES, classes, rng))?;
    g.output("next", next)?;
    Ok(g)
}

/// The letters of the dates as people write them, padded, and as they are to be written.
fn encode(vocabulary: &Vocabulary, pairs: &[[String; 2]]) -> Result<(Array2<f32>, Array2<f32>)> {
    let side = |side: usize, steps| {
        let letters: Vec<Vec<f32>> = pairs.iter().map(|pair| vocabulary.encode(&pair[side])).collect();
        Ok(pad(&letters, 1, Some(steps), Vocabulary::PADDING as f32)?.0)
    };
    Ok((side(0, LETTERS)?, side(1, ISO)?))
}

/// Writes all dates at once, the most probable letter of each, then the next one of each.
fn decode(network: &Network<f32>, vocabulary: &Vocabulary, written: &Array2<f32>) -> Result<Vec<String>> {
    let classes = vocabulary.size();
    let mut letters = Array2::zeros((written.nrows(), ISO + 1));
    letters.column_mut(0).fill(vocabulary.index(START) as f32);
    for t in 0..ISO {
        // What is not written yet is padding.
        let before = letters.slice(s![.., ..ISO]);
        let logits = network.predict(&network.input_rows(&[("written", written), ("before", &before)])?)?;
        let next = argmax(&logits.slice(s![.., t * classes..(t + 1) * classes]));
        letters.column_mut(t + 1).iter_mut().zip(next).for_each(|(letter, next)| *letter = next as f32);
    }
    let text = |letters: &[usize]| vocabulary.decode(letters);
    letters.rows().into_iter().map(|row| text(&row.iter().skip(1).map(|&x| x as usize).collect::<Vec<_>>())).collect()
}

/// A day of the Gregorian calendar.
#[derive(Clone, Copy)]
struct Date {
    year: usize,
    /// From 0.
    month: usize,
    day: usize,
}

/// All days from 1900 to 2099.
fn dates() -> Vec<Date> {
    let mut dates = Vec::new();
    for year in 1900..2100 {
        let leap = year % 4 == 0 && year != 1900;
        let days = [31, 28 + usize::from(leap), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
        for (month, days) in days.into_iter().enumerate() {
            dates.extend((1..=days).map(|day| Date { year, month, day }));
        }
    }
    dates
}

impl Date {
    /// The date in one of seven forms, and as it is to be written.
    fn write(self, rng: &mut impl Rng) -> [String; 2] {
        let Self { year, month, day } = self;
        let name = MONTHS.split(' ').nth(month).unwrap_or_default();
        let (short, number) = (&name[..3], month + 1);
        let ending = match day {
            1 | 21 | 31 => "st",
            2 | 22 => "nd",
            3 | 23 => "rd",
            _ => "th",
        };
        let written = match rng.random_range(0..7) {
            0 => format!("{day} {name} {year}"),
            1 => format!("{name} {day}, {year}"),
            2 => format!("{day}.{number}.{year}"),
            3 => format!("{number:02}/{day:02}/{year}"), // as in the United States
            4 => format!("{day}{ending} of {name}, {year}"),
            5 => format!("{day}-{}-{year}", short.to_uppercase()),
            _ => format!("{year}{number:02}{day:02}"),
        };
        [written, format!("{year}-{number:02}-{day:02}")]
    }
}
