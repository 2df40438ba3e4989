//! Passes that record for a backward pass, and passes that do not.

use neuropil::layer::{Backward, Cache, Pass};
use neuropil::ndarray::Array2;
use neuropil::prelude::*;

use super::random::{Settings, coarse, pick};

/// A pass of the layer that no backward pass follows, or one that records.
fn forward(layer: &dyn Layer<f64>, input: Shape, x: &Array2<f64>, recording: bool, cache: &mut Cache) -> Array2<f64> {
    let mut y = Array2::zeros((x.nrows(), layer.output_shape(input).unwrap().len()));
    let mut pass = Pass { training: false, recording, input, cache, rng: &mut rng(0) };
    layer.forward(x, &mut y, &mut pass).unwrap();
    y
}

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
        let [kept, lost] = [true, false]
            .map(|recording| forward(&pool, input, &x, recording, &mut Cache::default()).mapv(f64::to_bits));
        assert_eq!(kept, lost, "{pool:?} on {input:?}");
    }
}

#[test]
fn a_backward_pass_needs_one_that_records() {
    let layers: [(Box<dyn Layer<f64>>, Shape); 2] =
        [(Box::new(MaxPool2d::new([2, 2])), [1, 4, 4].into()), (Box::new(MaxPool1d::new(2)), [4, 2].into())];
    for (layer, input) in layers {
        let (x, mut cache) = (Array2::ones((2, input.len())), Cache::default());
        let y = forward(&*layer, input, &x, false, &mut cache);
        let mut dx = Array2::zeros(x.dim());
        let at = Backward { x: &x, y: &y, dy: &y, dx: Some(&mut dx), dw: &mut [] };
        let mut pass = Pass { training: false, recording: true, input, cache: &mut cache, rng: &mut rng(0) };
        assert!(matches!(layer.backward(at, &mut pass), Err(Error::Order { .. })), "{layer:?}");
    }
}
