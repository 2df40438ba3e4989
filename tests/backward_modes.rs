//! Backward passes in evaluation mode, and without a forward pass.

use neuropil::layer::Backward;
use neuropil::ndarray::Array2;
use neuropil::prelude::*;
use neuropil::rand::RngExt;

use crate::passes::in_a_pass;

/// On a predicting tape, gradients are those of what the network predicts: a batch norm's statistics are constants.
#[test]
fn predicting_gradients_agree_with_finite_differences() {
    let rng = &mut rng(5);
    let mut norm = BatchNorm::<f64>::new(4);
    norm.visit_mut(&mut |info, w| {
        let low = if info.name.to_string() == "running_var" { 0.5 } else { -0.5 };
        w.mapv_inplace(|_| low + rng.random::<f64>());
    });
    let network = Sequential::new([3, 4])
        .with(norm)
        .unwrap()
        .with(Lstm::new(4, 4, rng).bidirectional(rng))
        .unwrap()
        .with(MultiHeadAttention::new(8, 2, rng))
        .unwrap()
        .with(LayerNorm::new(8))
        .unwrap()
        .with(Gru::new(8, 2, rng).last_state())
        .unwrap();
    let x = Init::STANDARD_NORMAL.matrix(2, 3 * 4, rng);
    let dy = Init::STANDARD_NORMAL.matrix(2, 2, rng);
    let mut tape = Tape::new(&network, 0).predicting();
    tape.forward(&network, &x).unwrap();
    let gradients = tape.backward_from(&network, &dy).unwrap();
    let value = |network: &Network<f64>, x: &Array2<f64>| (network.predict(x).unwrap() * &dy).sum();
    let h = 1e-5;
    for at in x.indexed_iter().map(|(at, _)| at) {
        let (mut more, mut less) = (x.clone(), x.clone());
        more[at] += h;
        less[at] -= h;
        let numeric = (value(&network, &more) - value(&network, &less)) / (2.0 * h);
        assert!(close(gradients.input[at], numeric), "{at:?}");
    }
    for (slot, gradient) in gradients.weights.iter().enumerate() {
        for (at, &analytic) in gradient.indexed_iter() {
            let moved = |h: f64| {
                let mut moved = network.clone();
                let mut trained = 0;
                moved.visit_mut(&mut |info, w| {
                    if info.role.is_trainable() {
                        if trained == slot {
                            w[at] += h;
                        }
                        trained += 1;
                    }
                });
                value(&moved, &x)
            };
            let numeric = (moved(h) - moved(-h)) / (2.0 * h);
            assert!(close(analytic, numeric), "{slot} {at:?}: {analytic} {numeric}");
        }
    }
}

/// A backward pass without a forward pass is an error, never an unwritten gradient.
#[test]
fn backward_needs_forward() {
    let rng = &mut rng(1);
    let layers: [(Box<dyn Layer<f64>>, Shape); 7] = [
        (Box::new(BatchNorm::new(4)), 4.into()),
        (Box::new(LayerNorm::new(4)), 4.into()),
        (Box::new(RmsNorm::new(4)), 4.into()),
        (Box::new(GroupNorm::new(2, 4)), 4.into()),
        (Box::new(Lstm::new(4, 4, rng)), [2, 4].into()),
        (Box::new(MultiHeadAttention::new(4, 2, rng)), [2, 4].into()),
        (Box::new(InstanceNorm::affine(4)), [2, 4].into()),
    ];
    for (layer, input) in layers {
        let x = Init::STANDARD_NORMAL.matrix(2, input.len(), rng);
        in_a_pass::<f64>(input, true, move |pass| {
            let mut dx = x.clone();
            let mut dw = Vec::new();
            layer.visit(&mut |info, w| dw.extend(info.role.is_trainable().then(|| w.clone())));
            let at = Backward { x: &x, y: &x, dy: &x, dx: Some(&mut dx), dw: &mut dw };
            assert!(matches!(layer.backward(at, pass), Err(Error::Order { .. })), "{layer:?}");
        });
    }
}

fn close(analytic: f64, numeric: f64) -> bool {
    (analytic - numeric).abs() < 1e-7 * analytic.abs().max(1.0)
}
