//! Every layer can be described and restored, with equal settings, parameters and outputs.

use crate::zoo;

use neuropil::activations::{Power, Step, Threshold};
use neuropil::layer::{Arrays, Registry};
use neuropil::ndarray::{self, Array2};
use neuropil::prelude::*;
use neuropil::spec::{Setting, Spec};

/// Hands out copies of a network's parameters, and remembers which.
struct Copies<'a, A: Scalar> {
    network: &'a Sequential<A>,
    taken: Vec<String>,
}

impl<A: Scalar> Arrays<A> for Copies<'_, A> {
    fn take(&mut self, name: &str, rows: usize, columns: usize) -> Result<Array2<A>> {
        let array = self.network.parameter(name).unwrap_or_else(|| panic!("no array {name}"));
        assert_eq!(array.dim(), (rows, columns), "{name}");
        self.taken.push(name.to_owned());
        Ok(array)
    }
}

fn every_layer_comes_back<A: Scalar>() {
    let mut layers = 0;
    for entry in zoo::layers::<A>() {
        let network = &entry.network;
        let spec = network.spec().unwrap_or_else(|| panic!("{} has no spec", entry.name));
        let mut arrays = Copies { network, taken: Vec::new() };
        let again = Registry::new().network(&spec, &mut arrays).unwrap_or_else(|e| panic!("{}: {e}", entry.name));
        assert_eq!(format!("{again:?}\n{again}"), format!("{network:?}\n{network}"), "{}", entry.name);
        assert_eq!(again.spec(), Some(spec), "{}", entry.name);
        let mut names = Vec::new();
        network.visit(&mut |info, _| names.push(info.name.to_string()));
        arrays.taken.sort();
        names.sort();
        assert_eq!(arrays.taken, names, "{}", entry.name);
        let x = entry.batch(3, 1);
        let bits = |y: Array2<A>| y.iter().map(|y| y.to_f64().to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(again.predict(&x).unwrap()), bits(network.predict(&x).unwrap()), "{}", entry.name);
        layers += 1;
    }
    assert!(layers >= 40, "{layers}");
}

#[test]
fn every_layer_comes_back_in_f32_and_f64() {
    every_layer_comes_back::<f32>();
    every_layer_comes_back::<f64>();
}

#[test]
fn frozen_layers_stay_frozen() -> Result<()> {
    let mut network = Sequential::<f64>::mlp(&[3, 4, 2], Tanh, &mut rng(1))?;
    network.freeze(0)?;
    let spec = network.spec().unwrap();
    let mut again = Registry::new().network(&spec, &mut Copies { network: &network, taken: Vec::new() })?;
    let before = again.clone();
    let (x, target) = (zoo::random(5, 3, 1), zoo::random(5, 2, 2));
    Tape::new(&again, 0).train(&mut again, &x, &target, &Mse, &mut Sgd::new(0.1))?;
    assert_eq!(again.parameter("0.weight"), before.parameter("0.weight"));
    assert_ne!(again.parameter("2.weight"), before.parameter("2.weight"));
    Ok(())
}

#[test]
fn a_wrong_description_is_an_error() {
    let network = Sequential::<f64>::mlp(&[3, 4, 2], Tanh, &mut rng(1)).unwrap();
    let chain = |layer: Spec| Spec::new("sequential").set("input", [3]).set("layers", [layer]).set("rates", [1.0]);
    let cases = [
        (Spec::new("sequential"), "the layer sequential: `layers` is missing; give it as a list of layers"),
        (
            chain(Spec::new("dance")),
            "layer 0, the layer dance: no layer of this kind is known; call `Registry::register` for it",
        ),
        (
            chain(Spec::new("elu").set("alpha", true)),
            "layer 0, the layer elu: `alpha` is of another type; give it as a number",
        ),
        (chain(Spec::new("elu").set("alpha", f64::NAN)), "layer 0, Elu's alpha must be finite, got NaN"),
        (
            chain(Spec::new("tanh").set("beta", 1.0)),
            "layer 0, the layer tanh: `beta` is not a setting of it in this version; the file may come from a newer one: update neuropil",
        ),
    ];
    for (spec, text) in &cases {
        let arrays = &mut Copies { network: &network, taken: Vec::new() };
        let error = Registry::new().network(spec, arrays).unwrap_err();
        assert_eq!(error.to_string(), *text);
    }
    let two_rates =
        Spec::new("sequential").set("input", [3]).set("layers", [Spec::new("tanh")]).set("rates", [1.0, 1.0]);
    let arrays = &mut Copies { network: &network, taken: Vec::new() };
    let error = Registry::new().network(&two_rates, arrays).unwrap_err();
    assert_eq!(error.to_string(), "the layer sequential: 2 rates for 1 layers; give one for each");
}

