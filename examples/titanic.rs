//! Who survived the Titanic? Preprocesses a table with missing values and categories, and trains a classifier.
//!
//! ```text
//! cargo run --release --features csv --example titanic -- --data FILE
//! ```
//!
//! FILE is the `titanic.csv` of <https://github.com/mwaskom/seaborn-data>, with 891 passengers.

use std::process::ExitCode;

use neuropil::data::{Csv, Imputer, LabelEncoder, OneHot, Samples, Split, StandardScaler, Table, TextImputer};
use neuropil::metrics::{
    Accuracy, Average, ClassificationReport, ConfusionMatrix, F1, FromLogits, LogLoss, Metric, RocAuc,
};
use neuropil::ndarray::{Array2, Axis, concatenate};
use neuropil::prelude::*;
use neuropil::train::EarlyStopping;

const NUMBERS: [&str; 4] = ["age", "sibsp", "parch", "fare"];
const CATEGORIES: [&str; 3] = ["pclass", "sex", "embarked"];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [flag, file] = &*arguments else { return usage() };
    if flag != "--data" {
        return usage();
    }
    match run(file) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn usage() -> ExitCode {
    eprintln!("usage: titanic --data FILE, where FILE is the titanic.csv of seaborn-data");
    ExitCode::FAILURE
}

fn run(file: &str) -> Result<()> {
    let table = Csv::new().read(file)?;
    let classes = LabelEncoder::new(vec!["no".into(), "yes".into()])?;
    let survived = classes.transform::<f32, _>(&table.text("alive")?)?;

    // A fifth as test data, and a fifth of the rest as validation data, stratified by class.
    let mut rng = rng(2);
    let split = Split::stratified(&survived, 0.2, &mut rng)?;
    let (rest, test) = (table.select(&split.train)?, table.select(&split.test)?);
    let split = Split::stratified(&survived.select(Axis(0), &split.train), 0.2, &mut rng)?;
    let (train, validation) = (rest.select(&split.train)?, rest.select(&split.test)?);

    let preparation = Preparation::fit(&train)?;
    let samples =
        |table: &Table| Samples::new(preparation.transform(table)?, classes.transform(&table.text("alive")?)?);
    let (train, validation, test) = (samples(&train)?, samples(&validation)?, samples(&test)?);
    println!(
        "{} passengers for training, {} for validation, {} for testing",
        train.len(),
        validation.len(),
        test.len()
    );
    println!("inputs: {}\n", preparation.names().join(", "));

    let mut network = Sequential::mlp(&[train.x.ncols(), 16, 2], Relu, &mut rng)?;
    let mut trainer = Trainer::new(CrossEntropy::new(), Adam::new(3e-3).decay(Decay::decoupled(0.01)))
        .epochs(200)
        .batch_size(32)
        .seed(2)
        .validation(&validation)
        .metric(Accuracy)
        .callback(EarlyStopping::new(20));
    let history = trainer.fit(&mut network, &train)?;
    println!("{} epochs, with the weights of the best", history.epochs().len());

    let y = network.predict(&test.x)?;
    let confusion = ConfusionMatrix::new(&y, &test.target)?;
    println!("\nsurvived?\n{confusion}\n");
    println!("{}\n", ClassificationReport::new(&confusion).names(classes.classes()));
    let metrics: [&dyn Metric<f32>; 4] =
        [&Accuracy, &F1(Average::Class(1)), &FromLogits(RocAuc::default()), &FromLogits(LogLoss)];
    for metric in metrics {
        println!("{:<8} {:.3}", metric.name(), metric.evaluate(&y, &test.target)?);
    }
    Ok(())
}

/// The preprocessing fitted to the training data.
struct Preparation {
    numbers: Imputer,
    scaler: StandardScaler,
    categories: Vec<(TextImputer, OneHot)>,
}

impl Preparation {
    fn fit(train: &Table) -> Result<Self> {
        let x: Array2<f32> = train.numbers(&NUMBERS)?;
        let numbers = Imputer::median(&x)?;
        let scaler = StandardScaler::fit(&numbers.transform(&x)?)?;
        let category = |name| {
            let texts = train.text(name)?;
            let imputer = TextImputer::most_frequent(&texts)?;
            let encoder = OneHot::fit(&imputer.transform(&texts))?.ignore_unknown();
            Ok((imputer, encoder))
        };
        Ok(Self { numbers, scaler, categories: CATEGORIES.into_iter().map(category).collect::<Result<_>>()? })
    }

    /// One row per passenger: the scaled numbers, and a column for each category.
    fn transform(&self, table: &Table) -> Result<Array2<f32>> {
        let mut x = self.scaler.transform(&self.numbers.transform(&table.numbers(&NUMBERS)?)?)?;
        for (name, (imputer, encoder)) in CATEGORIES.into_iter().zip(&self.categories) {
            let columns = encoder.transform(&imputer.transform(&table.text(name)?))?;
            x = concatenate![Axis(1), x, columns];
        }
        Ok(x)
    }

    /// The names of the columns.
    fn names(&self) -> Vec<String> {
        let categories = CATEGORIES.into_iter().zip(&self.categories).flat_map(|(name, (_, encoder))| {
            encoder.categories().iter().map(move |category| format!("{name} {category}"))
        });
        NUMBERS.into_iter().map(String::from).chain(categories).collect()
    }
}
