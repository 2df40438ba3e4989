//! Encoder and decoder layers against `PyTorch`'s, and a pair of them in training.

use ndarray::Array2;
use neuropil::data::NamedSamples;
use neuropil::metrics::{Accuracy, Metric};
use neuropil::ndarray;
use neuropil::prelude::*;
use serde_json::Value;

use crate::common::{F64, assert_close, fixture, numbers};

#[cfg(feature = "files")]
fn count(value: &Value) -> usize {
    value.as_u64().unwrap() as usize
}

/// `rows` rows of all numbers.
fn matrix(rows: usize, value: &Value) -> Array2<f64> {
    let values = numbers(value);
    Array2::from_shape_vec((rows, values.len() / rows), values).unwrap()
}

/// The layer of a case, on one or two sequences with their lengths.
#[cfg(feature = "files")]
fn network(file: &Value, case: &Value) -> Network<f64> {
    let r = &mut rng(0);
    let features = count(&file["features"]);
    let mut settings = TransformerLayer::new(features, count(&file["heads"])).feed_forward(count(&file["hidden"]));
    if case["norm_first"] == true {
        settings = settings.norm_first().activation(Gelu);
    }
    if case["causal"] == true {
        settings = settings.causal();
    }
    let mut g = Network::new();
    let mut values = Vec::new();
    for (i, steps) in case["steps"].as_array().unwrap().iter().enumerate() {
        let x = g.input(&format!("x{i}"), [count(steps), features]);
        let length = g.input(&format!("length{i}"), 1);
        values.push(g.join(neuropil::joins::Lengths, [x, length]).unwrap());
    }
    let at = values.len();
    let y = match *values {
        [x] => g.add(x, settings.encoder(r).unwrap()).unwrap(),
        _ => g.include(settings.decoder(r).unwrap(), values).unwrap(),
    };
    g.output("y", y).unwrap();
    g.rename(at, "block").unwrap();
    g
}

/// All inputs side by side, with `parts` as those of the sequences.
#[cfg(feature = "files")]
fn rows(network: &Network<f64>, case: &Value, parts: &Value) -> Array2<f64> {
    let lengths = case["lengths"].as_array().unwrap();
    let samples = lengths[0].as_array().unwrap().len();
    let named: Vec<(String, Array2<f64>)> = (0..lengths.len())
        .flat_map(|i| {
            [(format!("x{i}"), matrix(samples, &parts[i])), (format!("length{i}"), matrix(samples, &lengths[i]))]
        })
        .collect();
    let named: Vec<(&str, &Matrix<f64>)> = named.iter().map(|(name, part)| (&**name, &**part)).collect();
    network.input_rows(&named).unwrap()
}

#[cfg(feature = "files")]
#[test]
fn layers_are_those_of_pytorch_and_so_are_their_state_dicts() {
    use neuropil::io::{Names, SafeTensors};
    let file = fixture("sequences/transformer.json");
    let states = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/sequences/transformer.pt");
    let (mut cases, mut compared) = (0, 0);
    for case in file["cases"].as_array().unwrap() {
        let (mut network, name) = (network(&file, case), case["name"].as_str().unwrap());
        let names = Names::new().rename(name, "block");
        assert_eq!(network.load_state_dict(states, &names).unwrap().missing, [""; 0]);
        let (x, samples) = (rows(&network, case, &case["x"]), case["lengths"][0].as_array().unwrap().len());
        let [y, dy] = ["y", "dy"].map(|name| matrix(samples, &case[name]));
        let mut tape = Tape::new(&network, 0);
        compared += assert_close(name, tape.forward(&network, &x).unwrap().iter().copied(), y.iter().copied(), F64);
        compared += assert_close(name, network.predict(&x).unwrap(), y, F64);
        let gradients = tape.backward_from(&network, &dy).unwrap();
        for (i, dx) in case["dx"].as_array().unwrap().iter().enumerate() {
            let columns = network.input_columns(&format!("x{i}")).unwrap();
            let got = gradients.input.slice(ndarray::s![.., columns]).to_owned();
            compared += assert_close(&format!("{name} dx"), got, numbers(dx), F64);
        }
        let (mut weights, mut own) = (gradients.weights.iter(), Vec::new());
        network.visit(&mut |info, _| {
            let name = info.name.to_string()["block.".len()..].to_owned();
            let gradient = &case["gradients"][&name];
            let outputs = count(&gradient["dims"][0]);
            // PyTorch stores matrices as (outputs, inputs).
            let want = matrix(outputs, &gradient["values"]);
            compared += assert_close(&name, weights.next().unwrap().iter().copied(), want.t().iter().copied(), F64);
            own.push(name);
        });
        own.sort_unstable();
        assert!(own.iter().eq(case["gradients"].as_object().unwrap().keys()), "{own:?}");

        let path = std::env::temp_dir().join(format!("neuropil-transformer-{}-{name}", std::process::id()));
        network.save_state_dict(&path, &names).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        let written = SafeTensors::parse(&bytes).unwrap();
        assert!(written.names().eq(own.iter().map(|own| format!("{name}.{own}"))));
        for own in own {
            let dims = numbers(&case["gradients"][&own]["dims"]);
            let shape = written.shape(&format!("{name}.{own}")).unwrap();
            assert!(shape.iter().map(|&n| n as f64).eq(dims), "{own}: {shape:?}");
        }
        cases += 1;
    }
    assert_eq!((cases, compared), (8, 3312));
}

