//! Scalers, encoders, imputation and splits.

use std::collections::BTreeSet;

use neuropil::data::{self, Imputer, LabelEncoder, MinMaxScaler, OneHot, Samples, Split, StandardScaler, TextImputer};
use neuropil::ndarray::{Array2, Axis, array, s};
use neuropil::rand::RngExt;
use neuropil::rand::rngs::Xoshiro256PlusPlus;
use neuropil::{Error, Matrix, Result, Scalar, rng};

/// Any matrix: columns of different center and spread, some constant, some with missing numbers.
fn random<A: Scalar>(rows: usize, columns: usize, rng: &mut Xoshiro256PlusPlus) -> Array2<A> {
    let mut x = Array2::default((rows, columns));
    for mut column in x.columns_mut() {
        let (center, spread) = (rng.random_range(-50.0..50.0), 10.0_f64.powf(rng.random_range(-3.0..3.0)));
        let kind = rng.random_range(0..4);
        for (row, x) in column.iter_mut().enumerate() {
            let at = center + spread * rng.random_range(-1.0..1.0);
            *x = A::of(match kind {
                0 => center,
                1 if row > 0 && rng.random_bool(0.3) => f64::NAN,
                2 => at.round(),
                _ => at,
            });
        }
    }
    x
}

/// A transform of columns, whatever its type.
type Transform<A> = Box<dyn Fn(&Matrix<A>) -> Result<Array2<A>>>;