#[test]
fn numbers_without_digits_survive_as_words() -> Result<()> {
    let spec = Spec::new("x").set("low", f64::NEG_INFINITY).set("high", f64::INFINITY).set("none", f64::NAN);
    assert_eq!(spec.get("low"), Some(&Setting::Text("-inf".into())));
    assert_eq!((spec.number("low")?, spec.number("high")?), (f64::NEG_INFINITY, f64::INFINITY));
    assert!(spec.number("none")?.is_nan());
    Ok(())
}

/// Every way of ONNX to say which input pixels an output pixel is made of.
#[test]
fn pixels_are_resized_by_every_rule() -> Result<()> {
    let x = ndarray::array![[10.0, 20.0, 40.0, 80.0]];
    for (mode, coordinates, width, scale, want) in [
        ("floor", "asymmetric", 6, 0.0, &[10.0, 10.0, 20.0, 40.0, 40.0, 80.0][..]),
        ("ceil", "asymmetric", 6, 0.0, &[10.0, 20.0, 40.0, 40.0, 80.0, 80.0]),
        ("round_prefer_floor", "asymmetric", 6, 2.0, &[10.0, 10.0, 20.0, 20.0, 40.0, 40.0]),
        ("round_prefer_ceil", "asymmetric", 6, 2.0, &[10.0, 20.0, 20.0, 40.0, 40.0, 80.0]),
        ("linear", "asymmetric", 6, 2.0, &[10.0, 15.0, 20.0, 30.0, 40.0, 60.0]),
        ("linear", "half_pixel", 1, 0.0, &[30.0]),
        ("linear", "pytorch_half_pixel", 1, 0.0, &[10.0]),
        ("linear", "pytorch_half_pixel", 2, 0.0, &[15.0, 60.0]),
        ("linear", "align_corners", 4, 1.25, &[10.0, 17.5, 30.0, 50.0]),
        ("linear", "align_corners", 1, 0.0, &[10.0]),
    ] {
        let layer = Spec::new("resize2d").set("size", [1, width]).set("scale", [scale, scale]);
        let layer = layer.set("mode", mode).set("coordinates", coordinates);
        let spec = Spec::new("sequential").set("input", [1, 1, 4]).set("layers", [layer]).set("rates", [1.0]);
        let empty = Sequential::<f64>::new(4);
        let network = Registry::new().network(&spec, &mut Copies { network: &empty, taken: Vec::new() })?;
        let y = network.predict(&x)?;
        assert_eq!(y.as_slice().unwrap(), want, "{mode}, {coordinates}");
    }
    Ok(())
}

/// Settings that are not the default ones.
#[test]
fn settings_come_back() -> Result<()> {
    let layers: [Box<dyn Layer<f64>>; 11] = [
        Box::new(Celu::new(2.0)),
        Box::new(Elu::new(2.0)),
        Box::new(HardShrink::new(0.3)),
        Box::new(HardTanh::new(-2.0, 3.0)),
        Box::new(LeakyRelu::new(0.3)),
        Box::new(Power::new(1.5)),
        Box::new(RRelu::new(0.2, 0.4)),
        Box::new(SoftShrink::new(0.3)),
        Box::new(Softplus::new(2.0, 1.0)),
        Box::new(Step::new(0.2)),
        Box::new(Threshold::new(0.5, 7.0)),
    ];
    for layer in layers {
        let network = Sequential::<f64>::new(3).with(layer)?;
        let spec = network.spec().unwrap();
        let again = Registry::new().network(&spec, &mut Copies { network: &network, taken: Vec::new() })?;
        assert_eq!(again.spec(), Some(spec));
    }
    let network = Sequential::<f64>::new(3);
    for (sizes, strides) in [(&[2.0, 3.0][..], &[1.0][..]), (&[2.5], &[1.0]), (&[0.0], &[1.0]), (&[2.0], &[1.5])] {
        let layer = Spec::new("strided").set("sizes", sizes.to_vec()).set("strides", strides.to_vec());
        let spec = Spec::new("sequential").set("input", [3]).set("layers", [layer]).set("rates", [1.0]);
        let arrays = &mut Copies { network: &network, taken: Vec::new() };
        let error = Registry::new().network(&spec, arrays).unwrap_err().to_string();
        assert!(error.ends_with("its sizes and strides are not lists of integers of one length"), "{error}");
    }
    Ok(())
}
