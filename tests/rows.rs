//! A sample has the same bits alone and in any batch, in any row of it.

use crate::zoo;

use ndarray::{Array2, s};
use neuropil::ndarray;
use neuropil::prelude::*;

/// Batches with the compared rows first, last and in between.
const SIZES: [usize; 7] = [1, 2, 3, 7, 8, 33, 64];

/// Compares each row of batches of all sizes with the row alone, and returns the number of compared rows.
fn check<A: Scalar>(name: &str, network: &Network<A>, x: &Array2<A>) -> usize {
    let bits = |y: &[A]| y.iter().map(|y| y.to_f64().to_bits()).collect::<Vec<_>>();
    let alone: Vec<_> = x
        .rows()
        .into_iter()
        .map(|x| bits(network.predict_one(x.as_slice().unwrap()).unwrap().as_slice().unwrap()))
        .collect();
    let (mut scratch, mut tape) = (Scratch::default(), Tape::new(network, 0).predicting());
    let mut compared = 0;
    for size in SIZES {
        for from in [0, (x.nrows() - size) / 2, x.nrows() - size] {
            let batch = x.slice(s![from..from + size, ..]);
            let y = network.predict_into(&batch, &mut scratch).unwrap();
            let of_tape = tape.forward(network, &batch).unwrap();
            for (i, want) in alone[from..from + size].iter().enumerate() {
                for (y, which) in [(y, "predicted"), (of_tape, "on a tape")] {
                    let got = bits(y.row(i).as_slice().unwrap());
                    assert_eq!(&got, want, "{name}, {}: row {i} of {size}, {which}", A::NAME);
                    compared += 1;
                }
            }
        }
    }
    compared
}

/// The rows that [`check`] compares of one network.
const EACH: usize = 2 * 3 * (1 + 2 + 3 + 7 + 8 + 33 + 64);

#[test]
fn of_every_layer() {
    fn layers<A: Scalar>() {
        let all = zoo::layers::<A>();
        let compared: usize = all.iter().map(|entry| check(entry.name, &entry.network, &entry.batch(64, 1))).sum();
        assert_eq!(compared, all.len() * EACH);
    }
    layers::<f32>();
    layers::<f64>();
}

/// The sizes at which products choose another path.
#[test]
fn of_layers_of_many_sizes() {
    fn layers<A: Scalar>() {
        let r = &mut rng(3);
        let mut compared = 0;
        let mut count = 0;
        let mut add = |input: Shape, layer: Box<dyn Layer<A>>| {
            let name = format!("{layer:?} of {input}");
            let network = Sequential::new(input).with(layer).unwrap();
            compared += check(&name, &network, &zoo::random(64, input.len(), 4));
            count += 1;
        };
        for inputs in [1, 2, 4, 5, 8, 16, 31, 64, 129, 400] {
            for outputs in [1, 2, 3, 4, 8, 15, 16, 33, 128] {
                add(inputs.into(), Box::new(Dense::new(inputs, outputs, r)));
            }
        }
        for units in [1, 2, 3, 8, 11] {
            add([3, 2].into(), Box::new(Gru::new(2, units, r)));
            add([3, 1].into(), Box::new(Lstm::new(1, units, r)));
            add([2, units].into(), Box::new(Rnn::new(units, 1, r)));
            add([2, units].into(), Box::new(MultiHeadAttention::new(units, 1, r)));
            add([4, units].into(), Box::new(Conv1d::new(units, 3, 2, r)));
            add([units, 4, 5].into(), Box::new(Conv2d::new(units, 2, [3, 2], r)));
            add([units, 2, 3].into(), Box::new(ConvTranspose2d::new(units, 2, [2, 2], r)));
        }
        // Winograd's tiles, from a single one on.
        for (channels, height, width) in [(8, 4, 2), (8, 4, 4), (9, 8, 4), (17, 6, 7)] {
            let layer = Conv2d::new(channels, 8, [3, 3], r).padding(1);
            add([channels, height, width].into(), Box::new(layer));
        }
        assert_eq!((count, compared), (129, 129 * EACH));
    }
    layers::<f32>();
    layers::<f64>();
}

#[test]
fn of_whole_networks() -> Result<()> {
    let r = &mut rng(5);
    let mut compared = 0;
    for sizes in [&[2, 4, 1][..], &[4, 8, 3], &[10, 32, 16, 1], &[3, 1, 1], &[64, 128, 10]] {
        let network = Sequential::<f32>::mlp(sizes, Gelu, r)?.with(Softmax)?;
        compared += check(&format!("{sizes:?}"), &network, &zoo::random(64, sizes[0], 6));
    }
    let images = Sequential::<f32>::new([1, 8, 8])
        .with(Conv2d::new(1, 8, [3, 3], r).padding(1))?
        .with(Relu)?
        .with(Conv2d::new(8, 8, [3, 3], r).padding(1))?
        .with(BatchNorm::new(8))?
        .with(MaxPool2d::new([2, 2]))?
        .with(Flatten)?
        .with(Dense::new(128, 3, r))?;
    compared += check("images", &images, &zoo::random(64, 64, 7));
    let steps = Sequential::<f32>::new([5, 3]).with(Lstm::new(3, 4, r).last_state())?.with(Dense::new(4, 1, r))?;
    compared += check("steps", &steps, &zoo::random(64, 15, 8));
    assert_eq!(compared, 7 * EACH);
    Ok(())
}
