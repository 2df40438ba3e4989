//! The average of the weights.

use neuropil::ndarray::s;
use neuropil::prelude::*;

use super::{classifier, moons, numbers, trainer};
use crate::common::{F32, assert_close};

#[test]
fn the_average_of_the_weights_is_what_is_evaluated_and_kept() {
    let (data, validation) = (moons(64), moons(30));
    let start = || trainer().in_order().ema(0.9).validation(&validation);
    // By hand: 4 batches an epoch.
    let (mut by_hand, loss) = (classifier(), CrossEntropy::new());
    let (mut tape, mut adam) = (Tape::new(&by_hand, 0), Adam::new(0.02));
    let mut average: Vec<f32> = Vec::new();
    for step in 0..12 {
        let rows = s![step % 4 * 16..step % 4 * 16 + 16, ..];
        tape.train(&mut by_hand, &data.x.slice(rows), &data.target.slice(rows), &loss, &mut adam).unwrap();
        let w = numbers(&by_hand);
        match step {
            0 => average = w,
            _ => average.iter_mut().zip(w).for_each(|(a, w)| *a += 0.1_f64 as f32 * (w - *a)),
        }
    }
    let (mut network, mut whole) = (classifier(), start().epochs(3));
    let history = whole.fit(&mut network, &data).unwrap();
    assert_eq!(assert_close("average", numbers(&network), average.iter().copied(), F32), network.parameter_count());
    let far = numbers(&network).iter().zip(numbers(&by_hand)).any(|(a, w)| (a - w).abs() > 1e-3);
    assert!(far, "the average is the last weights");
    let last = history.last().unwrap().get("val_loss");
    assert_eq!(last, Some(whole.evaluate(&network, &validation).unwrap().loss));

    // A second fit learns with the weights themselves, unless the network was changed.
    let (mut parts, mut again) = (classifier(), start().epochs(1));
    again.fit(&mut parts, &data).unwrap();
    again = again.epochs(2);
    assert_eq!(again.fit(&mut parts, &data).unwrap().column("val_loss"), history.column("val_loss"));
    assert_eq!(numbers(&parts), numbers(&network));
    let mut other = classifier();
    again.fit(&mut other, &data).unwrap();
    assert_ne!(numbers(&other), numbers(&parts));
    assert!(start().ema(1.0).fit(&mut classifier(), &data).is_err_and(|error| matches!(error, Error::Setting { .. })));
}

#[test]
fn an_average_is_of_one_network() {
    let (small, mut large) = (classifier(), Sequential::<f32>::mlp(&[2, 13, 2], Tanh, &mut rng(1)).unwrap());
    let mut ema = Ema::new(0.5);
    ema.swap(&mut large).unwrap();
    assert!(!ema.is_swapped(), "there was nothing to swap");
    ema.update(&small).unwrap();
    let before = numbers(&large);
    assert!(matches!(ema.update(&large), Err(Error::Dimensions { .. })));
    assert!(matches!(ema.swap(&mut large), Err(Error::Dimensions { .. })));
    assert_eq!(numbers(&large), before);
    assert_eq!(format!("{ema:?}"), "Ema(decay 0.5)");
    ema.swap(&mut classifier()).unwrap();
    assert_eq!((ema.is_swapped(), format!("{ema:?}").as_str()), (true, "Ema(decay 0.5, swapped)"));
    assert!(matches!(ema.update(&small), Err(Error::Order { .. })));
    assert!(matches!(Ema::new(f64::NAN).update(&small), Err(Error::Setting { .. })));
}
