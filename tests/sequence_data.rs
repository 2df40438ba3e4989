//! Sequences as data: padding, windows, batches of similar length, vocabularies.

use std::collections::BTreeSet;
use std::sync::Mutex;

use neuropil::data::{Dataset, Fitted, NamedSamples, Token, Vocabulary, batches_by_length, pad, windows as windows_of};
use neuropil::ndarray::{Array2, array};
use neuropil::prelude::*;
use neuropil::rand::RngExt;
use neuropil::spec::Spec;

use crate::common::refused;

/// Compares padded sequences number by number; returns how many numbers that were.
fn check_pad<A: Scalar>(seed: u64) -> usize {
    let mut rng = rng(seed);
    let features = 1 + seed as usize % 3;
    let lengths: Vec<usize> = (0..rng.random_range(0..6)).map(|_| rng.random_range(0..5)).collect();
    let sequences: Vec<Vec<A>> =
        lengths.iter().map(|n| (0..n * features).map(|_| A::of(rng.random_range(-1.0..1.0))).collect()).collect();
    let longest = lengths.iter().copied().max().unwrap_or(0);
    let mut compared = 0;
    for (steps, given) in [(longest, None), (longest, Some(longest)), (longest + 3, Some(longest + 3))] {
        let (x, found) = pad(&sequences, features, given, A::of(9.0)).unwrap();
        assert_eq!((x.dim(), found.dim()), ((lengths.len(), steps * features), (lengths.len(), 1)));
        for (row, sequence) in sequences.iter().enumerate() {
            assert_eq!(found[[row, 0]], A::of(lengths[row] as f64));
            for column in 0..steps * features {
                assert_eq!(x[[row, column]], sequence.get(column).copied().unwrap_or(A::of(9.0)));
                compared += 1;
            }
        }
    }
    compared
}

#[test]
fn sequences_are_padded_to_one_length() {
    let compared: usize = (0..40).map(|seed| check_pad::<f32>(seed) + check_pad::<f64>(seed)).sum();
    assert!(compared > 3_000, "{compared}");
    // What is in the sequences is not looked at.
    let (x, _) = pad(&[[f64::NAN, f64::INFINITY].as_slice(), &[]], 2, None, f64::NAN).unwrap();
    assert!(x[[0, 0]].is_nan() && x[[0, 1]] == f64::INFINITY && x.row(1).iter().all(|x| x.is_nan()));
}

#[test]
fn pad_refuses_what_it_would_have_to_cut_or_round() {
    let sequences = [vec![1.0, 2.0], vec![1.0, 2.0, 3.0, 4.0]];
    refused(pad(&sequences, 0, None, 0.0), "the number of features to pad must be at least 1, got 0");
    refused(pad(&sequences, 4, None, 0.0), "pad takes whole steps of 4 numbers, got 2 numbers in row 0");
    let words = "pad takes at most 3 steps a sequence (cut it, or give more steps), got 4 steps in row 1";
    refused(pad(&sequences, 1, Some(3), 0.0), words);
    for steps in [1 << 45, usize::MAX / 2, usize::MAX] {
        assert!(matches!(pad(&sequences, 2, Some(steps), 0.0), Err(Error::Memory { .. })), "{steps}");
    }
    // 2²⁴ + 1 is no number of f32.
    let long = [vec![0.0_f32; (1 << 24) + 1]];
    refused(pad(&long, 1, None, 0.0), "pad takes lengths that f32 holds exactly, got 16777217 steps in row 0");
    // Nothing is something, too.
    let none: [Vec<f32>; 0] = [];
    assert_eq!(pad(&none, 3, None, 0.0).unwrap().0.dim(), (0, 0));
    assert_eq!(pad(&none, 3, Some(2), 0.0).unwrap().0.dim(), (0, 6));
    assert_eq!(pad(&[[0.0; 0]], 3, None, 0.0).unwrap().1, array![[0.0]]);
}