/// Its name, what it does, and what undoes that.
type Learned<A> = (&'static str, Transform<A>, Option<Transform<A>>);

/// The scalers, each with its inverse, and the imputers, learned from `x`.
fn learned<A: Scalar>(x: &Array2<A>) -> Vec<Learned<A>> {
    let standard = StandardScaler::fit(x).unwrap();
    let range = MinMaxScaler::fit(x).unwrap();
    let wide = range.clone().range(-3.0, 5.0).unwrap();
    let (s, r, w) = (standard.clone(), range.clone(), wide.clone());
    let (mean, median) = (Imputer::mean(x).unwrap(), Imputer::median(x).unwrap());
    let frequent = Imputer::most_frequent(x).unwrap();
    vec![
        ("standard", Box::new(move |x| s.transform(x)), Some(Box::new(move |y| standard.inverse(y)))),
        ("min-max", Box::new(move |x| r.transform(x)), Some(Box::new(move |y| range.inverse(y)))),
        ("wide", Box::new(move |x| w.transform(x)), Some(Box::new(move |y| wide.inverse(y)))),
        ("mean", Box::new(move |x| mean.transform(x)), None),
        ("median", Box::new(move |x| median.transform(x)), None),
        ("most frequent", Box::new(move |x| frequent.transform(x)), None),
    ]
}

/// Bit by bit, NaN included.
fn same<A: Scalar>(a: &Matrix<A>, b: &Matrix<A>) -> bool {
    a.dim() == b.dim() && a.iter().zip(b).all(|(a, b)| a == b || (a.is_nan() && b.is_nan()))
}

/// What every transform of columns owes, in this type of numbers; returns how many were checked.
fn check_transforms<A: Scalar>(tolerance: f64) -> usize {
    let mut checked = 0;
    for seed in 0..30 {
        let mut rng = rng(seed);
        let (rows, columns) = (rng.random_range(1..20), rng.random_range(0..6));
        let train: Array2<A> = random(rows, columns, &mut rng);
        let test: Array2<A> = random(rng.random_range(0..9), columns, &mut rng);
        let together = neuropil::ndarray::concatenate![Axis(0), train, test];
        for (name, transform, inverse) in learned(&train) {
            // A row's result does not depend on the rows around it, so nothing is learned from what is transformed.
            let all = transform(&together).unwrap();
            assert!(same(&transform(&train).unwrap(), &all.slice(s![..rows, ..])), "{name}, seed {seed}");
            for (i, row) in together.rows().into_iter().enumerate() {
                let alone = transform(&row.insert_axis(Axis(0))).unwrap();
                assert!(same(&alone, &all.slice(s![i..=i, ..])), "{name}, seed {seed}");
            }
            let strided = together.t().as_standard_layout().into_owned();
            assert!(same(&transform(&strided.t()).unwrap(), &all), "{name}, seed {seed}");
            if let Some(inverse) = inverse {
                // Missing stays missing, and all else comes back, as exactly as the largest number of the column allows.
                let back = inverse(&all).unwrap();
                for (x, back) in together.columns().into_iter().zip(back.columns()) {
                    let largest = x.iter().filter(|x| !x.is_nan()).fold(0.0, |most: f64, x| most.max(x.to_f64().abs()));
                    for (x, back) in x.iter().zip(back) {
                        let off = (x.to_f64() - back.to_f64()).abs();
                        assert!(off <= tolerance * largest || (x.is_nan() && back.is_nan()), "{name}: {x} {back}");
                    }
                }
            } else {
                assert!(all.iter().all(|x| x.is_finite()), "{name}, seed {seed}");
                assert!(together.iter().zip(&all).all(|(x, y)| x == y || x.is_nan()), "{name}, seed {seed}");
            }
            for wrong in [columns + 1, columns.wrapping_sub(1)].into_iter().filter(|n| *n < 99) {
                let error = transform(&Array2::default((2, wrong))).unwrap_err();
                assert!(matches!(error, Error::Dimensions { .. }), "{name}: {error}");
            }
            checked += 1;
        }
    }
    checked
}

#[test]
fn transforms_learn_from_the_training_data_alone_and_undo_themselves() {
    assert_eq!(check_transforms::<f64>(1e-12), 180);
    assert_eq!(check_transforms::<f32>(1e-5), 180);
}

#[test]
fn scaled_columns_have_what_was_promised() {
    let mut checked = 0;
    for seed in 0..30 {
        let x: Array2<f64> = random(15, 5, &mut rng(seed));
        let (standard, range) = (StandardScaler::fit(&x).unwrap(), MinMaxScaler::fit(&x).unwrap());
        let range = range.range(-1.0, 3.0).unwrap();
        let (y, z) = (standard.transform(&x).unwrap(), range.transform(&x).unwrap());
        for (column, (y, z)) in y.columns().into_iter().zip(z.columns()).enumerate() {
            let numbers = |x: &neuropil::ndarray::ArrayView1<'_, f64>| -> Vec<f64> {
                x.iter().copied().filter(|x| !x.is_nan()).collect()
            };
            let (y, z) = (numbers(&y), numbers(&z));
            let mean = y.iter().sum::<f64>() / y.len() as f64;
            let deviation = (y.iter().map(|y| (y - mean).powi(2)).sum::<f64>() / y.len() as f64).sqrt();
            let ends = [z.iter().copied().fold(f64::INFINITY, f64::min), z.iter().copied().fold(-9.0, f64::max)];
            if standard.deviation()[column] == 0.0 {
                assert!(y.iter().all(|y| *y == 0.0) && ends == [-1.0, -1.0], "seed {seed}: {y:?} {z:?}");
                assert_eq!(range.min()[column], range.max()[column]);
                checked += 1;
            } else {
                assert!(mean.abs() < 1e-9 && (deviation - 1.0).abs() < 1e-9, "seed {seed}: {mean} {deviation}");
                assert_eq!(ends, [-1.0, 3.0]);
            }
        }
    }
    assert!(checked > 20, "{checked} constant columns");
    // The mean of tenths is not quite a tenth, but a constant column is constant.
    let tenths = Array2::from_elem((3, 1), 0.1);
    let scaler = StandardScaler::fit(&tenths).unwrap();
    assert_eq!((scaler.mean(), scaler.deviation()), (&[0.1][..], &[0.0][..]));
    assert_eq!(scaler.transform(&array![[0.1], [1.1]]).unwrap(), array![[0.0], [1.0]]);
}

