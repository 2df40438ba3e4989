//! Layers whose outputs are inputs in other places: against what ndarray does, and PyTorch's own examples.

use neuropil::adapt;
use neuropil::ndarray::{Array2, Array4, Axis, array, s};
use neuropil::prelude::*;

use super::random::{Settings, coarse, pair, pick, shuffled, toss};

fn predict(layer: impl Layer<f64>, shape: impl Into<Shape>, x: &Array2<f64>) -> Array2<f64> {
    Sequential::new(shape).with(layer).unwrap().predict(x).unwrap()
}

/// A pool of steps is a pool of images of one column, whose channels are the features.
#[test]
fn pools_of_steps_are_pools_of_columns() {
    let rng = &mut rng(1);
    let (mut tried, mut compared) = (0, 0);
    while tried < 200 {
        let (settings, counts_padding, max) = (Settings::random(rng), toss(rng), toss(rng));
        let (steps, features) = (pick(rng, 1, 20), pick(rng, 1, 20));
        let columns = settings.of_steps();
        let (one, two): (Box<dyn Layer<f64>>, Box<dyn Layer<f64>>) = if max {
            (Box::new(settings.max_pool1d()), Box::new(columns.max_pool()))
        } else {
            (Box::new(settings.avg_pool1d(counts_padding)), Box::new(columns.avg_pool(counts_padding)))
        };
        let (sequence, image) = ([steps, features].into(), [features, steps, 1].into());
        assert_eq!(one.output_shape(sequence).is_ok(), two.output_shape(image).is_ok(), "{one:?} {two:?}");
        let Ok(output) = one.output_shape(sequence) else { continue };
        let x = coarse(pick(rng, 1, 4), steps * features, rng);
        let dy = coarse(x.nrows(), output.len(), rng);
        // (samples, steps, features) to (samples, features, steps).
        let turned = |m: &Array2<f64>| {
            let steps_first = m.to_shape((m.nrows(), m.ncols() / features, features)).unwrap().into_owned();
            adapt::rows(&steps_first.permuted_axes([0, 2, 1])).into_owned()
        };
        let mut tape = Tape::for_layer(&*one, sequence, 0);
        let y = turned(tape.forward(&*one, &x).unwrap());
        let dx = turned(tape.backward_from(&*one, &dy).unwrap().input);
        let mut tape = Tape::for_layer(&*two, image, 0);
        assert_eq!(tape.forward(&*two, &turned(&x)).unwrap(), y, "{one:?} {two:?}");
        assert_eq!(tape.backward_from(&*two, &turned(&dy)).unwrap().input, dx, "{one:?} {two:?}");
        compared += y.len() + dx.len();
        tried += 1;
    }
    assert!(compared > 50_000, "{compared}");
}

#[test]
fn permute_is_that_of_ndarray() {
    let rng = &mut rng(2);
    for _ in 0..50 {
        let (channels, [height, width], [a, b, c]) = (pick(rng, 1, 5), pair(rng, 1, 9), shuffled(rng));
        let x = coarse(3, channels * height * width, rng);
        let permute = Permute::new([a, b, c]);
        let network = Sequential::new([channels, height, width]).with(permute).unwrap();
        let images = adapt::images(&x, [channels, height, width]).unwrap();
        let want = images.permuted_axes([0, a + 1, b + 1, c + 1]);
        let sizes = [want.dim().1, want.dim().2, want.dim().3];
        assert_eq!(network.output(), sizes.into());
        assert_eq!(network.predict(&x).unwrap(), adapt::rows(&want), "{permute:?}");
    }
}

#[test]
fn pixel_shuffle_is_its_definition() {
    let rng = &mut rng(3);
    for _ in 0..50 {
        let (channels, r, [height, width]) = (pick(rng, 1, 3), pick(rng, 1, 4), pair(rng, 1, 5));
        let x = coarse(2, channels * r * r * height * width, rng);
        let images = adapt::images(&x, [channels * r * r, height, width]).unwrap();
        let want = Array4::from_shape_fn((2, channels, height * r, width * r), |(n, c, p, q)| {
            images[[n, c * r * r + p % r * r + q % r, p / r, q / r]]
        });
        assert_eq!(predict(PixelShuffle::new(r), [channels * r * r, height, width], &x), adapt::rows(&want));
    }
}