#[test]
fn windows_have_the_steps_they_should() {
    let mut compared = 0;
    let number = |step: usize, column: usize| (10 * step + column) as f64;
    let series = Array2::from_shape_fn((9, 3), |(step, column)| number(step, column));
    let transposed = series.t().as_standard_layout().into_owned();
    let same = transposed.t();
    let targets: [&[usize]; 4] = [&[0, 1, 2], &[1], &[2, 0], &[1, 1]];
    for history in 1..6 {
        for horizon in 1..4 {
            for stride in 1..5 {
                for (case, columns) in targets.iter().enumerate() {
                    let made = windows_of(&series, history, horizon).stride(stride);
                    let made = if case == 0 { made } else { made.targets(*columns) };
                    let samples = made.samples().unwrap();
                    let other = windows_of(&same, history, horizon).stride(stride).targets(*columns);
                    assert_eq!(other.samples().unwrap(), samples);
                    let starts: Vec<usize> = (0..9).step_by(stride).filter(|at| at + history + horizon <= 9).collect();
                    assert_eq!(samples.x.dim(), (starts.len(), history * 3));
                    assert_eq!(samples.target.dim(), (starts.len(), horizon * columns.len()));
                    for (window, start) in starts.into_iter().enumerate() {
                        for (at, x) in samples.x.row(window).iter().enumerate() {
                            assert_eq!(*x, number(start + at / 3, at % 3));
                        }
                        let width = columns.len();
                        for (at, x) in samples.target.row(window).iter().enumerate() {
                            assert_eq!(*x, number(start + history + at / width, columns[at % width]));
                        }
                        compared += history * 3 + horizon * width;
                    }
                }
            }
        }
    }
    assert!(compared > 5_000, "{compared}");
}

#[test]
fn windows_refuse_what_does_not_fit() {
    let series = Array2::<f32>::zeros((5, 2));
    refused(windows_of(&series, 0, 1).samples(), "the history of windows must be at least 1, got 0");
    refused(windows_of(&series, 1, 0).samples(), "the horizon of windows must be at least 1, got 0");
    refused(windows_of(&series, 1, 1).stride(0).samples(), "the stride of windows must be at least 1, got 0");
    refused(windows_of(&series, 1, 1).targets([]).samples(), "the number of target columns must be at least 1");
    refused(windows_of(&series, 1, 1).targets([0, 2]).samples(), "a target column must be below the number of columns");
    let words = "for a history of 4 and a horizon of 2 must be at least the sum of both, got 5";
    refused(windows_of(&series, 4, 2).samples(), words);
    for [history, horizon] in [[usize::MAX, 1], [1, usize::MAX], [usize::MAX, usize::MAX], [1 << 63, 1 << 63]] {
        refused(windows_of(&series, history, horizon).samples(), "at least the sum of both, got 5");
    }
    assert_eq!(windows_of(&series, 3, 2).stride(usize::MAX).samples().unwrap().len(), 1);
    refused(windows_of(&Array2::<f32>::zeros((0, 2)), 1, 1).samples(), "must be at least the sum of both, got 0");
    refused(windows_of(&Array2::<f32>::zeros((5, 0)), 1, 1).samples(), "the number of target columns");
}

/// The share of a padded batch that is padding, over all batches.
fn padding(lengths: &[usize], batches: &[Vec<usize>]) -> f64 {
    let longest = |batch: &Vec<usize>| batch.iter().map(|&sample| lengths[sample]).max().unwrap();
    let padded: usize = batches.iter().map(|batch| batch.len() * longest(batch)).sum();
    1.0 - lengths.iter().sum::<usize>() as f64 / padded as f64
}

#[test]
fn batches_of_similar_length_hold_each_sample_once_and_little_padding() {
    let mut compared = 0;
    for (samples, size) in [(5_000, 32), (5_001, 32), (64, 7), (10, 10), (10, 11), (3, usize::MAX), (5, 0), (1, 1)] {
        let mut random = rng(7);
        let lengths: Vec<usize> = (0..samples).map(|_| random.random_range(1..=100)).collect();
        let batches = batches_by_length(&lengths, size, &mut rng(1));
        let mut all = batches.concat();
        all.sort_unstable();
        assert!(all.iter().copied().eq(0..samples), "{samples} in batches of {size}");
        let size = size.max(1);
        for (i, batch) in batches.iter().enumerate() {
            assert_eq!(batch.len(), if i < samples / size { size } else { samples % size });
            compared += 1;
        }
        assert_eq!(batches, batches_by_length(&lengths, size, &mut rng(1)));
        if samples < 5_000 {
            continue;
        }
        assert_ne!(batches, batches_by_length(&lengths, size, &mut rng(2)));
        let shuffled: Vec<Vec<usize>> = {
            let order = batches_by_length(&vec![1; samples], size, &mut rng(1)).concat();
            order.chunks(size).map(<[usize]>::to_vec).collect()
        };
        let (sorted, random) = (padding(&lengths, &batches), padding(&lengths, &shuffled));
        assert!(sorted < 0.04 && random > 0.4, "{sorted} and {random}");
        // Batches do not come in the order of their lengths.
        let first = |batch: &Vec<usize>| lengths[batch[0]];
        let rises = batches.windows(2).filter(|pair| first(&pair[0]) < first(&pair[1])).count();
        assert!((50..110).contains(&rises), "{rises}");
    }
    assert_eq!(compared, 157 + 157 + 10 + 1 + 1 + 1 + 5 + 1);
    assert!(batches_by_length(&[], 3, &mut rng(1)).is_empty());
    // No sample is always in the smaller batch, which a trainer may drop, and none never.
    let lengths: Vec<usize> = (0..20).collect();
    let last: Vec<BTreeSet<usize>> = (0..200)
        .map(|seed| batches_by_length(&lengths, 8, &mut rng(seed)).pop().unwrap().into_iter().collect())
        .collect();
    for sample in 0..20 {
        let times = last.iter().filter(|batch| batch.contains(&sample)).count();
        assert!((1..100).contains(&times), "sample {sample}: {times}");
    }
}