/// As scikit-learn 1.9 computes them.
#[test]
fn the_parameters_are_those_of_scikit_learn() {
    let nan = f64::NAN;
    let x = array![[1.0, 2.5, nan], [2.0, nan, -1.0], [2.0, 0.5, -1.0], [7.0, 4.0, 4.0], [nan, 4.0, 4.0]];
    let scaler = StandardScaler::fit(&x).unwrap();
    assert_eq!(scaler.mean(), [3.0, 2.75, 1.5]);
    let want = [2.345_207_879_911_715, 1.436_140_661_634_507_2, 2.5];
    assert!(scaler.deviation().iter().zip(want).all(|(got, want)| (got - want).abs() < 1e-15), "{scaler:?}");
    let range = MinMaxScaler::fit(&x).unwrap();
    assert_eq!((range.min(), range.max(), range.ends()), (&[1.0, 0.5, -1.0][..], &[7.0, 4.0, 4.0][..], [0.0, 1.0]));
    assert_eq!(Imputer::mean(&x).unwrap().values(), [3.0, 2.75, 1.5]);
    assert_eq!(Imputer::median(&x).unwrap().values(), [2.0, 3.25, 1.5]);
    assert_eq!(Imputer::most_frequent(&x).unwrap().values(), [2.0, 4.0, -1.0]);
}

#[test]
fn parameters_make_the_same_transform_again() {
    let x: Array2<f64> = random(12, 4, &mut rng(3));
    let a = StandardScaler::fit(&x).unwrap();
    assert_eq!(StandardScaler::new(a.mean().to_vec(), a.deviation().to_vec()).unwrap(), a);
    let a = MinMaxScaler::fit(&x).unwrap().range(-2.0, 2.0).unwrap();
    let [low, high] = a.ends();
    assert_eq!(MinMaxScaler::new(a.min().to_vec(), a.max().to_vec()).unwrap().range(low, high).unwrap(), a);
    let a = Imputer::median(&x).unwrap();
    assert_eq!(Imputer::constant(a.values().to_vec()).unwrap(), a);
    let texts = ["b", "", "a", "b"];
    let a = TextImputer::most_frequent(&texts).unwrap();
    assert_eq!(TextImputer::constant(a.value()), a);
    let a = OneHot::fit(&texts).unwrap().ignore_unknown();
    assert!(a.ignores_unknown());
    assert_eq!(OneHot::new(a.categories().to_vec()).unwrap().ignore_unknown(), a);
    let a = LabelEncoder::fit(&["10", "2", "x"]).unwrap();
    assert_eq!(a.classes(), ["10", "2", "x"]);
    assert_eq!(LabelEncoder::new(a.classes().to_vec()).unwrap(), a);
}

#[test]
fn encoders_number_texts_and_find_them_again() {
    let mut checked = 0;
    for seed in 0..30 {
        let mut rng = rng(seed);
        let texts: Vec<String> =
            (0..rng.random_range(1..30)).map(|_| format!("t{}", rng.random_range(0..12_u8))).collect();
        let labels = LabelEncoder::fit(&texts).unwrap();
        let target: Array2<f32> = labels.transform(&texts).unwrap();
        let classes: Vec<usize> = target.iter().map(|class| *class as usize).collect();
        assert_eq!(labels.inverse(&classes).unwrap(), texts);
        assert!(labels.classes().is_sorted());
        assert_eq!(labels.classes().len(), texts.iter().collect::<BTreeSet<_>>().len());

        let columns = OneHot::fit(&texts).unwrap();
        let x: Array2<f32> = columns.transform(&texts).unwrap();
        assert_eq!(columns.categories(), labels.classes());
        assert_eq!(columns.inverse(&x).unwrap(), texts);
        assert_eq!(x, neuropil::losses::one_hot::<f32>(&classes, labels.classes().len()).unwrap());
        checked += texts.len();
    }
    assert!(checked > 100);
    // Ties go to the first; nothing but empty texts has no most frequent one.
    assert_eq!(TextImputer::most_frequent(&["b", "a", "", "", "a", "b", "c"]).unwrap().value(), "a");
    let columns = OneHot::new(vec!["b".into(), "a".into()]).unwrap();
    assert_eq!(columns.inverse(&array![[0.2, 0.7], [0.0, 0.0], [-1.0, -2.0]]).unwrap(), ["a", "", ""]);
}