#[test]
fn gated_units_are_those_of_pytorch() {
    let mut compared = 0;
    for case in fixture("sequences/transformer.json")["gates"].as_array().unwrap() {
        let layer = match case["gate"].as_str().unwrap() {
            "Sigmoid" => Glu::new(Sigmoid),
            "Silu" => Glu::new(Silu),
            _ => Glu::new(Gelu),
        };
        let shape = match *numbers(&case["shape"]) {
            [_, n] => Shape::Flat(n as usize),
            [_, steps, n] => [steps as usize, n as usize].into(),
            [_, channels, height, width] => [channels as usize, height as usize, width as usize].into(),
            _ => unreachable!(),
        };
        let name = format!("{layer:?} on {shape}");
        let network = Sequential::new(shape).with(layer).unwrap();
        let [x, y, dy, dx] = ["x", "y", "dy", "dx"].map(|what| matrix(3, &case[what]));
        let mut tape = Tape::new(&network, 0);
        compared += assert_close(&name, tape.forward(&network, &x).unwrap().iter().copied(), y, F64);
        compared += assert_close(&name, tape.backward_from(&network, &dy).unwrap().input.iter().copied(), dx, F64);
    }
    assert_eq!(compared, 837);
}

#[test]
fn an_odd_number_of_features_has_no_halves() {
    let error = Sequential::<f64>::new([4, 5]).with(Glu::new(Sigmoid)).unwrap_err().to_string();
    let want = "layer 0, Glu(Sigmoid), takes an even number of features or channels, values and gates, got [4, 5] = 20";
    assert_eq!(error, want);
}

const SOURCE: usize = 7;
const TARGET: usize = 6;
const WORDS: usize = 9;

/// An encoder and a decoder of words from 2 on; 0 is padding, 1 the start.
fn pair(settings: &TransformerLayer<f64>, dims: [usize; 2], r: &mut impl neuropil::rand::Rng) -> Result<Network<f64>> {
    let mut g = Network::new();
    let [source, target] = [("source", dims[0]), ("target", dims[1])].map(|(name, steps)| g.input(name, steps));
    let mut embed = |g: &mut Network<f64>, value| {
        let words = g.add(value, Embedding::new(WORDS, 8, r).padding(0)?)?;
        g.add(words, SinusoidalPositions::new())
    };
    let (source, target) = (embed(&mut g, source)?, embed(&mut g, target)?);
    let memory = g.add(source, settings.encoder(r)?)?;
    let decoder = settings.clone().causal().decoder(r)?;
    let y = g.include(decoder, [target, memory])?;
    let y = g.add(y, Dense::new(8, WORDS, r))?;
    g.output("next", y)?;
    Ok(g)
}

/// Sources, targets later by one step, and the targets: the words backwards, then 1 as the end.
fn backwards(count: usize, [source, target]: [usize; 2]) -> [Array2<f64>; 3] {
    let (mut x, mut before) = (Array2::zeros((count, source)), Array2::zeros((count, target)));
    let mut after = Array2::zeros((count, target));
    for row in 0..count {
        let length = 1 + row % 5;
        let word = |t: usize| (2 + (row * 7 + row / 3 + t * (1 + row % 4)) % 7) as f64;
        before[[row, 0]] = 1.0;
        after[[row, length]] = 1.0;
        for t in 0..length {
            x[[row, t]] = word(t);
            after[[row, t]] = word(length - 1 - t);
            before[[row, t + 1]] = word(length - 1 - t);
        }
    }
    [x, before, after]
}

fn settings() -> TransformerLayer<f64> {
    TransformerLayer::new(8, 2).feed_forward(12).norm_first().activation(Glu::new(Silu))
}

