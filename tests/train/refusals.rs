//! What cannot work, and what goes wrong on the way.

use neuropil::data::{self, Dataset, Samples};
use neuropil::metrics::Accuracy;
use neuropil::ndarray::{Array2, array, s};
use neuropil::prelude::*;
use neuropil::train::EarlyStopping;

use super::{classifier, moons, numbers, trainer};

#[test]
fn what_cannot_work_is_refused_before_anything_is_trained() {
    fn refuse(trainer: Trainer<'_, f32>, data: &dyn Dataset<f32>, text: &str) {
        let (mut trainer, mut network) = (trainer, classifier());
        let error = trainer.fit(&mut network, data).expect_err(text);
        assert_eq!(error.to_string(), text);
        assert_eq!(numbers(&network), numbers(&classifier()), "{text}");
        assert_eq!(trainer.history().epochs().len(), 0);
    }
    let good = moons(50);
    let wrong = |x: &dyn Fn(&mut Array2<f32>), target: &dyn Fn(&mut Array2<f32>)| {
        let mut data = good.clone();
        x(&mut data.x);
        target(&mut data.target);
        data
    };
    let (same, nan) = (&|_: &mut Array2<f32>| (), "no parameter was changed; remove or impute such values in the data");
    let data = wrong(&|x| x[[40, 1]] = f32::NAN, same);
    refuse(trainer(), &data, &format!("the training data: the input of sample 40, column 1, is NaN; {nan}"));
    let validation = wrong(same, &|target| target[[17, 0]] = f32::INFINITY);
    refuse(
        trainer().validation(&validation),
        &good,
        &format!("the validation data: the target of sample 17, column 0, is inf; {nan}"),
    );
    let empty = moons(0);
    refuse(trainer(), &empty, "the training data: the number of samples must be at least 1, got 0");
    refuse(trainer().validation(&empty), &good, "the validation data: the number of samples must be at least 1, got 0");
    refuse(trainer().batch_size(0), &good, "the batch size must be at least 1, got 0");
    refuse(trainer().accumulate(0), &good, "the number of batches to a step must be at least 1, got 0");
    refuse(trainer().clip_norm(-1.0), &good, "the largest norm of gradients must be at least 0, got -1");
    let labels = wrong(same, &|target| target[[49, 0]] = 2.0);
    refuse(trainer(), &labels, "the training data: CrossEntropy takes labels 0 to 1 of 2 classes, got 2 in row 49");
    let wide = (&Array2::from_elem((50, 3), 0.0_f32), &good.target);
    refuse(trainer(), &wide, "the training data: the network takes rows of 2 features, got 3; one row is one sample");
    refuse(
        trainer().validation(&wide),
        &good,
        "the validation data: the network takes rows of 2 features, got 3; one row is one sample",
    );
    let short = (&good.x, &good.target.slice(s![..49, ..]).to_owned());
    refuse(trainer(), &short, "the training data: the targets of these samples must be 50 x 1, got 49 x 1");
    let distributions = (&good.x, &Array2::from_elem((50, 2), 0.5_f32));
    refuse(
        trainer().metric(Accuracy),
        &distributions,
        "the training data: accuracy takes a target of one class index a row, 16 x 1, got 16 x 2",
    );
    refuse(
        trainer().class_weights([1.0, 2.0]),
        &distributions,
        "the training data: the weighting by class takes a target of one column of classes from 0 to 1, got 2 columns",
    );
    refuse(
        trainer().class_weights([1.0]),
        &good,
        "the training data: the weighting by class takes a target of one column of classes from 0 to 0, got 1",
    );
    refuse(trainer().class_weights([1.0, -2.0]), &good, "the weight of a class must be at least 0 and finite, got -2");
    refuse(trainer().sample_weights([1.0; 3]), &good, "the weights of the samples must be 50 x 1, got 3 x 1");
    refuse(
        trainer().monitor("val_loss"),
        &good,
        "there is no `val_loss` to watch, only `loss`; add a metric or validation data",
    );
    refuse(
        trainer().metric(Accuracy).callback(EarlyStopping::new(3).monitor("f1")),
        &good,
        "there is no `f1` to watch, only `loss`, `accuracy`; add a metric or validation data",
    );
}

#[test]
fn a_training_that_explodes_names_step_and_layer() {
    let data: Samples<f64> = data::xor();
    let start = || Sequential::<f64>::mlp(&[2, 3, 1], Identity, &mut rng(1)).unwrap();
    let run = |clip: bool| {
        let mut network = start();
        let trainer = Trainer::new(Mse, Sgd::new(1e160)).epochs(50).batch_size(2).in_order();
        let mut trainer = if clip { trainer.clip_norm(1e-150) } else { trainer };
        let result = trainer.fit(&mut network, &data);
        (result, numbers(&network))
    };
    let (result, after) = run(false);
    let text = result.unwrap_err().to_string();
    assert!(text.starts_with("epoch 1, step 2: the "), "{text}");
    assert!(text.contains("layer ") || text.contains("gradient of "), "{text}");
    assert!(
        text.ends_with(
            "; no parameter was changed; try a smaller learning rate, clip the gradients, or scale the data"
        )
    );
    // The weights are those of the step before.
    let mut once = start();
    Tape::new(&once, 0)
        .train(&mut once, &data.x.slice(s![..2, ..]), &data.target.slice(s![..2, ..]), &Mse, &mut Sgd::new(1e160))
        .unwrap();
    assert_eq!(after, numbers(&once));
    assert!(run(true).1.iter().all(|w| w.is_finite()));

    let (x, target) = (array![[f64::NAN, 0.0]], array![[1.0]]);
    let mut network = start();
    let error = Trainer::new(Mse, Sgd::new(0.1)).train_batch(&mut network, &x, &target).unwrap_err();
    assert!(error.to_string().starts_with("epoch 1, step 1: the input of sample 0, column 0, is NaN; "), "{error}");
    let broken = Samples::new(x, target).unwrap();
    let mut stream = Trainer::new(Mse, Sgd::new(0.1));
    let error = stream.fit_stream(&mut network, |_| [Ok(broken.clone())]).unwrap_err();
    assert!(error.to_string().starts_with("epoch 1, step 1: the input of sample 0, column 0, is NaN; "), "{error}");
    let error = stream.fit_stream(&mut network, |_| []).unwrap_err();
    assert_eq!(error.to_string(), "the number of batches in an epoch must be at least 1, got 0");
    assert_eq!(numbers(&network), numbers(&start()));
}