/// Samples of these lengths that note which of them are asked for together.
struct Noted(Vec<usize>, usize, Mutex<Vec<Vec<usize>>>);

impl Dataset<f64> for Noted {
    fn len(&self) -> usize {
        self.1
    }
    fn input_width(&self) -> usize {
        1
    }
    fn target_width(&self) -> usize {
        1
    }
    fn gather(&self, samples: &[usize], x: &mut Matrix<f64>, target: &mut Matrix<f64>) -> Result<()> {
        self.2.lock().unwrap().push(samples.to_vec());
        x.fill(0.5);
        target.fill(1.0);
        Ok(())
    }
    fn lengths(&self) -> &[usize] {
        &self.0
    }
}

#[test]
fn a_trainer_makes_batches_of_similar_length() -> Result<()> {
    let network = || Sequential::<f64>::mlp(&[1, 1], Identity, &mut rng(1)).map(Network::from);
    let lengths: Vec<usize> = (0..200).map(|sample| sample * 37 % 100).collect();
    let data = Noted(lengths, 200, Mutex::default());
    let trainer = || Trainer::new(Mse, Sgd::new(0.01)).batch_size(10).seed(3);
    trainer().epochs(2).fit(&mut network()?, &data)?;
    let batches = data.2.lock().unwrap().split_off(20); // The first are those of the check before.
    let (first, second) = batches.split_at(20);
    assert_ne!(first, second);
    for epoch in [first, second] {
        let share = padding(&data.0, epoch);
        assert!(share < 0.05, "{share}");
        assert_eq!(epoch.concat().into_iter().collect::<BTreeSet<_>>().len(), 200);
    }
    data.2.lock().unwrap().clear();
    trainer().in_order().fit(&mut network()?, &data)?;
    assert!(data.2.lock().unwrap().split_off(20).concat().into_iter().eq(0..200));
    let short = Noted(vec![1; 199], 200, Mutex::default());
    refused(trainer().fit(&mut network()?, &short), "the lengths of the samples must be 200 x 1, got 199 x 1");
    Ok(())
}

#[test]
fn named_samples_know_their_lengths() -> Result<()> {
    let x = Array2::from_shape_fn((10, 2), |(i, _)| i as f32);
    let lengths = Array2::from_shape_fn((10, 1), |(i, _)| (i * 3) as f32);
    let halves = &lengths / 2.0;
    let samples = NamedSamples::new(&[("x", &x), ("lengths", &lengths), ("halves", &halves)], &[("y", &lengths)])?;
    assert!(samples.lengths().is_empty());
    let samples = samples.by_length("lengths")?;
    assert_eq!(samples.lengths(), [0, 3, 6, 9, 12, 15, 18, 21, 24, 27]);
    assert_eq!(samples.select(&[7, 1])?.lengths(), [21, 3]);
    let (rest, part) = samples.split(0.3, &mut rng(1))?;
    for part in [rest, part] {
        assert!(part.lengths().iter().zip(part.x.column(0)).all(|(&length, &i)| length == 3 * i as usize));
        assert_eq!(part.lengths().len(), part.len());
    }
    refused(samples.clone().by_length("z"), "input `z`, only x, lengths, halves");
    refused(samples.clone().by_length("x"), "the lengths in the input x must be 10 x 1, got 10 x 2");
    refused(samples.by_length("halves"), "takes lengths, which are integers, got 1.5 in row 1");
    for wrong in [-1.0, f64::NAN, f64::INFINITY] {
        let lengths = array![[1.0], [wrong]];
        let samples = NamedSamples::new(&[("n", &lengths)], &[("y", &lengths)])?;
        refused(samples.by_length("n"), "takes lengths, which are integers");
    }
    Ok(())
}

