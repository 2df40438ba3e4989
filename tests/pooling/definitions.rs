//! Definitions written out as plain loops.

use neuropil::ndarray::{Array2, Array4};
use neuropil::prelude::*;

use super::random::{Settings, coarse, pair, pick, toss};

/// What lies under a window, tap by tap: a cell of the image, or `None` for padding; and what reaches beyond the padding
/// is left out.
fn under(settings: &Settings, [height, width]: [usize; 2], [p, q]: [usize; 2]) -> Vec<Option<[usize; 2]>> {
    let mut cells = Vec::new();
    let [[above, below], [left, right]] = settings.padding;
    for i in 0..settings.kernel[0] {
        for j in 0..settings.kernel[1] {
            let line = p * settings.stride[0] + i * settings.dilation[0];
            let column = q * settings.stride[1] + j * settings.dilation[1];
            if line < above + height + below && column < left + width + right {
                let inside = (above..above + height).contains(&line) && (left..left + width).contains(&column);
                cells.push(inside.then(|| [line - above, column - left]));
            }
        }
    }
    cells
}

/// The number of places on an axis, by trying them all.
fn places(settings: &Settings, axis: usize, n: usize) -> usize {
    let [before, after] = settings.padding[axis];
    let span = settings.dilation[axis] * (settings.kernel[axis] - 1) + 1;
    let fits = |place: &usize| {
        let start = place * settings.stride[axis];
        let overhang = if settings.ceil { settings.stride[axis] - 1 } else { 0 };
        start + span <= before + n + after + overhang && (!settings.ceil || start < before + n)
    };
    (0..100).take_while(fits).count()
}

#[test]
fn pools_are_their_definitions() {
    let rng = &mut rng(3);
    let (mut tried, mut compared, mut halved) = (0, 0, 0);
    while tried < 400 {
        let max = toss(rng);
        let settings = Settings::random(rng);
        let counts_padding = toss(rng);
        let (channels, [height, width]) = (pick(rng, 1, 3), pair(rng, 1, 20));
        let layer: Box<dyn Layer<f64>> =
            if max { Box::new(settings.max_pool()) } else { Box::new(settings.avg_pool(counts_padding)) };
        let Ok(shape) = layer.output_shape([channels, height, width].into()) else { continue };
        let [lines, columns] = [places(&settings, 0, height), places(&settings, 1, width)];
        assert_eq!(shape, [channels, lines, columns].into(), "{layer:?}");

        let rows = pick(rng, 1, 4);
        let (x, dy) = (coarse(rows, channels * height * width, rng), coarse(rows, shape.len(), rng));
        let view = |m: &Array2<f64>, h, w| m.clone().into_shape_with_order((rows, channels, h, w)).unwrap();
        let (x4, dy4) = (view(&x, height, width), view(&dy, lines, columns));
        let (mut y4, mut dx4) = (Array4::zeros(dy4.dim()), Array4::zeros(x4.dim()));
        for ((n, c, p, q), y) in y4.indexed_iter_mut() {
            let cells = under(&settings, [height, width], [p, q]);
            let inside = || cells.iter().flatten().map(|&[i, j]| (n, c, i, j));
            let dy = dy4[[n, c, p, q]];
            if max {
                let first = inside().reduce(|a, b| if x4[b] > x4[a] { b } else { a }).unwrap();
                *y = x4[first];
                dx4[first] += dy;
            } else {
                let count = if counts_padding { cells.len() } else { inside().count() } as f64;
                *y = inside().map(|cell| x4[cell]).sum::<f64>() / count;
                inside().for_each(|cell| dx4[cell] += dy / count);
            }
        }
        let mut tape = Tape::for_layer(&*layer, [channels, height, width], 0);
        let y = tape.forward(&*layer, &x).unwrap().clone();
        let dx = tape.backward_from(&*layer, &dy).unwrap().input;
        for (got, want) in y.iter().chain(dx).zip(y4.iter().chain(&dx4)) {
            assert!((got - want).abs() < 1e-14, "{layer:?} on {height} x {width}: {got}, want {want}");
            compared += 1;
        }
        halved += usize::from(settings.kernel == [2, 2] && settings.stride == [2, 2] && height > 1 && width > 1);
        tried += 1;
    }
    assert!(compared > 100_000 && halved > 100, "{compared} {halved}");
}

#[test]
fn the_first_nan_is_the_maximum() {
    let nan = f64::NAN;
    let x = Array2::from_shape_vec((1, 12), vec![1.0, nan, 5.0, 3.0, nan, 2.0, 0.0, nan, 4.0, 6.0, 7.0, nan]).unwrap();
    // The cells that get a gradient of 1 from each output, all of which are NaN.
    for (pool, cells) in [
        (MaxPool2d::new([2, 2]), &[1, 7][..]),
        (MaxPool2d::new([3, 4]), &[1]),
        (MaxPool2d::new([2, 2]).stride([1, 2]), &[1, 7, 4, 7]),
    ] {
        let mut tape = Tape::for_layer(&pool, [1, 3, 4], 0);
        let y = tape.forward(&pool, &x).unwrap().clone();
        assert!(y.len() == cells.len() && y.iter().all(|y| y.is_nan()), "{pool:?}: {y}");
        let dx = tape.backward_from(&pool, &Array2::ones(y.dim())).unwrap().input;
        let mut want = Array2::<f64>::zeros((1, 12));
        for &cell in cells {
            want[[0, cell]] += 1.0;
        }
        assert_eq!(dx, want, "{pool:?}");
    }
}