#[test]
fn upsample_repeats_or_mixes() {
    // The example of PyTorch's documentation.
    let x = array![[1.0, 2.0, 3.0, 4.0]];
    let want = [[1.0, 1.25, 1.75, 2.0], [1.5, 1.75, 2.25, 2.5], [2.5, 2.75, 3.25, 3.5], [3.0, 3.25, 3.75, 4.0]];
    assert_eq!(predict(Upsample::bilinear([2, 2]), [1, 2, 2], &x).row(0).to_vec(), want.concat());

    let rng = &mut rng(4);
    for _ in 0..50 {
        let (scale, [height, width]) = (pair(rng, 1, 5), pair(rng, 1, 6));
        let x = coarse(2, 3 * height * width, rng);
        let images = adapt::images(&x, [3, height, width]).unwrap();
        let [lines, columns] = [height * scale[0], width * scale[1]];
        let nearest =
            Array4::from_shape_fn((2, 3, lines, columns), |(n, c, p, q)| images[[n, c, p / scale[0], q / scale[1]]]);
        let bilinear = Array4::from_shape_fn((2, 3, lines, columns), |(n, c, p, q)| {
            let mix = |at: usize, scale: usize, size: usize| {
                let position = ((at as f64 + 0.5) / scale as f64 - 0.5).max(0.0);
                let first = position as usize;
                (first, (first + 1).min(size - 1), position - first as f64)
            };
            let ((i, below, v), (j, right, h)) = (mix(p, scale[0], height), mix(q, scale[1], width));
            let line = |i: usize| (1.0 - h) * images[[n, c, i, j]] + h * images[[n, c, i, right]];
            (1.0 - v) * line(i) + v * line(below)
        });
        assert_eq!(predict(Upsample::nearest(scale), [3, height, width], &x), adapt::rows(&nearest));
        let y = predict(Upsample::bilinear(scale), [3, height, width], &x);
        assert_eq!(y.dim(), (2, bilinear.len() / 2));
        assert!(y.iter().zip(&bilinear).all(|(y, want)| (y - want).abs() < 1e-14), "{scale:?}: {y}\n{bilinear}");
    }
}

#[test]
fn global_pools_of_sequences() {
    let x = array![[1.0, -5.0, 4.0, -2.0, 1.0, -2.0], [0.0, 3.0, 0.0, 3.0, 0.0, 3.0]];
    assert_eq!(predict(GlobalAvgPool, [3, 2], &x), array![[2.0, -3.0], [0.0, 3.0]]);
    assert_eq!(predict(GlobalMaxPool, [3, 2], &x), array![[4.0, -2.0], [0.0, 3.0]]);
    let mut tape = Tape::for_layer(&GlobalMaxPool, [3, 2], 0);
    tape.forward(&GlobalMaxPool, &x).unwrap();
    let dx = tape.backward_from(&GlobalMaxPool, &array![[1.0, 2.0], [3.0, 4.0]]).unwrap().input;
    assert_eq!(dx, array![[0.0, 0.0, 1.0, 2.0, 0.0, 0.0], [3.0, 4.0, 0.0, 0.0, 0.0, 0.0]]);
}

/// A mean of many numbers keeps its digits in `f32`.
#[test]
fn a_large_mean_is_exact() {
    let x = Array2::from_elem((1, 1 << 20), 1.000_001_f32);
    for y in [
        Sequential::new([1, 1 << 10, 1 << 10]).with(GlobalAvgPool).unwrap().predict(&x).unwrap(),
        Sequential::new([1 << 20, 1]).with(GlobalAvgPool).unwrap().predict(&x).unwrap(),
        Sequential::new([1, 1 << 10, 1 << 10]).with(AdaptiveAvgPool2d::new([1, 1])).unwrap().predict(&x).unwrap(),
    ] {
        assert_eq!(y, x.slice(s![.., ..1]));
    }
}

#[test]
fn arrays_of_more_axes_are_matrices() {
    let images = Array4::from_shape_fn((4, 3, 2, 5), |(n, c, h, w)| (1000 * n + 100 * c + 10 * h + w) as f64);
    let layer = || Permute::new([0, 2, 1]);
    let want = images.clone().permuted_axes([0, 1, 3, 2]);
    let network = Sequential::new([3, 2, 5]).with(layer()).unwrap();
    let check = |x: &Array4<f64>, is_view: bool| {
        let x = adapt::rows(x);
        assert_eq!((x.dim(), x.is_view()), ((4, 30), is_view));
        let y = network.predict(&x).unwrap();
        let y = adapt::images(&y, [3, 5, 2]).unwrap();
        assert!(y.is_view());
        assert_eq!(y, want);
    };
    check(&images, true);
    let mut by_columns = Array4::zeros((5, 2, 3, 4)).reversed_axes();
    by_columns.assign(&images);
    check(&by_columns, false);
    // Every second image: rows with gaps between them.
    let part = images.slice(s![..;2, .., .., ..]);
    assert_eq!(adapt::rows(&part).index_axis(Axis(0), 1), adapt::rows(&images).index_axis(Axis(0), 2));
    // A matrix by columns, and none at all.
    let y = adapt::rows(&images).into_owned();
    let mut columns = Array2::zeros((30, 4)).reversed_axes();
    columns.assign(&y);
    assert_eq!(adapt::images(&columns, [3, 2, 5]).unwrap(), images);
    assert_eq!(adapt::sequences(&columns, [6, 5]).unwrap()[[3, 5, 4]], 3214.0);
    assert_eq!(adapt::rows(&images.slice(s![..0, .., .., ..])).dim(), (0, 30));
    assert_eq!(adapt::images(&Array2::<f32>::zeros((0, 30)), [3, 2, 5]).unwrap().dim(), (0, 3, 2, 5));
    let error = adapt::images(&y, [3, usize::MAX, 5]).unwrap_err();
    assert!(matches!(error, Error::Dimensions { got: [4, 30], .. }), "{error}");
}