/// More padding, of either input, changes no bit of a training step.
#[test]
fn more_padding_changes_no_bit_of_a_pair() {
    let network = |dims| pair(&settings(), dims, &mut rng(2)).unwrap();
    let step = |dims: [usize; 2]| {
        let (network, [x, before, after]) = (network(dims), backwards(12, dims));
        let mut tape = Tape::new(&network, 0);
        let y = tape.forward(&network, &network.input_rows(&[("source", &x), ("target", &before)]).unwrap()).unwrap();
        let y = y.slice(ndarray::s![.., ..TARGET * WORDS]).to_owned();
        let loss = tape.loss(&CrossEntropy::new(), &after).unwrap();
        (y, loss, tape.backward(&network).unwrap().weights.to_vec())
    };
    let want = step([SOURCE, TARGET]);
    assert!(want.1 > 1.0 && want.2.len() > 20);
    for more in [[9, 0], [0, 3], [40, 1]] {
        assert!(step([SOURCE + more[0], TARGET + more[1]]) == want, "{more:?} steps more");
    }
}

#[test]
fn gradients_of_a_pair_are_those_of_differences() {
    let network = pair(&settings(), [SOURCE, TARGET], &mut rng(3)).unwrap();
    let [x, before, _] = backwards(3, [SOURCE, TARGET]);
    let x = network.input_rows(&[("source", &x), ("target", &before)]).unwrap();
    let report = neuropil::gradcheck::parameters(&network, network.input_shape(), &x, 2).unwrap();
    assert!(report.passes(1e-6), "{report}");
    assert!(report.compared > 1000, "{}", report.compared);
}

/// Teacher forcing: the second input is the target, later by one step.
#[test]
fn a_pair_learns_to_write_backwards() {
    let dims = [SOURCE, TARGET];
    let mut network = pair(&settings().dropout(0.02), dims, &mut rng(4)).unwrap();
    let [x, before, after] = backwards(60, dims);
    let samples = NamedSamples::new(&[("source", &x), ("target", &before)], &[("next", &after)]).unwrap();
    let mut trainer = Trainer::new(CrossEntropy::new(), Adam::new(0.01)).batch_size(20).epochs(55).metric(Accuracy);
    trainer.fit(&mut network, &samples).unwrap();
    let evaluation = trainer.evaluate(&network, &samples).unwrap();
    assert!(evaluation.get("accuracy") > Some(0.95), "{evaluation}");
    // The metric counts the steps before the padding: as many as there are words and ends.
    let y = network.predict(&network.input_rows(&[("source", &x), ("target", &before)]).unwrap()).unwrap();
    let mut flat = (Vec::new(), Vec::new());
    for row in 0..60 {
        for t in (0..TARGET).filter(|&t| before[[row, t]] != 0.0) {
            flat.0.extend(y.slice(ndarray::s![row, t * WORDS..(t + 1) * WORDS]));
            flat.1.push(after[[row, t]]);
        }
    }
    let targets = Array2::from_shape_vec((flat.1.len(), 1), flat.1).unwrap();
    let logits = Array2::from_shape_vec((targets.nrows(), WORDS), flat.0).unwrap();
    assert_eq!(evaluation.get("accuracy"), Some(Accuracy.evaluate(&logits, &targets).unwrap()));
}

#[cfg(feature = "files")]
#[test]
fn a_pair_comes_back_from_files() {
    let mut network = pair(&settings().norm(RmsNorm::new(8)), [SOURCE, TARGET], &mut rng(5)).unwrap();
    network.rename(5, "decoder").unwrap();
    network.freeze("decoder").unwrap();
    let [x, before, _] = backwards(5, [SOURCE, TARGET]);
    let x = network.input_rows(&[("source", &x), ("target", &before)]).unwrap();
    let again = Network::<f64>::from_bytes(&network.to_bytes().unwrap()).unwrap();
    assert_eq!(again.predict(&x), network.predict(&x));
    assert_eq!(again.to_string(), network.to_string());
    assert!(again.layer::<MultiHeadAttention<f64>>("decoder.multihead_attn").is_some());
    let mut rates = vec![1.0; network.parameter_count()];
    again.scale_rates(&mut rates);
    assert!(rates.contains(&0.0) && rates.contains(&1.0));
}

#[cfg(feature = "files")]
#[test]
fn encoders_and_decoders_go_through_onnx() {
    let r = &mut rng(6);
    let mut g = Network::<f64>::new();
    let (target, source) = (g.input("target", [TARGET, 8]), g.input("source", [SOURCE, 8]));
    let memory = g.add(source, settings().encoder(r).unwrap()).unwrap();
    let y = g.include(settings().causal().decoder(r).unwrap(), [target, memory]).unwrap();
    g.output("y", y).unwrap();
    let x: Array2<f64> = Init::STANDARD_NORMAL.matrix(3, g.input_shape().len(), r);
    let again = Network::<f64>::from_onnx_bytes(&g.to_onnx_bytes().unwrap()).unwrap();
    let (got, want) = (again.predict(&x).unwrap(), g.predict(&x).unwrap());
    // ONNX has f32.
    assert_eq!(assert_close("ONNX", got, want, crate::common::F32), 3 * TARGET * 8);
    assert!(g.to_rust().unwrap().contains("1.multihead_attn"));
}
