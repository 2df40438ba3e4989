//! Accuracy and confusion matrix.

use neuropil::metrics::{ConfusionMatrix, accuracy, argmax};
use neuropil::ndarray::{Array2, array};

#[test]
fn the_first_of_the_largest_wins_and_nan_is_never_hidden() {
    let nan = f64::NAN;
    let y = array![[1.0, 2.0, 2.0], [-1.0, -3.0, -2.0], [0.0, nan, nan], [nan, 9.0, 1.0], [f64::NEG_INFINITY; 3]];
    assert_eq!(argmax(&y), [1, 0, 1, 0, 0]);
    assert_eq!(argmax(&Array2::<f32>::zeros((2, 0))), [0, 0]);
}

#[test]
fn counts_add_up() {
    let y =
        array![[3.0, 1.0, 0.0], [0.0, 1.0, 0.5], [0.0, 1.0, 4.0], [0.2, 0.1, 0.0], [0.0, 0.0, 1.0], [0.0, 2.0, 1.0]];
    let target = array![[0.0], [1.0], [1.0], [2.0], [2.0], [1.0]];
    let confusion = ConfusionMatrix::new(&y, &target).unwrap();
    assert_eq!(confusion.counts(), array![[1, 0, 0], [0, 2, 1], [1, 0, 1]]);
    assert_eq!(accuracy(&y, &target).unwrap(), 4.0 / 6.0);
    let right = confusion.counts().diag().sum();
    assert_eq!(right as f64 / confusion.counts().sum() as f64, 4.0 / 6.0);
    assert_eq!(confusion.to_string(), "truth  0  1  2\n    0  1  .  .\n    1  .  2  1\n    2  1  .  1");
    assert!(accuracy(&Array2::<f32>::zeros((0, 3)), &Array2::zeros((0, 1))).unwrap().is_nan());
}

#[test]
fn wrong_targets_are_refused() {
    let y = array![[3.0, 1.0], [0.0, 1.0]];
    let errors = [
        accuracy(&y, &array![[0.0]]),
        accuracy(&y, &array![[0.0, 1.0], [1.0, 0.0]]),
        accuracy(&y, &array![[0.0], [2.0]]),
        accuracy(&y, &array![[0.0], [-1.0]]),
        accuracy(&y, &array![[0.0], [0.5]]),
        accuracy(&y, &array![[0.0], [f64::NAN]]),
        accuracy(&array![[0.3], [0.9]], &array![[0.0], [1.0]]),
        accuracy(&array![[0.3, f64::NAN]], &array![[0.0]]),
        ConfusionMatrix::new(&y, &array![[0.0], [2.0]]).map(|_| 0.0),
    ];
    let want = [
        "accuracy takes a target of one class index a row, 2 x 1, got 1 x 1",
        "accuracy takes a target of one class index a row, 2 x 1, got 2 x 2",
        "accuracy takes class indices from 0 to 1, got 2",
        "accuracy takes class indices from 0 to 1, got -1",
        "accuracy takes class indices from 0 to 1, got 0.5",
        "accuracy takes class indices from 0 to 1, got NaN",
        "accuracy takes outputs with a score for each of two or more classes, got 2 x 1",
        "the output of sample 0 is NaN; no parameter was changed; try a smaller learning rate, or look for NaN in the data",
        "ConfusionMatrix takes class indices from 0 to 1, got 2",
    ];
    assert_eq!(errors.map(|error| error.unwrap_err().to_string()), want);
}