#[test]
fn what_cannot_be_learned_from_is_refused() {
    let nan = f64::NAN;
    let none = Array2::<f64>::zeros((0, 2));
    let missing = array![[1.0, nan], [2.0, nan]];
    let infinite = array![[1.0, 2.0], [f64::NEG_INFINITY, 2.0]];
    let large = array![[1e200], [-1e200]];
    let larger = array![[f64::MAX], [-f64::MAX]];
    let texts: [&str; 0] = [];
    let many: Vec<String> = (10..22).map(|i| i.to_string()).collect();
    let errors = [
        StandardScaler::fit(&none).map(drop),
        MinMaxScaler::fit(&missing).map(drop),
        Imputer::median(&missing).map(drop),
        Imputer::mean(&infinite).map(drop),
        StandardScaler::fit(&large).map(drop),
        MinMaxScaler::fit(&larger).map(drop),
        Imputer::mean(&array![[f64::MAX], [f64::MAX / 2.0]]).map(drop),
        StandardScaler::new(vec![0.0], vec![1.0, 2.0]).map(drop),
        StandardScaler::new(vec![0.0], vec![-1.0]).map(drop),
        StandardScaler::new(vec![nan], vec![1.0]).map(drop),
        MinMaxScaler::new(vec![1.0], vec![0.0]).map(drop),
        MinMaxScaler::fit(&array![[1.0]]).unwrap().range(1.0, 1.0).map(drop),
        Imputer::constant(vec![f64::INFINITY]).map(drop),
        StandardScaler::fit(&array![[1.0]]).unwrap().transform(&none).map(drop),
        OneHot::fit(&texts).map(drop),
        OneHot::fit(&["a", "b"]).unwrap().transform::<f64, _>(&["b", "c"]).map(drop),
        OneHot::fit(&["a", "b"]).unwrap().inverse(&array![[1.0]]).map(drop),
        OneHot::fit(&["a", "b"]).unwrap().inverse(&array![[1.0, nan]]).map(drop),
        OneHot::new(vec!["a".into(), "b".into(), "a".into()]).map(drop),
        LabelEncoder::fit(&["a", ""]).map(drop),
        LabelEncoder::fit(&many).unwrap().transform::<f64, _>(&["x"]).map(drop),
        LabelEncoder::fit(&["a"]).unwrap().inverse(&[0, 1]).map(drop),
        TextImputer::most_frequent(&["", ""]).map(drop),
        TextImputer::most_frequent(&texts).map(drop),
    ];
    let want = [
        "the number of samples for StandardScaler must be at least 1, got 0",
        "MinMaxScaler, column 1: all of it is missing; leave the column out",
        "Imputer, column 1: all of it is missing; leave the column out",
        "Imputer, column 0: row 1 is -inf; mark what is missing as NaN",
        "StandardScaler, column 0: its numbers are too large to be squared",
        "MinMaxScaler, column 0: its numbers are too far apart",
        "Imputer, column 0: its numbers are too large to be added",
        "the deviations of StandardScaler must be 1 x 1, got 1 x 2",
        "a deviation of StandardScaler must be at least 0 and finite, got -1",
        "a mean of StandardScaler must be finite, got NaN",
        "a maximum of MinMaxScaler must be finite and not below the minimum, got 0",
        "the high end of MinMaxScaler must be finite and above the low end, got 1",
        "a value of Imputer must be finite, got inf",
        "the matrix for StandardScaler must be 0 x 1, got 0 x 2",
        "the number of texts for OneHot must be at least 1, got 0",
        "OneHot takes one of `a`, `b`, got `c` in row 1",
        "the matrix for OneHot must be 1 x 2, got 1 x 1",
        "row 0 is NaN; no parameter was changed; remove or impute such values in the data",
        "OneHot: `a` appears twice; give each category once",
        "LabelEncoder takes labels that are not empty, got an empty one in row 1",
        "LabelEncoder takes one of `10`, `11`, `12`, `13`, `14`, `15`, `16`, `17`, `18`, `19`, 2 more, got `x` in row 0",
        "a class of LabelEncoder must be below the number of classes, got 1",
        "TextImputer takes a text that is not empty, got 2 empty ones",
        "the number of texts for TextImputer must be at least 1, got 0",
    ];
    assert_eq!(errors.map(|error| error.unwrap_err().to_string()), want);
}

