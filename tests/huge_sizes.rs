//! Sizes that no memory holds: constructors never fail, and the error comes where the layer joins a network.

use neuropil::prelude::*;

/// 2⁴⁵ numbers of 4 bytes do not fit into any address space; the products of the others overflow.
const HUGE: [usize; 3] = [1 << 45, usize::MAX / 2, usize::MAX];

fn layers(n: usize) -> Vec<(Box<dyn Layer<f32>>, Shape)> {
    let r = &mut rng(1);
    let image = Shape::from([2, 4, 4]);
    vec![
        (Box::new(Dense::new(n, 3, r)), n.into()),
        (Box::new(Dense::new(3, n, r)), 3.into()),
        (Box::new(Dense::with_init(n, n, Init::ORTHOGONAL, r)), n.into()),
        (Box::new(Embedding::new(n, 3, r)), 2.into()),
        (Box::new(BatchNorm::new(n)), n.into()),
        (Box::new(LayerNorm::new(n)), n.into()),
        (Box::new(RmsNorm::new(n)), n.into()),
        (Box::new(GroupNorm::new(1, n)), n.into()),
        (Box::new(InstanceNorm::affine(n)), [n, 4, 4].into()),
        (Box::new(PRelu::per_channel(n)), n.into()),
        (Box::new(LearnedPositions::new(n, 3, r)), [2, 3].into()),
        (Box::new(MultiHeadAttention::new(n, 1, r)), [2, n].into()),
        (Box::new(Lstm::new(n, 3, r)), [2, n].into()),
        (Box::new(Gru::new(3, n, r)), [2, 3].into()),
        (Box::new(Rnn::new(3, 3, r).stacked(n, r)), [2, 3].into()),
        (Box::new(Conv1d::new(3, n, 2, r)), [4, 3].into()),
        (Box::new(Conv2d::new(2, 3, [n, n], r)), image),
        (Box::new(Conv2d::with_init(n, n, [1, 1], 1, Init::HE_NORMAL, r)), [n, 4, 4].into()),
        (Box::new(ConvTranspose2d::new(2, n, [2, 2], r)), image),
    ]
}

#[test]
fn layers_that_do_not_fit_are_errors_where_they_join() {
    let mut count = 0;
    for n in HUGE {
        for (layer, input) in layers(n) {
            let error = Sequential::new(input).with(layer).unwrap_err();
            let Error::Layer { error: inner, .. } = &error else { panic!("{error:?}") };
            assert!(matches!(**inner, Error::Memory { limit: None, .. }), "{error}");
            assert!(error.to_string().ends_with(", which the system refuses; use smaller sizes"), "{error}");
            count += 1;
        }
        assert!(Sequential::<f64>::mlp(&[n, n], Relu, &mut rng(1)).is_err());
        let residual = Residual::new(Dense::<f64>::new(1, n, &mut rng(1)));
        assert!(Sequential::new(1).with(residual).is_err());
        assert!(TransformerLayer::<f64>::new(n, 1).encoder(&mut rng(1)).is_err());
    }
    assert_eq!(count, 3 * 19);
}
