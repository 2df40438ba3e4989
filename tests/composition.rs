//! Layers made of layers: residual blocks and parallel branches match their parts in outputs, gradients and names.

use ndarray::{Array2, Axis, array, concatenate, s};
use neuropil::activations::{Sign, Step};
use neuropil::prelude::*;
use neuropil::rand::RngExt;
use neuropil::{gradcheck, ndarray};

/// Random networks, nested to any depth.
struct Random(neuropil::rand::rngs::Xoshiro256PlusPlus);

impl Random {
    fn size(&mut self, from: usize, to: usize) -> usize {
        self.0.random_range(from..=to)
    }

    /// Something that keeps the shape, whose last size is `features`.
    fn same(&mut self, features: usize, depth: usize) -> Box<dyn Layer<f64>> {
        let layer: Box<dyn Layer<f64>> = match self.size(if depth == 0 { 2 } else { 0 }, 5) {
            0 => Box::new(Residual::new(Boxed(self.same(features, depth - 1)))),
            1 => {
                let mut sum = Parallel::sum();
                for _ in 0..self.size(1, 3) {
                    sum = sum.branch(Boxed(self.same(features, depth - 1)));
                }
                Box::new(sum)
            }
            2 => Box::new(Dense::new(features, features, &mut self.0)),
            3 => Box::new(LayerNorm::new(features).eps(0.1)),
            4 => Box::new(Dropout::new(0.3)),
            _ => Box::new(Tanh),
        };
        layer
    }

    /// Something that has other features after it.
    fn other(&mut self, features: usize, depth: usize) -> (Box<dyn Layer<f64>>, usize) {
        if self.size(0, 1) == 0 {
            let after = self.size(1, 4);
            let body = Dense::new(features, after, &mut self.0);
            let projection = Dense::new(features, after, &mut self.0).without_bias();
            return (Box::new(Residual::new(body).projection(projection)), after);
        }
        let (mut concat, mut after) = (Parallel::concat(), 0);
        for _ in 0..self.size(1, 3) {
            let (branch, more) = match (depth, self.size(0, 1)) {
                (1.., 0) => self.other(features, depth - 1),
                _ => (self.same(features, depth.saturating_sub(1)), features),
            };
            (concat, after) = (concat.branch(Boxed(branch)), after + more);
        }
        (Box::new(concat), after)
    }
}

/// A boxed layer as a layer.
#[derive(Debug, Clone)]
struct Boxed(Box<dyn Layer<f64>>);