/// How many of these samples are of each class.
fn counts(labels: &Array2<f64>, samples: &[usize], classes: usize) -> Vec<usize> {
    let mut counts = vec![0; classes];
    for sample in samples {
        counts[labels[[*sample, 0]] as usize] += 1;
    }
    counts
}

/// Each sample is in exactly one of both parts.
fn assert_parts(split: &Split, samples: usize) {
    let all: BTreeSet<usize> = split.train.iter().chain(&split.test).copied().collect();
    assert_eq!((split.train.len() + split.test.len(), all.len()), (samples, samples));
    assert!(all.iter().copied().eq(0..samples));
}

#[test]
fn stratified_splits_keep_the_shares_of_the_classes() {
    let mut checked = 0;
    for seed in 0..60 {
        let mut random = rng(seed);
        let (samples, classes) = (random.random_range(1..80), 1 + random.random_range(0..5));
        let labels = Array2::from_shape_fn((samples, 1), |_| random.random_range(0..classes) as f64);
        let all = counts(&labels, &(0..samples).collect::<Vec<_>>(), classes);
        let share = [0.0, 0.2, 0.25, 1.0 / 3.0, 0.5, random.random(), 1.0][seed as usize % 7];
        let split = Split::stratified(&labels, share, &mut rng(seed)).unwrap();
        assert_parts(&split, samples);
        assert_eq!(split.test.len(), (share * samples as f64).round() as usize);
        for (part, all) in counts(&labels, &split.test, classes).into_iter().zip(&all) {
            assert!((part as f64 - share * *all as f64).abs() < 1.0, "{part} of {all} at {share}");
        }
        assert_eq!(Split::stratified(&labels, share, &mut rng(seed)).unwrap(), split);

        let folds = random.random_range(2..8_usize).min(samples);
        if folds >= 2 {
            let by_class = Split::stratified_folds(&labels, folds, &mut rng(seed)).unwrap();
            let plain = Split::folds(samples, folds, &mut rng(seed)).unwrap();
            for splits in [&by_class, &plain] {
                assert_eq!(splits.len(), folds);
                for split in splits {
                    assert_parts(split, samples);
                }
                let tested: BTreeSet<usize> = splits.iter().flat_map(|split| split.test.iter().copied()).collect();
                assert!(tested.into_iter().eq(0..samples), "each sample is tested once");
                assert!(splits.iter().all(|split| split.test.len().abs_diff(samples / folds) <= 1));
            }
            for split in &by_class {
                let of_class = counts(&labels, &split.test, classes);
                assert!(of_class.iter().zip(&all).all(|(part, all)| *part >= all / folds));
                assert!(of_class.iter().zip(&all).all(|(part, all)| *part <= all.div_ceil(folds)));
            }
            assert_eq!(Split::stratified_folds(&labels, folds, &mut rng(seed)).unwrap(), by_class);
            checked += 1;
        }
    }
    assert!(checked > 50, "{checked}");
    let labels = Array2::from_shape_fn((100, 1), |(i, _)| (i / 50) as f64);
    let split = Split::stratified(&labels, 0.2, &mut rng(1)).unwrap();
    assert!(!split.train.is_sorted() && !split.test.is_sorted());
    let classes: Vec<f64> = split.train.iter().map(|sample| labels[[*sample, 0]]).collect();
    assert!(!classes.is_sorted(), "the classes are mixed");
    assert_ne!(Split::stratified(&labels, 0.2, &mut rng(2)).unwrap(), split);
}

