//! Early stopping, the history in a file, and a callback of one's own.

use neuropil::data::{self, Samples};
use neuropil::layer::Role;
use neuropil::metrics::Metric;
use neuropil::ndarray::{Array2, array};
use neuropil::prelude::*;
use neuropil::train::{Callback, Context, EarlyStopping, Flow, HistoryCsv};

use super::{classifier, moons, numbers, trainer};

/// Sets the network's first weight to the epoch's number, and pretends nothing else.
#[derive(Debug)]
struct Marker;

impl<A: Scalar> Callback<A> for Marker {
    fn on_batch_end(&mut self, at: &mut Context<'_, A>) -> Result<()> {
        let mark = A::of(at.position.epoch as f64);
        at.network.visit_mut(&mut |_, matrix| matrix.fill(mark));
        Ok(())
    }
}

/// A "metric" with a given value for each evaluation.
#[derive(Debug)]
struct Script(std::cell::Cell<usize>, Vec<f64>);

impl<A: Scalar> Metric<A> for Script {
    fn name(&self) -> String {
        "script".into()
    }
    fn evaluate(&self, _: &Matrix<A>, _: &Matrix<A>) -> Result<f64> {
        let i = self.0.get();
        self.0.set(i + 1);
        // Training and validation are evaluated in turn.
        Ok(self.1[(i / 2).min(self.1.len() - 1)])
    }
    fn check(&self, _: &Matrix<A>, _: &Matrix<A>) -> Result<()> {
        Ok(())
    }
}

/// The epochs that were trained, and the one whose weights the network has.
fn stop(values: &[f64], epochs: usize, stopping: EarlyStopping<f64>) -> (usize, f64) {
    let data: Samples<f64> = data::xor();
    let mut network = Sequential::<f64>::mlp(&[2, 1], Tanh, &mut rng(1)).unwrap();
    let mut trainer = Trainer::new(Mse, Sgd::new(0.0))
        .epochs(epochs)
        .batch_size(4)
        .metric(Script(0.into(), values.to_vec()))
        .validation(&data)
        .callback(Marker)
        .callback(stopping.monitor("val_script"));
    let history = trainer.fit(&mut network, &data).unwrap();
    (history.epochs().len(), numbers(&network)[0])
}

#[test]
fn early_stopping_restores_the_best_weights() {
    let patience = EarlyStopping::new;
    assert_eq!(stop(&[0.1, 0.5, 0.4, 0.3, 0.9], 10, patience(2)), (4, 2.0));
    // Also when the last epoch comes before the end of the patience, or is the best.
    assert_eq!(stop(&[0.1, 0.5, 0.4, 0.3], 4, patience(9)), (4, 2.0));
    assert_eq!(stop(&[0.1, 0.2, 0.3, 0.4], 4, patience(9)), (4, 4.0));
    assert_eq!(stop(&[0.1, 0.5, 0.4, 0.6, 0.5, 0.5, 0.5], 10, patience(3)), (7, 4.0));
    // A little better is not better; NaN never is.
    assert_eq!(stop(&[0.5, 0.55, 0.7, 0.75], 10, patience(2).min_delta(0.1)), (5, 3.0));
    assert_eq!(stop(&[f64::NAN, 0.2, f64::NAN, f64::NAN], 10, patience(2)), (4, 2.0));
}

