//! The checks before a training.

use ndarray::{Array2, s};

use super::{ClassWeights, Trainer};
use crate::data::Dataset;
use crate::error::check_setting;
use crate::kernels::resize;
use crate::layer::Layer;
use crate::optimizers::Ema;
use crate::tape::check_finite;
use crate::{Error, Matrix, Network, Result, Scalar, Scratch, losses};

impl<A: Scalar> Trainer<'_, A> {
    /// Detects, before training, everything that would make a fit fail. Returns the class weights; empty if there are
    /// none.
    pub(super) fn check(&self, network: &Network<A>, data: &dyn Dataset<A>) -> Result<Vec<A>> {
        self.check_settings()?;
        let len = data.len();
        if !self.sample_weights.is_empty() && self.sample_weights.len() != len {
            let (wants, got) = ([len, 1], [self.sample_weights.len(), 1]);
            return Err(Error::Dimensions { what: "the weights of the samples".into(), wants, got });
        }
        if !data.lengths().is_empty() && data.lengths().len() != len {
            let (wants, got) = ([len, 1], [data.lengths().len(), 1]);
            return Err(Error::Dimensions { what: "the lengths of the samples".into(), wants, got });
        }
        let mut counts = Vec::new();
        let which = |which| move |error| Error::Data { which, error: Box::new(error) };
        self.check_data(network, data, Some(&mut counts)).map_err(which("the training data"))?;
        if let Some(data) = self.validation {
            self.check_data(network, data, None).map_err(which("the validation data"))?;
        }
        Ok(match &self.class_weights {
            ClassWeights::Equal => Vec::new(),
            ClassWeights::Given(weights) => weights.iter().map(|&w| A::of(w)).collect(),
            ClassWeights::Balanced => {
                let classes = counts.iter().filter(|&&count| count > 0).count();
                let weight = |&count: &usize| if count == 0 { 0.0 } else { len as f64 / (classes * count) as f64 };
                counts.iter().map(weight).map(A::of).collect()
            }
        })
    }

    /// Checks the settings that do not depend on the data.
    pub(super) fn check_settings(&self) -> Result<()> {
        check_setting("the batch size", self.batch_size as f64, "at least 1", self.batch_size > 0)?;
        check_setting("the number of batches to a step", self.accumulate as f64, "at least 1", self.accumulate > 0)?;
        for (what, limit) in
            [("the largest norm of gradients", self.clip_norm), ("the limit of gradients", self.clip_value)]
        {
            let limit = limit.unwrap_or(0.0);
            check_setting(what, limit, "at least 0", limit >= 0.0)?;
        }
        self.ema.as_ref().map_or(Ok(()), Ema::check_decay)?;
        let weight_ok = |w: f64| w >= 0.0 && w.is_finite();
        if let ClassWeights::Given(weights) = &self.class_weights {
            for &w in weights {
                check_setting("the weight of a class", w, "at least 0 and finite", weight_ok(w))?;
            }
        }
        for w in &self.sample_weights {
            check_setting("the weight of a sample", w.to_f64(), "at least 0 and finite", weight_ok(w.to_f64()))?;
        }
        self.monitored(&self.columns()).map(|_| ())
    }

    /// Reads all samples once. Counts the classes if requested and needed.
    fn check_data(
        &self,
        network: &Network<A>,
        data: &dyn Dataset<A>,
        mut counts: Option<&mut Vec<usize>>,
    ) -> Result<()> {
        let len = data.len();
        check_setting("the number of samples", len as f64, "at least 1", len > 0)?;
        self.check_parts(network, data)?;
        network.output_shape(network.shape_of_rows(data.input_width())?)?;
        let rows = self.batch_size.min(len);
        let (mut x, mut target) = (Array2::default((0, 0)), Array2::default((0, 0)));
        let (mut samples, mut y) = (Vec::with_capacity(rows), None);
        let (mut scratch, mut padded) = (Scratch::default(), losses::StepRows::default());
        for from in (0..len).step_by(rows) {
            samples.clear();
            samples.extend(from..len.min(from + rows));
            resize(&mut x, samples.len(), data.input_width())?;
            resize(&mut target, samples.len(), data.target_width())?;
            data.gather(&samples, &mut x, &mut target)?;
            check_finite("input", &x, from)?;
            check_finite("target", &target, from)?;
            // Whether a target fits does not depend on the values of the outputs, so those of the first batch serve for
            // all, unless the lengths of its sequences are known.
            if y.is_none() || scratch.sequences().is_some() {
                y = Some(network.predict_into(&x, &mut scratch)?.clone());
            }
            let Some(y) = &y else { continue };
            let (y, target_of) = match scratch.sequences() {
                Some(sequences) => {
                    padded.gather(&self.loss, y, &target, sequences)?;
                    (padded.y.view(), &padded.target)
                }
                None => (y.slice(s![..samples.len(), ..]), &target),
            };
            // Of sequences, each row is a step.
            let sample = |row| from + scratch.sequences().map_or(row, |sequences| sequences.row_of(row));
            self.loss.check(&y, target_of).map_err(|error| error.map_row(sample))?;
            for metric in &self.metrics {
                metric.check(&y, target_of).map_err(|error| error.map_row(sample))?;
            }
            if let Some(counts) = counts.as_deref_mut().filter(|_| self.class_weights != ClassWeights::Equal) {
                self.count_classes(&target, counts)?;
            }
        }
        Ok(())
    }

    /// Returns an error if the data set names its inputs or targets, and the network or the loss has different ones.
    fn check_parts(&self, network: &Network<A>, data: &dyn Dataset<A>) -> Result<()> {
        let inputs: Vec<(String, usize)> =
            network.inputs().map(|(name, shape)| (name.to_owned(), shape.len())).collect();
        let targets: Vec<(String, usize)> =
            self.loss.parts().iter().map(|part| (part.name.clone(), part.targets.len())).collect();
        let lists = [
            ("the network", "inputs", inputs, data.input_parts()),
            ("the loss", "targets", targets, data.target_parts()),
        ];
        for (who, what, wants, got) in lists {
            if !got.is_empty() && !wants.is_empty() && wants != got {
                let text = |parts: &[(String, usize)]| {
                    let list: Vec<String> =
                        parts.iter().map(|(name, width)| format!("{name} ({width} columns)")).collect();
                    list.join(", ")
                };
                let (wants, got) = (format!("the {what} {} in this order", text(&wants)), text(got));
                return Err(Error::Values { layer: who.to_owned(), wants, got, row: None });
            }
        }
        Ok(())
    }

    /// Adds to the number of samples per class; an error unless the target is one column of class indices.
    fn count_classes(&self, target: &Matrix<A>, counts: &mut Vec<usize>) -> Result<()> {
        let most = match &self.class_weights {
            ClassWeights::Given(weights) => weights.len(),
            _ => 1 << 20,
        };
        let wrong = |got| {
            let wants = format!("a target of one column of classes from 0 to {}", most.saturating_sub(1));
            Err(Error::Target { who: "the weighting by class".into(), wants, got, row: None })
        };
        if target.ncols() != 1 {
            return wrong(format!("{} columns", target.ncols()));
        }
        for label in target {
            let label = label.to_f64();
            if label.fract() != 0.0 || !(0.0..most as f64).contains(&label) {
                return wrong(label.to_string());
            }
            let class = label as usize;
            if counts.len() <= class {
                counts.resize(class + 1, 0);
            }
            counts[class] += 1;
        }
        Ok(())
    }
}
