//! The number of steps belongs to a batch.

use ndarray::Array2;
use neuropil::layers::{Embedding, LearnedPositions, MultiHeadAttention};
use neuropil::ndarray;
use neuropil::prelude::*;

fn forecaster(steps: usize) -> Network<f64> {
    let r = &mut rng(4);
    let chain = Sequential::new([steps, 2]).with(Lstm::new(2, 6, r)).unwrap();
    let chain = chain.with(LayerNorm::new(6)).unwrap().with(MultiHeadAttention::new(6, 2, r).causal()).unwrap();
    chain.with(Dense::new(6, 1, r)).unwrap().into()
}

fn rows(count: usize, steps: usize) -> Array2<f64> {
    Array2::from_shape_fn((count, 2 * steps), |(row, i)| ((row * 31 + i * 7) % 11) as f64 / 5.0 - 1.0)
}

#[test]
fn one_network_trains_on_24_steps_and_predicts_60() {
    let mut network = forecaster(24);
    let (x, target) = (rows(5, 24), Array2::from_elem((5, 24), 0.5));
    let mut tape = Tape::new(&network, 0);
    let mut sgd = Sgd::new(0.05);
    for _ in 0..5 {
        tape.train(&mut network, &x, &target, &Mse, &mut sgd).unwrap();
    }
    let mut long = forecaster(60);
    network.visit(&mut |info, w| long.set_parameter(&info.name.to_string(), w).unwrap());
    assert_eq!(network.predict(&rows(3, 60)).unwrap(), long.predict(&rows(3, 60)).unwrap());
    assert_eq!(network.layer_outputs(&rows(3, 60)).unwrap(), long.layer_outputs(&rows(3, 60)).unwrap());

    // And trains on batches of any length, as the network for that length does.
    let target = Array2::from_elem((3, 60), 0.25);
    let mut other = Tape::new(&long, 0);
    for steps in [60, 24, 7, 60, 1] {
        let (x, target) = (rows(3, steps), target.slice(ndarray::s![.., ..steps]));
        let loss = tape.train(&mut network, &x, &target, &Mse, &mut sgd).unwrap();
        assert_eq!(loss, other.train(&mut long, &x, &target, &Mse, &mut Sgd::new(0.05)).unwrap());
    }
}

#[test]
fn other_widths_are_refused() {
    let network = forecaster(24);
    let error = network.predict(&Array2::zeros((1, 49))).unwrap_err();
    assert!(matches!(error, Error::Width { got: 49, .. }), "{error}");
    // A layer whose parameters depend on the steps says so.
    let flat = Sequential::<f64>::new([4, 2]).with(Flatten).unwrap().with(Dense::new(8, 1, &mut rng(1))).unwrap();
    assert!(flat.predict(&rows(1, 5)).unwrap_err().to_string().contains("Dense"));
    let positions = Sequential::<f64>::new([4, 2]).with(LearnedPositions::new(6, 2, &mut rng(1))).unwrap();
    assert!(positions.predict(&rows(1, 6)).is_ok());
    let error = positions.predict(&rows(1, 7)).unwrap_err().to_string();
    assert!(error.contains("of up to 6 steps"), "{error}");
    // Plain features are no steps, except the indices of an embedding.
    let tanh = Sequential::<f64>::new(4).with(Tanh).unwrap();
    assert!(matches!(tanh.predict(&rows(1, 1)), Err(Error::Width { .. })));
    let words = Sequential::<f64>::new(4).with(Embedding::new(9, 3, &mut rng(1))).unwrap();
    assert_eq!(words.predict(&Array2::ones((2, 7))).unwrap().dim(), (2, 21));
}
