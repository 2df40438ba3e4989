//! What the page lets one choose, as it stands in its address: `data=moons&layers=8,8&rate=0.02`.

use std::borrow::Cow;

use neuropil::data::{Samples, circles, digits, moons, spirals};
use neuropil::ndarray::Array2;
use neuropil::prelude::*;
use neuropil::rand::Rng;

/// The settings of a playground. What the text leaves out has its default.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    pub data: String,
    pub points: usize,
    pub noise: f64,
    pub layers: Vec<usize>,
    pub activation: String,
    pub loss: String,
    pub optimizer: String,
    pub rate: f64,
    pub batch: usize,
    pub seed: u64,
}

impl Settings {
    /// The settings, or which one is wrong.
    pub fn parse(text: &str) -> std::result::Result<Self, String> {
        let mut settings = Self {
            data: "moons".into(),
            points: 400,
            noise: 0.1,
            layers: vec![8, 8],
            activation: "tanh".into(),
            loss: "cross-entropy".into(),
            optimizer: "adam".into(),
            rate: 0.02,
            batch: 20,
            seed: 1,
        };
        for (name, value) in text.split('&').filter_map(|part| part.split_once('=')) {
            let wrong = || format!("{name} cannot be {value}");
            match name {
                "data" => settings.data = value.into(),
                "points" => settings.points = within(value, 8, 2000).ok_or_else(wrong)?,
                "noise" => settings.noise = value.parse().ok().filter(|x| (0.0..=1.0).contains(x)).ok_or_else(wrong)?,
                "layers" => {
                    let layers = value.split(',').filter(|units| !units.is_empty());
                    settings.layers =
                        layers.map(|units| within(units, 1, 64)).collect::<Option<_>>().ok_or_else(wrong)?;
                    if settings.layers.len() > 6 {
                        return Err("at most six hidden layers".into());
                    }
                }
                "activation" => settings.activation = value.into(),
                "loss" => settings.loss = value.into(),
                "optimizer" => settings.optimizer = value.into(),
                "rate" => settings.rate = value.parse().ok().filter(|x| (0.0..=100.0).contains(x)).ok_or_else(wrong)?,
                "batch" => settings.batch = within(value, 1, 2000).ok_or_else(wrong)?,
                "seed" => settings.seed = value.parse().map_err(|_| wrong())?,
                _ => {}
            }
        }
        Ok(settings)
    }

    /// A place in the plane, or the 8 x 8 pixels of a digit.
    pub(crate) fn inputs(&self) -> usize {
        if self.data == "digits" { 64 } else { 2 }
    }

    pub(crate) fn classes(&self) -> usize {
        match &*self.data {
            "digits" => 10,
            "spirals3" => 3,
            _ => 2,
        }
    }

    /// Points in the plane, (points, 2), or digits with pixels from 0 to 1, (1797, 64), and their classes.
    pub(crate) fn samples(&self, rng: &mut impl Rng) -> std::result::Result<Samples<f32>, String> {
        Ok(match &*self.data {
            "moons" => moons(self.points, self.noise, rng),
            "circles" => circles(self.points, 0.5, self.noise, rng),
            "spirals" => spirals(self.points, 2, 0.3 * self.noise, rng),
            "spirals3" => spirals(self.points, 3, 0.3 * self.noise, rng),
            "xor" => self.quadrants(rng),
            "digits" => {
                let mut digits = digits();
                digits.x /= 16.0;
                digits
            }
            other => return Err(format!("there are no data {other}")),
        })
    }

    /// XOR on the plane: class 1 where exactly one coordinate is positive.
    fn quadrants(&self, rng: &mut impl Rng) -> Samples<f32> {
        let places: Array2<f32> = Init::Uniform { low: -1.0, high: 1.0 }.matrix(self.points, 2, rng);
        let classes = places.rows().into_iter().map(|place| f32::from((place[0] > 0.0) != (place[1] > 0.0)));
        let target = Array2::from_shape_vec((self.points, 1), classes.collect()).expect("a class for each point");
        let noise: Array2<f32> = Init::Normal { mean: 0.0, std: self.noise }.matrix(self.points, 2, rng);
        Samples { x: places + noise, target }
    }

    pub(crate) fn network(&self, rng: &mut impl Rng) -> std::result::Result<Sequential<f32>, String> {
        let activation = || -> std::result::Result<Box<dyn Layer<f32>>, String> {
            Ok(match &*self.activation {
                "tanh" => Box::new(Tanh),
                "relu" => Box::new(Relu),
                "sigmoid" => Box::new(Sigmoid),
                "gelu" => Box::new(Gelu),
                other => return Err(format!("there is no activation {other}")),
            })
        };
        let mut inputs = self.inputs();
        let mut network = Sequential::new(inputs);
        for &units in &self.layers {
            network.push(Dense::new(inputs, units, rng)).map_err(|error| error.to_string())?;
            network.push(activation()?).map_err(|error| error.to_string())?;
            inputs = units;
        }
        network.with(Dense::new(inputs, self.classes(), rng)).map_err(|error| error.to_string())
    }

    pub(crate) fn loss(&self) -> std::result::Result<Box<dyn Loss<f32>>, String> {
        Ok(match &*self.loss {
            "cross-entropy" => Box::new(CrossEntropy::new()),
            "smoothed" => Box::new(CrossEntropy::new().label_smoothing(0.1)),
            "hinge" => Box::new(MultiClassHinge::new()),
            "mse" => Box::new(Mse),
            other => return Err(format!("there is no loss {other}")),
        })
    }

    /// The classes as the loss wants them: the squared error compares with 1 for the right class and 0 for the others.
    pub(crate) fn target<'c>(&self, classes: &'c Array2<f32>) -> Result<Cow<'c, Array2<f32>>> {
        if self.loss != "mse" {
            return Ok(Cow::Borrowed(classes));
        }
        let labels: Vec<usize> = classes.iter().map(|&class| class as usize).collect();
        Ok(Cow::Owned(one_hot(&labels, self.classes())?))
    }

    pub(crate) fn optimizer(&self) -> std::result::Result<Box<dyn Optimizer<f32>>, String> {
        Ok(match &*self.optimizer {
            "sgd" => Box::new(Sgd::new(self.rate)),
            "momentum" => Box::new(Sgd::new(self.rate).momentum(0.9)),
            "adam" => Box::new(Adam::new(self.rate)),
            "rmsprop" => Box::new(RmsProp::new(self.rate)),
            other => return Err(format!("there is no optimizer {other}")),
        })
    }
}

fn within(text: &str, low: usize, high: usize) -> Option<usize> {
    text.parse().ok().filter(|n| (low..=high).contains(n))
}