#[test]
fn early_stopping_restores_statistics_too() {
    /// A layer with a statistic that counts the batches.
    #[derive(Debug, Clone)]
    struct Count(Array2<f64>);

    impl Layer<f64> for Count {
        fn output_shape(&self, input: Shape) -> Result<Shape> {
            Ok(input)
        }
        fn forward(&self, x: &Matrix<f64>, y: &mut Matrix<f64>, _: &mut neuropil::layer::Pass<'_>) -> Result<()> {
            y.assign(x);
            Ok(())
        }
        fn backward(&self, at: neuropil::layer::Backward<'_, f64>, _: &mut neuropil::layer::Pass<'_>) -> Result<()> {
            if let Some(dx) = at.dx {
                dx.assign(at.dy);
            }
            Ok(())
        }
        fn visit(&self, f: &mut dyn FnMut(neuropil::layer::Info<'_>, &Array2<f64>)) {
            f(neuropil::layer::Info { name: &"count", role: Role::Statistic, dims: &[1] }, &self.0);
        }
        fn visit_mut(&mut self, f: &mut dyn FnMut(neuropil::layer::Info<'_>, &mut Array2<f64>)) {
            f(neuropil::layer::Info { name: &"count", role: Role::Statistic, dims: &[1] }, &mut self.0);
        }
        fn update_statistics(&mut self, _: &mut neuropil::layer::Cache) {
            self.0 += 1.0;
        }
    }

    let data: Samples<f64> = data::xor();
    let fit = |stopping: bool, accumulate: usize| {
        let mut network = Sequential::<f64>::mlp(&[2, 1], Tanh, &mut rng(1)).unwrap();
        network.push(Count(array![[0.0]])).unwrap();
        let trainer = Trainer::new(Mse, Sgd::new(0.0)).epochs(6).batch_size(1).accumulate(accumulate);
        let trainer = trainer.metric(Script(0.into(), vec![0.1, 0.5, 0.2])).monitor("script");
        let mut trainer = if stopping { trainer.callback(EarlyStopping::new(9)) } else { trainer };
        trainer.fit(&mut network, &data).unwrap();
        network.parameter("1.count").unwrap()[[0, 0]]
    };
    // Without validation, the values are for two epochs each.
    assert_eq!([fit(false, 1), fit(false, 2), fit(false, 3)], [24.0; 3]);
    assert_eq!(fit(true, 1), 12.0);
}

/// Stops after an epoch.
#[derive(Debug)]
struct StopAt(usize);

impl<A: Scalar> Callback<A> for StopAt {
    fn on_epoch_end(&mut self, at: &mut Context<'_, A>) -> Result<Flow> {
        assert_eq!((at.position.batch, at.position.batches, at.position.samples), (4, Some(4), 50));
        assert_eq!(at.position.step, 4 * at.position.epoch as u64);
        Ok(if at.position.epoch == self.0 { Flow::Stop } else { Flow::Continue })
    }
}

#[test]
fn a_callback_may_stop_the_training() {
    let history = trainer().epochs(9).callback(StopAt(3)).fit(&mut classifier(), &moons(50)).unwrap();
    assert_eq!(history.epochs().len(), 3);
}

/// Reads the file that another callback writes.
#[derive(Debug)]
struct Reader(std::path::PathBuf, Vec<usize>);

impl<A: Scalar> Callback<A> for &mut Reader {
    fn on_epoch_end(&mut self, _: &mut Context<'_, A>) -> Result<Flow> {
        self.1.push(std::fs::read_to_string(&self.0).unwrap().lines().count());
        Ok(Flow::Continue)
    }
}

#[test]
fn the_history_is_in_a_file_as_it_grows() {
    let file = std::env::temp_dir().join(format!("neuropil-train-{}.csv", std::process::id()));
    let mut reader = Reader(file.clone(), Vec::new());
    let data = moons(50);
    let mut written = trainer().epochs(3).callback(HistoryCsv::new(&file)).callback(&mut reader);
    let mut network = classifier();
    written.fit(&mut network, &data).unwrap();
    // A second fit, with one more column, has the epochs of the first, too.
    let mut written = written.epochs(2).validation(&data);
    let history = written.fit(&mut network, &data).unwrap();
    drop(written);
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::remove_file(&file).unwrap();
    assert_eq!(reader.1, [2, 3, 4, 5, 6]);
    assert_eq!(text, history.to_csv());
    assert!(text.starts_with("epoch,loss,val_loss,learning_rate,seconds\n1,0."), "{text}");

    let nowhere = HistoryCsv::new("/nonexistent/folder/history.csv");
    let error = trainer().callback(nowhere).fit(&mut network, &data).unwrap_err();
    assert!(matches!(&error, Error::Save { path, .. } if path.ends_with("history.csv")), "{error}");
}
