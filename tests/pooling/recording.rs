//! Passes that record for a backward pass, and passes that do not.

use neuropil::layer::{Backward, Layer};
use neuropil::ndarray::Array2;
use neuropil::prelude::*;

use crate::passes::in_a_pass;

use super::random::{Settings, coarse, pick};

#[test]
fn maxima_are_the_same_with_and_without_recording() {
    let rng = &mut rng(5);
    for round in 0..200 {
        let (settings, [height, width]) = (Settings::random(rng), [pick(rng, 1, 20), pick(rng, 1, 20)]);
        let input = Shape::from([2, height, width]);
        // Some windows are as large as the image.
        let mut pool = MaxPool2d::new([height, width]);
        if round % 4 > 0 {
            pool = MaxPool2d::new(settings.kernel).stride(settings.stride).dilation(settings.dilation);
            pool = if settings.ceil { pool.padding(settings.padding).ceil() } else { pool.padding(settings.padding) };
        }
        if Layer::<f64>::output_shape(&pool, input).is_err() {
            continue;
        }
        let mut x = coarse(3, input.len(), rng);
        x[[0, pick(rng, 0, input.len() - 1)]] = f64::NAN;
        let kept = Tape::for_layer(&pool, input, 0).predicting().forward(&pool, &x).unwrap().mapv(f64::to_bits);
        let lost = Sequential::new(input).with(pool).unwrap().predict(&x).unwrap().mapv(f64::to_bits);
        assert_eq!(kept, lost, "{pool:?} on {input:?}");
    }
}

#[test]
fn a_backward_pass_needs_one_that_records() {
    let layers: [(Box<dyn Layer<f64>>, Shape); 2] =
        [(Box::new(MaxPool2d::new([2, 2])), [1, 4, 4].into()), (Box::new(MaxPool1d::new(2)), [4, 2].into())];
    for (layer, input) in layers {
        in_a_pass::<f64>(input, false, move |pass| {
            let (x, mut dx) = (Array2::ones((2, input.len())), Array2::zeros((2, input.len())));
            let mut y = Array2::zeros((2, layer.output_shape(input).unwrap().len()));
            pass.recording = false;
            layer.forward(&x, &mut y, pass).unwrap();
            pass.recording = true;
            let at = Backward { x: &x, y: &y, dy: &y, dx: Some(&mut dx), dw: &mut [] };
            assert!(matches!(layer.backward(at, pass), Err(Error::Order { .. })), "{layer:?}");
        });
    }
}
