//! Pads.

use neuropil::prelude::*;

use super::random::{Rng, gradients, pair, pick};

type NewPad = fn([[usize; 2]; 2]) -> Pad2d;

const MODES: [NewPad; 4] = [Pad2d::zero, Pad2d::reflect, Pad2d::replicate, |cells| Pad2d::constant(cells, -1.5)];

fn random_pad(rng: &mut Rng) -> (Box<dyn Layer<f64>>, Shape) {
    let pad = MODES[pick(rng, 0, 3)]([pair(rng, 0, 3), pair(rng, 0, 3)]);
    (Box::new(pad), [pick(rng, 1, 3), pick(rng, 1, 5), pick(rng, 1, 5)].into())
}

#[test]
fn pads_have_the_right_gradients() {
    gradients(60, 1, |rng| Some(random_pad(rng)));
}

/// The pixel at a place before, on or after the image, by stepping back from the edge.
fn walk(mode: usize, place: isize, n: isize) -> Option<isize> {
    if (0..n).contains(&place) {
        return Some(place);
    }
    match mode {
        0 | 3 => None,
        1 => Some(if place < 0 { -place } else { 2 * n - 2 - place }),
        _ => Some(place.clamp(0, n - 1)),
    }
}

#[test]
fn pads_are_their_definition() {
    let rng = &mut rng(2);
    let mut compared = 0;
    for round in 0..200 {
        let (mode, cells) = (round % 4, [pair(rng, 0, 4), pair(rng, 0, 4)]);
        let (channels, [height, width]) = (pick(rng, 1, 3), pair(rng, 5, 8));
        let x = Init::STANDARD_NORMAL.matrix::<f64>(2, channels * height * width, rng);
        let network = Sequential::new([channels, height, width]).with(MODES[mode](cells)).unwrap();
        let (lines, columns) = (height + cells[0][0] + cells[0][1], width + cells[1][0] + cells[1][1]);
        assert_eq!(network.output(), [channels, lines, columns].into());
        for ((sample, at), &y) in network.predict(&x).unwrap().indexed_iter() {
            let place = [at / columns % lines, at % columns];
            let source = [0, 1].map(|i| {
                let n = [height, width][i].cast_signed();
                walk(mode, place[i].cast_signed() - cells[i][0].cast_signed(), n)
            });
            let want = match source {
                [Some(line), Some(column)] => {
                    let channel = at / (lines * columns);
                    x[[sample, (channel * height + line as usize) * width + column as usize]]
                }
                _ => [0.0, -1.5][mode / 3],
            };
            assert_eq!(y, want);
            compared += 1;
        }
    }
    assert!(compared > 30_000, "{compared}");
}

#[test]
fn impossible_pads_are_errors() {
    let text = |pad: Pad2d, shape: Shape| Sequential::<f64>::new(shape).with(pad).unwrap_err().to_string();
    assert_eq!(
        text(Pad2d::zero([[1, 1], [1, 1]]), 9.into()),
        "layer 0, Pad2d(zero, 1+1 x 1+1), takes images [channels, height, width], got 9"
    );
    assert_eq!(
        text(Pad2d::reflect([[0, 0], [1, 3]]), [1, 3, 3].into()),
        "layer 0, Pad2d(reflect, 0+0 x 1+3), takes images of at least 1 x 4 pixels, got [1, 3, 3] = 9"
    );
    assert_eq!(
        text(Pad2d::replicate([[1, 0], [0, 0]]), [1, 0, 3].into()),
        "layer 0, Pad2d(replicate, 1+0 x 0+0), takes images of at least 1 x 1 pixels, got [1, 0, 3] = 0"
    );
    assert!(text(Pad2d::zero([[usize::MAX, 1], [0, 0]]), [1, 3, 3].into()).contains("more memory than can be counted"));
    // A mirror can show all pixels but the one that it stands on.
    assert!(Sequential::<f64>::new([1, 3, 3]).with(Pad2d::reflect([[2, 2], [2, 2]])).is_ok());
    let nothing = text(Pad2d::constant([[1, 1], [0, 0]], f64::NAN), [1, 3, 3].into());
    assert_eq!(nothing, "layer 0, the value of Pad2d(constant NaN, 1+1 x 0+0) must be a number, got NaN");
}
