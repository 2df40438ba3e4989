//! Sequences in ONNX: lengths there and back, and any number of steps.

use neuropil::layers::LearnedPositions;
use neuropil::ndarray::{Array2, s};
use neuropil::prelude::*;

use crate::sequence_zoo::{layers, series, words};

fn close(name: &str, got: &Array2<f64>, want: &Array2<f64>) -> usize {
    assert_eq!(got.dim(), want.dim(), "{name}");
    for (got, want) in got.iter().zip(want) {
        assert!((got - want).abs() <= 1e-6 + 2e-6 * want.abs(), "{name}: {got}, not {want}");
    }
    got.len()
}

/// Words of these lengths, and the padding index after them.
fn sentences(lengths: &[usize], steps: usize) -> Array2<f64> {
    let word = |(row, at): (usize, usize)| if at < lengths[row] { (1 + (row * 5 + at * 3) % 11) as f64 } else { 0.0 };
    Array2::from_shape_fn((lengths.len(), steps), word)
}

#[test]
fn lengths_come_back() -> Result<()> {
    let lengths = [5, 2, 6, 1];
    let (mut compared, mut refused) = (0, 0);
    let found = layers(&mut rng(5)).into_iter().map(|(_, layer)| words(layer, &mut rng(6)).map(Into::into));
    let given = layers(&mut rng(7)).into_iter().map(|(_, layer)| series(layer));
    for network in found.chain(given).collect::<Result<Vec<Network<f64>>>>()? {
        let again = match Network::<f64>::from_onnx_bytes(&network.to_onnx_bytes()?) {
            // These may come back as several layers, with which the lengths in the file cannot be compared.
            Err(error) if ["Glu(", "rotary", "Network("].iter().any(|layer| network.to_string().contains(layer)) => {
                assert!(error.to_string().contains("Less"), "{network}: {error}");
                refused += 1;
                continue;
            }
            again => again?,
        };
        let width = network.input_shape().len();
        let mut x = sentences(&lengths, width);
        if width > 6 {
            // Padding holds anything, and the length stands last.
            x = Array2::from_shape_fn(x.dim(), |(row, at)| ((row * 31 + at * 7) % 13) as f64 / 5.0 - 1.0);
            lengths.iter().enumerate().for_each(|(row, &length)| x[[row, width - 1]] = length as f64);
        }
        compared += close(&network.to_string(), &again.predict(&x)?, &network.predict(&x)?);
        // More padding is still padding.
        if let (6, Shape::Flat(_)) = (width, again.prediction_shape()) {
            compared += close("longer", &again.predict(&sentences(&lengths, 9))?, &again.predict(&x)?);
        }
    }
    assert!(compared > 3000, "{compared}");
    assert!((2..=8).contains(&refused), "{refused}");
    Ok(())
}

/// The size of the axis of steps in a file, as other systems see it: a number, or a name.
fn is_variable(network: &Network<f64>) -> bool {
    let bytes = network.to_onnx_bytes().unwrap();
    // Field 2 of a size is its name.
    bytes.windows(7).any(|part| part == b"\x12\x05steps")
}

#[test]
fn a_file_is_for_any_number_of_steps() -> Result<()> {
    let r = &mut rng(3);
    let attend = Sequential::new([5, 4]).with(LayerNorm::new(4))?.with(MultiHeadAttention::new(4, 2, r).causal())?;
    let decoder = Sequential::<f64>::new([5, 4]).with(Residual::new(attend))?.with(Dense::new(4, 3, r))?;
    let convolved = Sequential::<f64>::new([9, 4])
        .with(Conv1d::new(4, 6, 3, r))?
        .with(MaxPool1d::new(2).stride(2))?
        .with(Conv1d::new(6, 4, 3, r).causal())?
        .with(AvgPool1d::new(3).stride(1).padding(1))?;
    let masked = Sequential::<f64>::new([5, 4])
        .with(Lstm::new(4, 3, r).bidirectional(r).masked())?
        .with(MultiHeadAttention::new(6, 2, r).masked())?
        .with(GlobalMaxPool)?;
    let last = Sequential::<f64>::new([5, 4]).with(Gru::reset_before(4, 3, r))?.with(LastStep)?;
    let mut compared = 0;
    for (network, features) in [(decoder, 4), (convolved, 4), (masked, 4), (last, 4)] {
        assert!(is_variable(&network), "{network:?}");
        let again = Network::<f64>::from_onnx_bytes(&network.to_onnx_bytes()?)?;
        assert_eq!(again.input_shape(), network.input_shape());
        for steps in [8, 9, 40] {
            let mut x: Array2<f64> = Init::STANDARD_NORMAL.matrix(2, steps * features, &mut rng(4));
            x.slice_mut(s![0, (steps - 2) * features..]).fill(0.0);
            compared += close(&network.to_string(), &again.predict(&x)?, &network.predict(&x)?);
        }
    }
    assert!(compared > 500, "{compared}");
    Ok(())
}

#[test]
fn attention_masks_travel() -> Result<()> {
    let r = &mut rng(3);
    let x: Array2<f64> = Init::STANDARD_NORMAL.matrix(3, 20, r);
    for blind in [false, true] {
        let mask = Array2::from_shape_fn((5, 6), |(i, j)| (i != 3 || !blind) && (i == j || (i + j) % 3 != 1));
        let attention = MultiHeadAttention::<f64>::new(4, 2, r).attention_mask(mask);
        for layer in [attention.clone(), attention.causal()] {
            let network = Sequential::new([5, 4]).with(layer)?;
            let again = Network::<f64>::from_onnx_bytes(&network.to_onnx_bytes()?)?;
            assert!(again.to_string().contains("mask 5 x 5"), "{again}");
            assert_eq!(close("attention", &again.predict(&x)?, &network.predict(&x)?), 60);
            let again = Network::<f64>::from_bytes(&network.to_bytes()?)?;
            assert_eq!(again.predict(&x)?, network.predict(&x)?);
        }
    }
    Ok(())
}

#[test]
fn what_depends_on_the_steps_keeps_them() -> Result<()> {
    let r = &mut rng(3);
    let fixed = [
        Sequential::<f64>::new([5, 4]).with(LearnedPositions::new(2000, 4, r))?,
        Sequential::new([5, 4]).with(SinusoidalPositions::new())?,
        Sequential::new([5, 4]).with(Flatten)?.with(Dense::new(20, 2, r))?,
        Sequential::new([6, 4]).with(Conv1d::new(4, 4, 3, r).stride(2).padding_same())?,
        Sequential::new([6, 4]).with(MaxPool1d::new(3).stride(2).ceil())?,
        Sequential::new(6).with(Tanh)?,
    ];
    for network in fixed {
        assert!(!is_variable(&network), "{network:?}");
        let again = Network::<f64>::from_onnx_bytes(&network.to_onnx_bytes()?)?;
        let x = Init::STANDARD_NORMAL.matrix(2, network.input().len(), &mut rng(4));
        close(&network.to_string(), &again.predict(&x)?, &network.predict(&x)?);
    }
    Ok(())
}