#[test]
fn samples_split_by_class_and_refuse_what_is_no_split() {
    let digits = data::digits::<f64>();
    let (train, test) = digits.stratified_split(0.2, &mut rng(1)).unwrap();
    let of = |samples: &Samples<f64>| counts(&samples.target, &(0..samples.len()).collect::<Vec<_>>(), 10);
    assert_eq!(of(&digits), [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]);
    for ((train, test), all) in of(&train).into_iter().zip(of(&test)).zip(of(&digits)) {
        assert_eq!(train + test, all);
        assert!((test as f64 - 0.2 * all as f64).abs() < 1.0);
    }
    assert_eq!(digits.select(&[5, 0, 5]).unwrap().target, array![[5.0], [0.0], [5.0]]);

    let (labels, two) = (array![[0.0], [1.0], [f64::NAN]], Array2::<f64>::zeros((3, 2)));
    let good = Array2::<f64>::zeros((3, 1));
    let errors = [
        digits.select(&[0, 1797]).map(drop),
        digits.stratified_split(1.5, &mut rng(1)).map(drop),
        Split::random(3, f64::NAN, &mut rng(1)).map(drop),
        Split::stratified(&labels, 0.5, &mut rng(1)).map(drop),
        Split::stratified(&two, 0.5, &mut rng(1)).map(drop),
        Split::folds(3, 1, &mut rng(1)).map(drop),
        Split::stratified_folds(&good, 4, &mut rng(1)).map(drop),
        Split::folds(0, 2, &mut rng(1)).map(drop),
    ];
    let want = [
        "the index of a sample must be below the number of samples, got 1797",
        "the fraction of samples to split off must be between 0 and 1, got 1.5",
        "the fraction of samples to split off must be between 0 and 1, got NaN",
        "a stratified split takes labels that are numbers, got NaN in row 2",
        "the labels to split by must be 3 x 1, got 3 x 2",
        "the number of folds must be at least 2 and at most the number of samples, got 1",
        "the number of folds must be at least 2 and at most the number of samples, got 4",
        "the number of folds must be at least 2 and at most the number of samples, got 2",
    ];
    assert_eq!(errors.map(|error| error.unwrap_err().to_string()), want);
}

/// A scaler as a layer does what the scaler does, and comes back with the network that it is in.
#[test]
fn scalers_are_layers_too() {
    fn check<A: Scalar>(tolerance: f64) -> usize {
        let x =
            neuropil::Init::Uniform { low: -3.0, high: 50.0 }.matrix(40, 6, &mut neuropil::rng(3)).mapv(|x: A| x * x);
        let standard = StandardScaler::fit(&x).unwrap();
        let range = MinMaxScaler::fit(&x).unwrap().range(-2.0, 3.0).unwrap();
        let mut compared = 0;
        for (layer, want) in
            [(standard.layer(), standard.transform(&x).unwrap()), (range.layer(), range.transform(&x).unwrap())]
        {
            let network = neuropil::Sequential::<A>::new(6).with(layer).unwrap();
            #[cfg(feature = "files")]
            let network = neuropil::Sequential::<A>::from_bytes(&network.to_bytes().unwrap()).unwrap();
            for (got, want) in network.predict(&x).unwrap().iter().zip(&want) {
                assert!((got.to_f64() - want.to_f64()).abs() <= tolerance, "{got}, not {want}");
                compared += 1;
            }
        }
        compared
    }
    assert_eq!((check::<f64>(1e-12), check::<f32>(1e-5)), (480, 480));
}