#[test]
fn a_vocabulary_numbers_tokens_by_their_frequency() -> Result<()> {
    let text = "b a\tb \u{e9} c  c b\nd";
    let words = Vocabulary::fit(Token::Word, &[text, "a"], 1)?;
    assert_eq!(words.tokens(), ["b", "a", "c", "d", "\u{e9}"]); // 3, 2, 2, 1, 1
    assert_eq!(words.encode::<f64>(text), [2.0, 3.0, 2.0, 6.0, 4.0, 4.0, 2.0, 5.0]);
    assert_eq!(words.decode(&[2, 3, 0, 2, 6, 4, 4, 2, 5, 0, 0])?, "b a b \u{e9} c c b d");
    assert_eq!((words.size(), words.index("c"), words.index("x"), words.index("")), (7, 4, 1, 1));
    assert_eq!(Vocabulary::fit(Token::Word, &[text, "a"], 2)?.tokens(), ["b", "a", "c"]);
    assert_eq!(words.clone().at_most(4)?.tokens(), ["b", "a"]);
    assert_eq!(words.clone().at_most(usize::MAX)?, words);
    let characters = Vocabulary::fit(Token::Character, &["a\u{301}\u{1f600}a ", " "], 1)?;
    assert_eq!(characters.tokens(), [" ", "a", "\u{301}", "\u{1f600}"]);
    assert_eq!(characters.encode::<f32>("a?\u{1f600} "), [3.0, 1.0, 5.0, 2.0]);
    assert_eq!(characters.decode(&[3, 1, 5, 2, 0])?, "a\u{fffd}\u{1f600} ");
    assert_eq!((characters.encode::<f32>(""), characters.decode(&[])?), (vec![], String::new()));
    // Any text comes back, and the order of the texts is of no matter.
    let mut compared = 0;
    for seed in 0..50 {
        let mut random = rng(seed);
        let mut texts: Vec<String> = (0..4)
            .map(|_| (0..20).map(|_| ['a', 'b', ' ', '\n', '\u{df}', '\u{1f600}'][random.random_range(0..6)]).collect())
            .collect();
        for token in [Token::Character, Token::Word] {
            let vocabulary = Vocabulary::fit(token, &texts, 1)?;
            for text in &texts {
                let indices: Vec<usize> = vocabulary.encode::<f32>(text).into_iter().map(|i| i as usize).collect();
                assert!(indices.iter().all(|index| (2..vocabulary.size()).contains(index)));
                let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
                assert_eq!(vocabulary.decode(&indices)?, if token == Token::Word { &words } else { text }.as_str());
                compared += 1;
            }
            texts.reverse();
            assert_eq!(Vocabulary::fit(token, &texts, 1)?, vocabulary);
            assert_eq!(Vocabulary::new(token, vocabulary.tokens().to_vec())?, vocabulary);
            assert_eq!(Vocabulary::restore(&vocabulary.spec())?, vocabulary);
        }
    }
    assert_eq!(compared, 400);
    Ok(())
}

#[test]
fn a_vocabulary_refuses_what_would_not_come_back() -> Result<()> {
    let fit = |texts: &[&str], count| Vocabulary::fit(Token::Word, texts, count);
    refused(fit(&["a"], 0), "the minimum count of Vocabulary must be at least 1, got 0");
    for (texts, count) in [(&["a"][..], 2), (&[], 1), (&[" ", ""], 1), (&["a a"], usize::MAX)] {
        refused(fit(texts, count), "the number of tokens of Vocabulary must be at least 1");
    }
    let new = |token, tokens: &[&str]| Vocabulary::new(token, tokens.iter().map(|&text| text.to_owned()).collect());
    for word in ["", "a b", " a", "\n"] {
        refused(new(Token::Word, &["x", word]), "is not one word");
    }
    for character in ["", "ab", "e\u{301}"] {
        refused(new(Token::Character, &["x", character]), "is not one character");
    }
    refused(new(Token::Word, &["a", "b", "a"]), "Vocabulary: `a` appears twice");
    let vocabulary = new(Token::Word, &["a", "b"])?;
    refused(vocabulary.clone().at_most(2), "the size of Vocabulary must be at least 3, got 2");
    for index in [4, usize::MAX] {
        refused(vocabulary.decode(&[2, index]), "an index of Vocabulary must be below its size");
    }
    let spec = |kind: &str, token: &str| Spec::new(kind).set("token", token).set("tokens", ["a", "b"]);
    assert_eq!(Vocabulary::restore(&spec("vocabulary", "word"))?, vocabulary);
    refused(Vocabulary::restore(&spec("words", "word")), "vocabulary");
    refused(
        Vocabulary::restore(&spec("vocabulary", "letter")),
        "`letter` is not a kind of token; give `word` or `character`",
    );
    refused(Vocabulary::restore(&Spec::new("vocabulary").set("token", "word")), "`tokens` is missing");
    Ok(())
}
