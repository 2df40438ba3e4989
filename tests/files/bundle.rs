//! A network and its fitted preprocessing in one file.

use std::fmt::Debug;
use std::fs;

use neuropil::data::{
    Fitted, Imputer, LabelEncoder, MinMaxScaler, OneHot, StandardScaler, TextImputer, Token, Vocabulary,
};
use neuropil::io::Model;
use neuropil::ndarray::array;
use neuropil::prelude::*;
use neuropil::spec::Spec;

use super::builder;

fn network() -> Sequential<f64> {
    Sequential::mlp(&[2, 3, 2], Tanh, &mut rng(1)).unwrap()
}

/// Saves a transformer with a network, and reads it back.
fn travels<F: Fitted + Debug + PartialEq>(name: &str, fitted: &F) {
    let path = builder::folder("bundle").join(name);
    Model::new(network()).with("a name, \"quoted\"", fitted).save(&path).unwrap();
    let model = Model::<f64>::load(&path).unwrap();
    assert_eq!(&model.get::<F>("a name, \"quoted\"").unwrap(), fitted);
    assert!(model.network.to_bytes().unwrap() == network().to_bytes().unwrap());
    // Without it, the file is that of the network.
    assert!(Sequential::<f64>::load(&path).unwrap().to_bytes().unwrap() == network().to_bytes().unwrap());
    // Every flipped bit of the text about it is noticed.
    let mut bytes = fs::read(&path).unwrap();
    let at = bytes.windows(6).position(|window| window == b"fitted").unwrap() + 20;
    bytes[at] ^= 1;
    fs::write(&path, bytes).unwrap();
    assert!(matches!(Model::<f64>::load(&path), Err(Error::Format { .. })));
}

#[test]
fn what_was_fitted_travels_with_the_network() -> Result<()> {
    let x = array![[1.0, -0.1], [f64::NAN, 1e-300], [0.3, 1e300]];
    travels("labels", &LabelEncoder::fit(&["dog", "cat", "\u{fc} \\ \n"])?);
    travels("one_hot", &OneHot::fit(&["S", "", "C"])?);
    travels("one_hot_too", &OneHot::fit(&["S", "", "C"])?.ignore_unknown());
    travels("mean", &Imputer::mean(&x)?);
    travels("text", &TextImputer::constant("none"));
    travels("standard", &StandardScaler::new(vec![0.1, -3.0], vec![0.0, 1e-9])?);
    travels("min_max", &MinMaxScaler::fit(&x)?.range(-1.0, 0.7)?);
    travels("vocabulary", &Vocabulary::fit(Token::Character, &["a\"\\ \n\u{0}\u{1f600}"], 1)?);
    travels("words", &vec!["one".to_owned(), String::new()]);
    Ok(())
}

#[test]
fn what_is_not_there_is_told() -> Result<()> {
    let path = builder::folder("bundle_errors").join("x");
    network().save(&path)?;
    let model = Model::<f64>::load(&path)?;
    assert_eq!(model.names().len(), 0);
    let text = |model: &Model<f64>, name| model.get::<LabelEncoder>(name).unwrap_err().to_string();
    assert_eq!(text(&model, "a"), "`a` of the model: it is not there; there is nothing");
    let one = LabelEncoder::fit(&["x"])?;
    let model = model.with("a", &one).with("b", &Imputer::constant(vec![1.0])?).with("a", &LabelEncoder::fit(&["y"])?);
    assert_eq!(model.names().collect::<Vec<_>>(), ["b", "a"]);
    assert_eq!(model.get::<LabelEncoder>("a")?.classes(), ["y"]);
    assert_eq!(text(&model, "c"), "`c` of the model: it is not there; there is `b`, `a`");
    assert_eq!(text(&model, "b"), "`b` of the model: the imputer: it is no label_encoder");
    let twice = Spec::new("label_encoder").set("classes", ["x", "x"]);
    assert!(LabelEncoder::restore(&twice).is_err() && LabelEncoder::restore(&Spec::new("label_encoder")).is_err());
    Ok(())
}
