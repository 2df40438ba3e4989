//! Data, labels and targets that do not fit.

use neuropil::adapt;
use neuropil::data::{self, Imputer, LabelEncoder, MinMaxScaler, NamedSamples, OneHot, Samples, Split, StandardScaler};
use neuropil::losses::class_targets;
use neuropil::metrics::{Accuracy, ConfusionMatrix, LogLoss, MeanSquaredError, Metric, RocAuc};
use neuropil::ndarray::{Array2, array};
use neuropil::prelude::*;

use super::{Mistake, network, regression, samples, target, x};

/// Scores of 3 classes for 4 samples.
fn scores() -> Array2<f32> {
    Array2::from_elem((4, 3), 0.25)
}

fn entropy(target: &Array2<f32>) -> Result<()> {
    CrossEntropy::new().evaluate(&scores(), target).map(drop)
}

fn nothing() -> Array2<f32> {
    Array2::zeros((0, 2))
}

fn metric(metric: &dyn Metric<f32>, y: &Array2<f32>, target: &Array2<f32>) -> Result<()> {
    metric.evaluate(y, target).map(drop)
}

pub(super) const MISTAKES: &[Mistake] = &[
    (
        "samples as columns",
        || network(1).predict(&x().t().to_owned()).map(drop),
        "the network takes rows of 2 features, got 4; one row is one sample",
    ),
    (
        "an image as 28 samples",
        || Sequential::<f32>::new([1, 28, 28]).with(Flatten)?.predict(&Array2::zeros((28, 28))).map(drop),
        "the network takes rows of [1, 28, 28] = 784 features, got 28; one row is one sample",
    ),
    (
        "one sample with too few features",
        || network(1).predict_one(&[1.0]).map(drop),
        "the network takes rows of 2 features, got 1; one row is one sample",
    ),
    (
        "fewer targets than samples",
        || Samples::new(x(), Array2::zeros((3, 1))).map(drop),
        "the targets of these samples must be 4 x 1, got 3 x 1",
    ),
    (
        "targets as a row",
        || Samples::new(x(), array![[1.0, 1.0, 0.0, 0.0]]).map(drop),
        "the targets of these samples must be 4 x 1, got 1 x 4; (1, 4) is one sample of 4 numbers; did you mean \
         (4, 1)?",
    ),
    (
        "targets as a row for a loss",
        || Mse.evaluate(&target(), &array![[1.0, 1.0, 0.0, 0.0]]).map(drop),
        "Mse takes a target of the outputs' shape, 4 x 1, got 1 x 4; (1, 4) is one sample of 4 numbers; did you \
         mean (4, 1)?",
    ),
    (
        "one-hot targets for one output",
        || Mse.evaluate(&target(), &Array2::zeros((4, 2))).map(drop),
        "Mse takes a target of the outputs' shape, 4 x 1, got 4 x 2",
    ),
    (
        "one number for each output of every step",
        || Mse.evaluate(&Array2::<f32>::zeros((4, 7)), &target()).map(drop),
        "Mse takes a target of the outputs' shape, 4 x 7, got 4 x 1",
    ),
    (
        "a label beyond the classes",
        || entropy(&class_targets(&[0, 1, 2, 3])),
        "CrossEntropy takes labels 0 to 2 of 3 classes, got 3 in row 3",
    ),
    (
        "a negative label",
        || entropy(&array![[0.0], [-1.0], [2.0], [0.0]]),
        "CrossEntropy takes labels 0 to 2 of 3 classes, got -1 in row 1",
    ),
    (
        "a label that is no whole number",
        || entropy(&array![[0.0], [0.5], [2.0], [0.0]]),
        "CrossEntropy takes labels 0 to 2 of 3 classes, got 0.5 in row 1",
    ),
    (
        "one-hot targets of too few classes",
        || entropy(&Array2::zeros((4, 2))),
        "CrossEntropy takes labels, 4 x 1, or probabilities, 4 x 3, got 4 x 2",
    ),
    (
        "labels as a row",
        || entropy(&array![[0.0, 1.0, 2.0, 0.0]]),
        "CrossEntropy takes labels, 4 x 1, or probabilities, 4 x 3, got 1 x 4; (1, 4) is one sample of 4 \
         numbers; did you mean (4, 1)?",
    ),
    (
        "cross-entropy of one logit",
        || CrossEntropy::new().evaluate(&target(), &target()).map(drop),
        "CrossEntropy takes two classes or more (BceWithLogits is for one logit), got 4 x 1",
    ),
    (
        "class weights of other classes",
        || CrossEntropy::new().class_weights([1.0, 2.0]).evaluate(&scores(), &class_targets(&[0; 4])).map(drop),
        "the class weights of CrossEntropy { class_weights: [1.0, 2.0] } must be 1 x 3, got 1 x 2",
    ),
    (
        "one_hot with too few classes",
        || one_hot::<f32>(&[0, 1, 3], 3).map(drop),
        "one_hot takes labels below 3, the number of classes, got 3 in row 2",
    ),
    (
        "Bce of logits",
        || Bce::new().evaluate(&array![[0.2_f32], [1.7]], &array![[0.0], [1.0]]).map(drop),
        "Bce { clip: None } takes probabilities in [0, 1] (put a Sigmoid before it, or use BceWithLogits), got \
         1.7 in row 1",
    ),
    (
        "Bce of the targets -1 and 1",
        || Bce::new().evaluate(&array![[0.2_f32], [0.7]], &array![[-1.0], [1.0]]).map(drop),
        "Bce { clip: None } takes targets in [0, 1], got -1 in row 0",
    ),
    (
        "Bce of labels for two outputs",
        || Bce::new().evaluate(&Array2::from_elem((4, 2), 0.5_f32), &target()).map(drop),
        "Bce { clip: None } takes a target of the outputs' shape, 4 x 2, got 4 x 1",
    ),
    (
        "MultiClassHinge of one-hot targets",
        || MultiClassHinge::new().evaluate(&scores(), &scores()).map(drop),
        "MultiClassHinge { margin: 1.0, squared: false, undivided: false } takes a target of labels, 4 x 1, got \
         4 x 3",
    ),
    (
        "GaussianNll without variances",
        || GaussianNll::new().evaluate(&target(), &target()).map(drop),
        "GaussianNll { full: false, eps: 1e-6 } takes means and variances, 4 x 2, got 4 x 1",
    ),
    (
        "accuracy of a regression",
        || metric(&Accuracy, &target(), &target()),
        "accuracy takes a score for each of two or more classes (for one output use a binary metric), got 4 x 1",
    ),
    (
        "accuracy of one-hot targets",
        || metric(&Accuracy, &scores(), &scores()),
        "accuracy takes a target of one class index a row, 4 x 1, got 4 x 3",
    ),
    (
        "accuracy of a label beyond the classes",
        || metric(&Accuracy, &scores(), &class_targets(&[0, 1, 2, 3])),
        "accuracy takes class indices from 0 to 2, got 3 in row 3",
    ),
    (
        "a metric of a regression for classes",
        || metric(&MeanSquaredError, &scores(), &target()),
        "MeanSquaredError takes a target like the outputs, 4 x 3, got 4 x 1",
    ),
    (
        "log loss of logits",
        || metric(&LogLoss, &array![[-1.5, 2.0]], &array![[1.0]]),
        "LogLoss takes probabilities (for logits wrap it in FromLogits), got -1.5 in row 0",
    ),
    (
        "a binary metric of two outputs",
        || ConfusionMatrix::binary(&scores(), &target(), 0.5).map(drop),
        "a binary metric takes one output a sample, got 4 x 3",
    ),
    (
        "a ROC curve of one class",
        || metric(&RocAuc::default(), &target(), &array![[1.0], [1.0], [1.0], [1.0]]),
        "RocCurve takes samples of both classes, got 4 positive and 0 negative ones",
    ),
    (
        "no samples to train on",
        || regression().fit(&mut network(1), &Samples::new(nothing(), Array2::zeros((0, 1)))?).map(drop),
        "the training data: the number of samples must be at least 1, got 0",
    ),
    (
        "no samples to evaluate",
        || regression().evaluate(&network(1), &Samples::new(nothing(), Array2::zeros((0, 1)))?).map(drop),
        "the number of samples must be at least 1, got 0",
    ),
    (
        "data of another width",
        || regression().fit(&mut network(1), &(&Array2::zeros((4, 3)), &target())).map(drop),
        "the training data: the network takes rows of 2 features, got 3; one row is one sample",
    ),
    (
        "NaN in the data",
        || {
            let mut data = samples();
            data.x[[2, 1]] = f32::NAN;
            regression().fit(&mut network(1), &data).map(drop)
        },
        "the training data: the input of sample 2, column 1, is NaN; no parameter was changed; remove or impute \
         such values in the data",
    ),
    (
        "an infinite target",
        || {
            let mut data = samples();
            data.target[[3, 0]] = f32::INFINITY;
            regression().fit(&mut network(1), &data).map(drop)
        },
        "the training data: the target of sample 3, column 0, is inf; no parameter was changed; remove or impute \
         such values in the data",
    ),
    (
        "targets of another width",
        || regression().fit(&mut network(3), &samples()).map(drop),
        "the training data: Mse takes a target of the outputs' shape, 4 x 3, got 4 x 1",
    ),
    (
        "a split in per cent",
        || samples().split(80.0, &mut rng(1)).map(drop),
        "the fraction of samples to split off must be between 0 and 1, got 80",
    ),
    (
        "more folds than samples",
        || Split::folds(4, 5, &mut rng(1)).map(drop),
        "the number of folds must be at least 2 and at most the number of samples, got 5",
    ),
    (
        "a sample beyond the last",
        || samples().select(&[0, 4]).map(drop),
        "the index of a sample must be below the number of samples, got 4",
    ),
    (
        "a stratified split by one-hot labels",
        || Split::stratified(&scores(), 0.5, &mut rng(1)).map(drop),
        "the labels to split by must be 4 x 1, got 4 x 3",
    ),
    (
        "parts of different lengths",
        || NamedSamples::new(&[("left", &x()), ("right", &Array2::zeros((3, 2)))], &[("y", &target())]).map(drop),
        "the part `right` must be 4 x 2, got 3 x 2",
    ),
    (
        "a scaler without samples",
        || StandardScaler::fit(&nothing()).map(drop),
        "the number of samples for StandardScaler must be at least 1, got 0",
    ),
    (
        "a scaler of other columns",
        || StandardScaler::fit(&x())?.transform(&scores()).map(drop),
        "the matrix for StandardScaler must be 4 x 2, got 4 x 3",
    ),
    (
        "a scaler of infinite numbers",
        || MinMaxScaler::fit(&array![[0.0_f32, f32::INFINITY]]).map(drop),
        "MinMaxScaler, column 1: row 0 is inf; mark what is missing as NaN",
    ),
    (
        "a column without any value",
        || Imputer::mean(&array![[1.0, f32::NAN], [2.0, f32::NAN]]).map(drop),
        "Imputer, column 1: all of it is missing; leave the column out",
    ),
    (
        "an unknown label",
        || LabelEncoder::fit(&["cat", "dog"])?.transform::<f32, _>(&["dog", "bird"]).map(drop),
        "LabelEncoder takes one of `cat`, `dog`, got `bird` in row 1",
    ),
    (
        "an unknown category",
        || OneHot::fit(&["red", "blue"])?.transform::<f32, _>(&["blue", "green"]).map(drop),
        "OneHot takes one of `blue`, `red`, got `green` in row 1",
    ),
    (
        "rows that are no images",
        || adapt::images(&Array2::<f32>::zeros((2, 28)), [1, 28, 28]).map(drop),
        "a matrix of images [1, 28, 28] must be 2 x 784, got 2 x 28",
    ),
    (
        "a file that is no IDX file",
        || data::parse_idx(b"PK\x03\x04").map(drop),
        "the IDX data: it is not an IDX file: it starts with the bytes [80, 75, 3, 4], not with two zeros",
    ),
    (
        "data that are not there",
        || data::Mnist::<f32>::load("no/such/folder").map(drop),
        "cannot read no/such/folder/train-images-idx3-ubyte: there is neither train-images-idx3-ubyte nor \
         train-images-idx3-ubyte.gz; put the four files of MNIST into this folder, for example from \
         https://ossci-datasets.s3.amazonaws.com/mnist/train-images-idx3-ubyte.gz",
    ),
];
