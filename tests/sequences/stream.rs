//! A stream gives what the whole sequence gives.

use ndarray::Array2;
use neuropil::layers::{Embedding, LastStep, LearnedPositions};
use neuropil::ndarray;
use neuropil::prelude::*;

use super::layers;

/// Pushes a prompt, then single steps.
fn compare(name: &str, network: &Network<f64>, x: &Array2<f64>, prompt: usize) -> usize {
    let features = network.input_shape().with_steps(1);
    let whole = network.predict(x).unwrap();
    let steps = x.ncols() / features;
    let mut stream = network.stream().unwrap_or_else(|error| panic!("{name}: {error}"));
    let x = x.as_slice().unwrap();
    let mut all = stream.push(&x[..prompt * features]).unwrap().to_vec();
    let last_only = all.len() == whole.ncols();
    for step in x[prompt * features..].chunks(features) {
        let y = stream.push(step).unwrap();
        if last_only {
            all.copy_from_slice(y);
        } else {
            all.extend_from_slice(y);
        }
    }
    assert_eq!(stream.steps(), steps);
    assert_eq!(all.len(), whole.ncols(), "{name}");
    for (y, want) in all.iter().zip(&whole) {
        assert!((y - want).abs() < 1e-12, "{name}: {y} for {want}");
    }
    all.len()
}

trait WithSteps {
    fn with_steps(self, steps: usize) -> usize;
}

impl WithSteps for Shape {
    /// The length of a sample of so many steps.
    fn with_steps(self, steps: usize) -> usize {
        if let Shape::Sequence { features, .. } = self { steps * features } else { steps }
    }
}

#[test]
fn every_causal_layer_streams() {
    let (mut compared, mut refused) = (0, 0);
    for (causal, layer) in layers(&mut rng(3)) {
        let name = format!("{layer:?}");
        let network: Network<f64> = Sequential::new([30, 4]).with(layer).unwrap().into();
        if !causal {
            let error = network.stream().unwrap_err().to_string();
            assert!(error.contains("cannot be streamed") && error.contains("layer 0"), "{error}");
            refused += 1;
            continue;
        }
        let x = Array2::from_shape_fn((1, 120), |(_, i)| ((i * 37 % 23) as f64 - 11.0) / 7.0);
        compared += compare(&name, &network, &x, 1) + compare(&name, &network, &x, 13);
    }
    assert_eq!(refused, 7);
    assert!(compared > 3000, "{compared}");
}

#[test]
fn a_language_model_streams_a_thousand_steps() {
    let r = &mut rng(2);
    let block = |r: &mut _| {
        let attention = Sequential::new([1000, 8]).with(LayerNorm::new(8)).unwrap();
        Residual::new(attention.with(neuropil::layers::MultiHeadAttention::new(8, 2, r).causal()).unwrap())
    };
    let network = Sequential::new(1000).with(Embedding::new(20, 8, r).padding(0).unwrap()).unwrap();
    let network = network.with(LearnedPositions::new(1000, 8, r)).unwrap().with(block(r)).unwrap();
    let network: Network<f64> = network.with(Gru::new(8, 6, r)).unwrap().with(Dense::new(6, 20, r)).unwrap().into();
    let x = Array2::from_shape_fn((1, 1000), |(_, i)| (1 + i * 7 % 19) as f64);
    assert_eq!(compare("language model", &network, &x, 5), 20_000);

    // The positions end.
    let mut stream = network.stream().unwrap();
    stream.push(&[1.0; 1000]).unwrap();
    let error = stream.push(&[1.0]).unwrap_err().to_string();
    assert!(error.contains("of up to 1000 steps"), "{error}");
    // After the error, it starts again.
    assert_eq!(stream.steps(), 0);
    assert_eq!(stream.push(&[3.0]).unwrap(), network.predict(&ndarray::array![[3.0]]).unwrap().as_slice().unwrap());
}

/// Whether a step of zeros is padding depends on the steps after it, so a masked layer cannot know it in a stream.
#[test]
fn masked_layers_do_not_stream() {
    let r = &mut rng(1);
    let masked: [Box<dyn neuropil::layer::Layer<f64>>; 4] = [
        Box::new(Lstm::new(4, 2, r).masked()),
        Box::new(neuropil::layers::MultiHeadAttention::new(4, 2, r).causal().masked()),
        Box::new(LearnedPositions::new(9, 4, r).masked()),
        Box::new(neuropil::layers::SinusoidalPositions::new().masked()),
    ];
    for layer in masked {
        let network = Sequential::new([6, 4]).with(layer).unwrap();
        let error = network.stream().unwrap_err().to_string();
        assert!(error.contains("cannot be streamed"), "{error}");
    }
}

#[test]
fn a_stream_keeps_to_the_memory_limit() {
    let layer = neuropil::layers::MultiHeadAttention::<f64>::new(4, 2, &mut rng(1)).causal();
    let mut network: Network<f64> = Sequential::new([6, 4]).with(layer).unwrap().into();
    network.set_memory_limit(16 << 20);
    let mut stream = network.stream().unwrap();
    assert!(stream.push(&[1.0; 4 * 50]).is_ok());
    let error = stream.push(&vec![1.0; 4 * 50_000]).unwrap_err();
    assert!(matches!(error, Error::Memory { limit: Some(16_777_216), .. }), "{error}");
}

#[test]
fn what_is_no_sequence_cannot_be_streamed() {
    let network = Sequential::<f64>::mlp(&[2, 3, 1], Tanh, &mut rng(1)).unwrap();
    assert!(network.stream().unwrap_err().to_string().contains("to stream"));
    let network = Sequential::<f64>::new([4, 2]).with(LastStep).unwrap();
    let mut stream = network.stream().unwrap();
    for wrong in [&[][..], &[1.0], &[1.0, 2.0, 3.0]] {
        assert!(matches!(stream.push(wrong), Err(Error::Width { .. })));
    }
}