impl Layer<f64> for Boxed {
    fn output_shape(&self, input: Shape) -> Result<Shape> {
        self.0.output_shape(input)
    }
    fn forward(&self, x: &Matrix<f64>, y: &mut Matrix<f64>, pass: &mut neuropil::layer::Pass<'_>) -> Result<()> {
        self.0.forward(x, y, pass)
    }
    fn backward(&self, at: neuropil::layer::Backward<'_, f64>, pass: &mut neuropil::layer::Pass<'_>) -> Result<()> {
        self.0.backward(at, pass)
    }
    fn visit(&self, f: &mut dyn FnMut(neuropil::layer::Info<'_>, &Array2<f64>)) {
        self.0.visit(f);
    }
    fn visit_mut(&mut self, f: &mut dyn FnMut(neuropil::layer::Info<'_>, &mut Array2<f64>)) {
        self.0.visit_mut(f);
    }
}

#[test]
fn derivatives_are_right_at_any_depth() {
    let mut random = Random(rng(3));
    let (mut compared, mut nested) = (0, 0);
    for seed in 0..40 {
        let features = random.size(2, 4);
        let (layer, after) = random.other(features, 3);
        let shape: Shape = if random.size(0, 1) == 0 { features.into() } else { [random.size(1, 4), features].into() };
        let output = layer.output_shape(shape).unwrap();
        assert_eq!(output.len() * features, shape.len() * after);
        let rows = random.size(1, 5);
        let x = Array2::from_shape_simple_fn((rows, shape.len()), || random.0.random_range(-2.0..2.0));
        let report = gradcheck::layer(&*layer, shape, &x, seed).unwrap();
        assert!(report.passes(1e-7), "{layer:?} on {shape}: {report}");
        let mut parameters = 0;
        layer.visit(&mut |info, w| {
            parameters += w.len();
            nested += usize::from(info.name.to_string().matches('.').count() >= 3);
        });
        assert_eq!(report.compared, x.len() + parameters);
        compared += report.nonzero;
    }
    assert!(compared > 1000 && nested > 10, "{compared} {nested}");
}

#[test]
fn a_residual_adds_its_input() {
    let body = Dense::from_parameters(array![[0.0, 1.0], [2.0, 0.0]], array![0.5, 0.0]).unwrap();
    let network = Sequential::new(2).with(Residual::new(body.clone())).unwrap();
    assert_eq!(network.predict(&array![[1.0, 10.0]]).unwrap(), array![[21.5, 11.0]]);
    let block = Residual::new(body.clone()).projection(body);
    let network = Sequential::new(2).with(block).unwrap();
    assert_eq!(network.predict(&array![[1.0, 10.0]]).unwrap(), array![[41.0, 2.0]]);
    assert_eq!(format!("{:?}", network.layers().next().unwrap()), "Residual(Dense(2 -> 2), projection Dense(2 -> 2))");
}

#[test]
fn branches_stand_side_by_side() {
    let (double, half) = (PRelu::from_parameters(array![2.0]), PRelu::from_parameters(array![0.5]));
    let both = || Parallel::concat().branch(double.clone()).branch(Identity).branch(half.clone());
    let x = Array2::from_shape_fn((3, 12), |(i, j)| -((i * 12 + j) as f64));
    let parts = [&x * 2.0, x.clone(), &x * 0.5];
    // Of images, channel after channel; so of plain features.
    for shape in [Shape::Flat(12), [3, 2, 2].into()] {
        let network = Sequential::new(shape).with(both()).unwrap();
        let want = concatenate![Axis(1), parts[0], parts[1], parts[2]];
        assert_eq!(network.predict(&x).unwrap(), want);
        assert_eq!(network.output(), if shape == Shape::Flat(12) { 36.into() } else { [9, 2, 2].into() });
    }
    // Of sequences, step by step.
    let network = Sequential::new([4, 3]).with(both()).unwrap();
    assert_eq!(network.output(), [4, 9].into());
    let y = network.predict(&x).unwrap();
    for step in 0..4 {
        for (i, part) in parts.iter().enumerate() {
            let start = step * 9 + i * 3;
            assert_eq!(y.slice(s![.., start..start + 3]), part.slice(s![.., step * 3..step * 3 + 3]));
        }
    }
}

/// A block with everything in it that has to be passed on.
fn block() -> Parallel<f64> {
    let r = &mut rng(1);
    let mut frozen = Sequential::mlp(&[3, 4, 3], Tanh, r).unwrap();
    frozen.freeze(0).unwrap();
    let normalized = Sequential::new(3).with(Dense::new(3, 3, r)).unwrap().with(BatchNorm::new(3)).unwrap();
    Parallel::sum().branch(Residual::new(frozen)).branch(normalized).branch(Identity)
}

#[test]
fn names_rates_and_statistics_are_passed_on() {
    let mut network = Sequential::new(3).with(block()).unwrap();
    let mut names = Vec::new();
    network.visit(&mut |info, _| names.push(info.name.to_string()));
    assert_eq!(
        names,
        [
            "0.branch0.body.0.weight",
            "0.branch0.body.0.bias",
            "0.branch0.body.2.weight",
            "0.branch0.body.2.bias",
            "0.branch1.0.weight",
            "0.branch1.0.bias",
            "0.branch1.1.weight",
            "0.branch1.1.bias",
            "0.branch1.1.running_mean",
            "0.branch1.1.running_var",
        ]
    );
    let before = network.clone();
    let x = Array2::from_shape_fn((6, 3), |(i, j)| ((i * 5 + j * 3) % 7) as f64 / 3.0);
    let mut tape = Tape::new(&network, 0);
    tape.train(&mut network, &x, &(&x * 2.0 + 1.0), &Mse, &mut Sgd::new(0.1)).unwrap();
    for name in names {
        let frozen = name.starts_with("0.branch0.body.0");
        assert_eq!(network.parameter(&name) == before.parameter(&name), frozen, "{name}");
    }
}

#[test]
fn a_residual_network_learns() {
    let r = &mut rng(2);
    let mut network = Sequential::new(2).with(Dense::new(2, 8, r)).unwrap();
    for _ in 0..6 {
        let body = Sequential::new(8).with(Dense::new(8, 8, r)).unwrap().with(Tanh).unwrap();
        network.push(Residual::new(body.with(Dense::new(8, 8, r)).unwrap())).unwrap();
    }
    network.push(Dense::new(8, 1, r)).unwrap();
    let x = Array2::from_shape_simple_fn((64, 2), || r.random_range(-1.0..1.0));
    let target = Array2::from_shape_fn((64, 1), |(i, _)| x[[i, 0]] * x[[i, 1]]);
    let (mut tape, mut adam) = (Tape::new(&network, 0), Adam::new(0.005));
    let losses: Vec<f64> = (0..200).map(|_| tape.train(&mut network, &x, &target, &Mse, &mut adam).unwrap()).collect();
    assert!(losses[199] < 1e-3 && losses[0] > 0.05, "{} {}", losses[0], losses[199]);
}

#[test]
fn what_does_not_fit_is_an_error() {
    let r = &mut rng(1);
    let error = |input: Shape, layer: &dyn Layer<f64>| layer.output_shape(input).unwrap_err().to_string();
    assert_eq!(
        error(3.into(), &Residual::new(Dense::new(3, 2, r))),
        "Residual(Dense(3 -> 2)) takes a body that returns the input's shape, 3 (or set a `projection`), got 2"
    );
    let projected = Residual::new(Dense::new(3, 2, r)).projection(Dense::new(3, 4, r));
    assert!(error(3.into(), &projected).contains("takes a body that returns the projection's shape, 4, got 2"));
    // An error in a nested network names the path.
    let inside = Sequential::<f64>::new(3).with(Residual::new(Dense::new(4, 4, r))).unwrap_err();
    assert_eq!(inside.to_string(), "layer 0.body, Dense(4 -> 4), takes 4 features per sample, got 3");

    let different = || Parallel::sum().branch(Identity).branch(Dense::new(3, 2, &mut rng(1)));
    assert_eq!(
        error(3.into(), &different()),
        "Parallel(sum of [Identity, Dense(3 -> 2)]) takes values of one shape (value 0 has 3, value 1 differs), got 2"
    );
    let kinds = Parallel::concat().branch(Identity).branch(Flatten);
    assert_eq!(
        error([2, 2, 2].into(), &kinds),
        "Parallel(concatenation of [Identity, Flatten]) takes values that differ in features or channels only \
         (value 1 cannot follow [2, 2, 2]), got 8"
    );
    assert_eq!(error(3.into(), &Parallel::sum()), Error::Empty.to_string());

    // A batch of one, for the batch norm in a branch.
    let network = Sequential::new(3).with(block()).unwrap();
    let error = Tape::new(&network, 0).forward(&network, &array![[1.0, 2.0, 3.0]]).unwrap_err();
    assert!(error.to_string().starts_with("layer 0.branch1.1, BatchNorm(3), takes at least 2 values"), "{error}");
}

/// A step function blocks a gradient only where there is no way around it.
#[test]
fn gradients_find_their_way() {
    let train = |layer: &dyn Fn() -> Result<Sequential<f64>>| {
        let network = layer().unwrap();
        let mut tape = Tape::new(&network, 0);
        tape.forward(&network, &array![[1.0, 2.0]]).map(|_| ())
    };
    let first = || Sequential::new(2).with(Dense::new(2, 2, &mut rng(1)));
    assert!(matches!(train(&|| first()?.with(Step::default())), Err(Error::Layer { ref name, .. }) if name == "1"));
    assert!(train(&|| first()?.with(Residual::new(Step::default()))).is_ok());
    assert!(train(&|| first()?.with(Parallel::concat().branch(Step::default()).branch(Tanh))).is_ok());
    let blocked = train(&|| first()?.with(Parallel::sum().branch(Step::default()).branch(Sign)));
    assert!(matches!(blocked, Err(Error::Layer { ref name, .. }) if name == "1"));
    // Inside a branch, too.
    let inside = || Sequential::new(2).with(Dense::new(2, 2, &mut rng(1)))?.with(Step::default());
    assert!(matches!(
        train(&|| Sequential::new(2).with(Parallel::sum().branch(inside()?))),
        Err(Error::Layer { ref name, .. }) if name == "0"
    ));
}
