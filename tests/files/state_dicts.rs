//! State dicts of `PyTorch`: by name, transposed, with a report; see also `tests/interop`.

use neuropil::io::{Names, SafeTensors, Unmatched};
use neuropil::ndarray::{Array2, array};
use neuropil::prelude::*;

use crate::{builder, zoo};

fn there_and_back<A: Scalar>() {
    let path = builder::folder(&format!("state_dicts_{}", A::NAME)).join("x.safetensors");
    let (mut layers, mut arrays) = (0, 0);
    for entry in zoo::layers::<A>() {
        let network = &entry.network;
        let names = Names::new().rename("model.layer", "0");
        network.save_state_dict(&path, &names).unwrap();
        let mut other = network.clone();
        other.visit_mut(&mut |_, matrix| matrix.fill(A::of(0.5)));
        assert!(other.load_state_dict(&path, &names).unwrap().is_empty(), "{}", entry.name);
        assert!(other.to_bytes().unwrap() == network.to_bytes().unwrap(), "{}", entry.name);
        network.visit(&mut |_, _| arrays += 1);
        layers += 1;
    }
    assert!(layers >= 40 && arrays >= 10, "{layers} layers, {arrays} arrays");
}

#[test]
fn every_layer_survives_the_journey() {
    there_and_back::<f32>();
    there_and_back::<f64>();
}

#[test]
fn matrices_are_transposed_wherever_they_are() -> Result<()> {
    let dense = |start: f64| {
        Dense::from_parameters(Array2::from_shape_fn((2, 3), |(i, j)| start + (3 * i + j) as f64), array![0., 0., 0.])
    };
    let inner = Sequential::new(3).with(Tanh)?.with(Dense::new(3, 2, &mut rng(1)))?.with(dense(10.0)?)?;
    let network = Sequential::new(2).with(dense(0.0)?)?.with(inner)?;
    let path = builder::folder("transposed").join("x");
    network.save_state_dict(&path, &Names::new().rename("head", "1.2"))?;
    let bytes = std::fs::read(&path).unwrap();
    let file = SafeTensors::parse(&bytes)?;
    assert_eq!(
        file.names().collect::<Vec<_>>(),
        ["0.bias", "0.weight", "1.1.bias", "1.1.weight", "head.bias", "head.weight"]
    );
    assert_eq!(file.metadata("format"), Some("pt"));
    assert_eq!((file.shape("0.weight"), file.numbers("0.weight")?), (Some(&[3, 2][..]), vec![0., 3., 1., 4., 2., 5.]));
    assert_eq!(file.numbers::<f64>("head.weight")?, [10., 13., 11., 14., 12., 15.]);
    Ok(())
}

#[test]
fn what_does_not_match_is_told() -> Result<()> {
    let path = builder::folder("unmatched").join("x");
    let small = Sequential::<f32>::mlp(&[2, 3], Tanh, &mut rng(1))?;
    small.save_state_dict(&path, &Names::new().rename("first", "0"))?;
    let mut network = Sequential::<f32>::mlp(&[2, 3, 1], Tanh, &mut rng(2))?;
    let before = network.to_bytes()?;
    let unmatched = network.load_state_dict(&path, &Names::new())?;
    let list = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
    let all = list(&["0.weight", "0.bias", "2.weight", "2.bias"]);
    assert_eq!(unmatched, Unmatched { missing: all, unexpected: list(&["first.bias", "first.weight"]) });
    assert!(network.to_bytes()? == before);
    let unmatched = network.load_state_dict(&path, &Names::new().rename("first", "0"))?;
    assert_eq!(unmatched, Unmatched { missing: list(&["2.weight", "2.bias"]), unexpected: Vec::new() });
    assert_eq!(network.parameter("0.weight"), small.parameter("0.weight"));

    let before = network.to_bytes()?;
    for (names, problem) in [
        (
            Names::new().rename("first", "2"),
            "its array `first.weight`, the network's `2.weight`, has the sizes [3, 2], not [1, 3]",
        ),
        (Names::new().rename("first.weight", "0.bias").rename("first", "0"), "both are the network's `0.bias`"),
    ] {
        let error = network.load_state_dict(&path, &names).unwrap_err();
        assert!(error.to_string().contains(problem), "{error}");
        assert!(network.to_bytes()? == before);
    }
    Ok(())
}

#[test]
fn numbers_of_two_bytes_are_read_and_integers_refused() -> Result<()> {
    let path = builder::folder("half").join("x");
    let header = |kind| {
        format!(
            r#"{{"0.weight":{{"dtype":"{kind}","shape":[1,2],"data_offsets":[0,4]}},"0.num_batches_tracked":{{"dtype":"I64","shape":[],"data_offsets":[4,12]}}}}"#
        )
    };
    let mut network = Sequential::<f64>::new(2).with(Dense::new(2, 1, &mut rng(1)).without_bias())?;
    for (kind, halves, want) in [("F16", [0x3e00_u16, 0xc100], [1.5, -2.5]), ("BF16", [0x3fc0, 0xc020], [1.5, -2.5])] {
        let mut bytes = builder::file(&header(kind), 12);
        let end = bytes.len() - 12;
        bytes[end..end + 4].copy_from_slice(&[halves[0].to_le_bytes(), halves[1].to_le_bytes()].concat());
        std::fs::write(&path, bytes).unwrap();
        assert!(network.load_state_dict(&path, &Names::new())?.is_empty());
        assert_eq!(network.parameter("0.weight").unwrap(), array![[want[0]], [want[1]]]);
    }
    std::fs::write(&path, builder::file(&header("I16"), 12)).unwrap();
    let error = network.load_state_dict(&path, &Names::new()).unwrap_err();
    assert!(error.to_string().contains("its numbers are I16"), "{error}");
    Ok(())
}
