//! Character graphics, which need no feature.

use neuropil::data::Samples;
use neuropil::ndarray::array;
use neuropil::prelude::*;
use neuropil::terminal;

#[test]
fn curves_boundaries_and_images() {
    let down: Vec<f64> = (0..50).map(|i| 50.0 - f64::from(i)).collect();
    let text = terminal::curves("loss", "epoch", &[("a", &down), ("b", &[f64::NAN, 3.0])]);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "loss");
    assert!(lines[1].starts_with("   50 |*") && lines[14].ends_with('*'), "{text}");
    assert!(text.contains("* a   o b") && text.contains("epoch 49"), "{text}");
    assert!(terminal::curves("y", "x", &[]).starts_with("y\n"));
    // A boundary at 0: class 1 where the first feature is positive.
    let layer = Dense::from_parameters(array![[10.0], [0.0]], array![0.0]).unwrap();
    let network = Sequential::<f64>::new(2).with(layer).unwrap().with(Sigmoid).unwrap();
    let samples = Samples::new(array![[-1.0, -1.0], [1.0, 1.0]], array![[0.0], [1.0]]).unwrap();
    let got = terminal::boundary(&network, &samples, 10, 6).unwrap();
    let row = "|     .....|\n";
    let want = format!("+----------+\n{}+----------+\n", row.repeat(6));
    assert_eq!(got.replace('1', ".").replace('0', " "), want);
    assert!(got.find('1').unwrap() < got.find('0').unwrap(), "the second feature grows upwards\n{got}");
    assert_eq!(terminal::image(&[0.0, 1.0, f64::NAN, 0.4], 2), "  @@\n??::\n");
}
