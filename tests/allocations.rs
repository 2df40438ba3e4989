//! Once every buffer has its size, training steps and predictions allocate nothing: counted by the global allocator.

#![allow(unsafe_code)] // A global allocator is unsafe by nature; this one counts and hands on to the system's.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};

use neuropil::ndarray;
use neuropil::prelude::*;

#[path = "losses/zoo.rs"]
mod losses;
#[path = "common/zoo.rs"]
mod zoo;

struct Counting;

#[global_allocator]
static COUNTING: Counting = Counting;

thread_local! {
    /// Where this thread's allocations are counted, while they are.
    static COUNTER: Cell<Option<&'static AtomicUsize>> = const { Cell::new(None) };
}

fn count() {
    if let Ok(Some(counter)) = COUNTER.try_with(Cell::get) {
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

// SAFETY: every call goes to the system's allocator as it came; counting neither allocates nor unwinds.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count();
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        unsafe { System.realloc(memory, layout, size) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        unsafe { System.dealloc(memory, layout) }
    }
}

/// How often this thread allocates in `f`.
fn allocations(f: impl FnOnce()) -> usize {
    let counter: &AtomicUsize = Box::leak(Box::default());
    COUNTER.set(Some(counter));
    f();
    COUNTER.set(None);
    counter.load(Ordering::Relaxed)
}

/// Asserts that `step` allocates when it is new, and not any more from the third time on.
fn assert_settles(what: &str, mut step: impl FnMut()) {
    let first = allocations(&mut step);
    assert!(first > 0, "{what}: nothing was counted, even at first");
    step();
    let later = allocations(|| (0..5).for_each(|_| step()));
    assert_eq!(later, 0, "{what}: allocations in five steps, after {first} in the first one");
}

#[test]
fn layers_allocate_nothing() {
    fn check<A: Scalar>(entry: &zoo::Entry<A>) {
        let name = format!("{} in {}", entry.name, A::NAME);
        // Batches of two sizes, as at the end of an epoch; and matrices that are not row-major.
        let (x, target) = (entry.batch(8, 1), entry.upstream(8, 2));
        let columns = |m: &ndarray::Array2<A>| m.t().as_standard_layout().into_owned().reversed_axes();
        let sizes = [8, 5].map(|rows| (entry.batch(rows, 1), entry.upstream(rows, 2)));
        let mut batches = vec![(columns(&x), columns(&target))];
        batches.extend(sizes);

        let mut scratch = Scratch::default();
        assert_settles(&format!("predict_into, {name}"), || {
            for (x, _) in &batches {
                entry.network.predict_into(x, &mut scratch).unwrap();
            }
        });
        let mut tape = Tape::new(&entry.network, 0);
        assert_settles(&format!("forward and backward_from, {name}"), || {
            for (x, dy) in &batches {
                tape.forward(&entry.network, x).unwrap();
                tape.backward_from(&entry.network, dy).unwrap();
            }
        });
        let (mut network, mut sgd) = (entry.network.clone(), Sgd::new(1e-3).momentum(0.9));
        let mut tape = Tape::new(&network, 0);
        assert_settles(&format!("forward, loss, backward and step, {name}"), || {
            for (x, target) in &batches {
                tape.forward(&network, x).unwrap();
                tape.loss(&Mse, target).unwrap();
                tape.backward(&network).unwrap();
                tape.step(&mut network, &mut sgd).unwrap();
            }
        });
        let (mut network, mut sgd) = (entry.network.clone(), Sgd::new(1e-3).momentum(0.9));
        let mut tape = Tape::new(&network, 0);
        assert_settles(&format!("train, {name}"), || {
            for (x, target) in &batches {
                tape.train(&mut network, x, target, &Mse, &mut sgd).unwrap();
            }
        });
    }
    zoo::layers::<f32>().iter().for_each(check);
    zoo::layers::<f64>().iter().for_each(check);
}

/// Lengths, other numbers of steps than declared, and streams of a thousand steps.
#[test]
fn sequences_allocate_nothing() {
    use neuropil::layers::{Embedding, LearnedPositions, MultiHeadAttention};

    let r = &mut rng(1);
    let attention = Residual::new(MultiHeadAttention::new(8, 2, r).causal());
    let mut network = Sequential::<f32>::new(1000)
        .with(Embedding::new(9, 8, r).padding(0).unwrap())
        .and_then(|network| network.with(LearnedPositions::new(1000, 8, r)))
        .and_then(|network| network.with(attention)?.with(Gru::new(8, 6, r))?.with(Dense::new(6, 9, r)))
        .unwrap();
    let mut stream = network.stream().unwrap();
    stream.push(&[1.0, 2.0]).unwrap();
    stream.push(&[3.0]).unwrap();
    let counted = allocations(|| (0..997).for_each(|t| assert_eq!(stream.push(&[(t % 9) as f32]).unwrap().len(), 9)));
    assert_eq!((counted, stream.steps()), (0, 1000));

    let batches = [12, 7].map(|steps| {
        let x = ndarray::Array2::from_shape_fn((4, steps), |(row, t)| if t < 3 + row { (1 + t) as f32 } else { 0.0 });
        let target = x.clone();
        (x, target)
    });
    let (mut tape, mut scratch, mut sgd) = (Tape::new(&network, 0), Scratch::default(), Sgd::new(0.01));
    assert_settles("sequences with lengths", || {
        for (x, target) in &batches {
            network.predict_into(x, &mut scratch).unwrap();
            tape.train(&mut network, x, target, &CrossEntropy::new(), &mut sgd).unwrap();
        }
    });
}

#[test]
fn optimizers_allocate_nothing() {
    fn check<A: Scalar>(mut optimizer: Box<dyn Optimizer<A>>) {
        let what = format!("{optimizer:?}");
        let mut network = Sequential::mlp(&[20, 30, 10], Relu, &mut rng(1)).unwrap();
        let (x, target) = (zoo::random(32, 20, 1), zoo::random(32, 10, 2));
        let mut tape = Tape::new(&network, 0);
        assert_settles(&what, || {
            tape.train(&mut network, &x, &target, &Mse, &mut *optimizer).unwrap();
        });
    }
    zoo::optimizers::<f32>().into_iter().for_each(check);
    zoo::optimizers::<f64>().into_iter().for_each(check);
}

#[test]
fn a_fit_allocates_nothing_for_a_batch() {
    let allocations = |batches: usize, accumulate: usize| {
        let (x, target) = (zoo::random::<f32>(batches * 8 + 3, 20, 1), zoo::random(batches * 8 + 3, 10, 2));
        let weights = vec![0.5; x.nrows()];
        let mut network = Sequential::mlp(&[20, 30, 10], Relu, &mut rng(1)).unwrap();
        let mut trainer = Trainer::new(Mse, Adam::new(1e-3)).batch_size(8).clip_norm(1.0).clip_value(0.5);
        trainer = trainer.accumulate(accumulate).sample_weights(weights).ema(0.9);
        trainer.fit(&mut network, &(&x, &target)).unwrap();
        allocations(|| {
            trainer.fit(&mut network, &(&x, &target)).unwrap();
        })
    };
    for accumulate in [1, 3] {
        let few = allocations(10, accumulate);
        assert!(few > 0, "nothing was counted");
        assert_eq!(allocations(100, accumulate), few, "accumulating {accumulate}");
    }
}

#[test]
fn losses_allocate_nothing() {
    fn check<A: Scalar>(specimen: &losses::Specimen<A>) {
        let (y, target) = specimen.batch();
        for loss in [&specimen.loss, &specimen.sum] {
            // A trainable network whose outputs are its inputs.
            let one = PRelu::from_parameters(ndarray::array![A::ONE]);
            let mut network = Sequential::new(y.ncols()).with(one).unwrap();
            let mut tape = Tape::new(&network, 0);
            let mut sgd = Sgd::new(0.0);
            assert_settles(&format!("{loss:?} in {}", A::NAME), || {
                tape.train(&mut network, &y, &target, &**loss, &mut sgd).unwrap();
            });
        }
    }
    losses::zoo::<f32>(6, 4, 1).iter().for_each(check);
    losses::zoo::<f64>(6, 4, 1).iter().for_each(check);
}

#[test]
fn graphs_allocate_nothing() {
    use neuropil::OutputLosses;
    use neuropil::joins::{Add, Distance, Dot, Multiply, Subtract};

    fn graph<A: Scalar>() -> Result<Network<A>> {
        let r = &mut rng(1);
        let mut g = Network::new();
        let (a, b) = (g.input("a", [3, 4]), g.input("b", [3, 4]));
        let shared = g.share(Dense::new(4, 4, r));
        let (u, v) = (g.apply(shared, a)?, g.apply(shared, b)?);
        let seen = g.join(MultiHeadAttention::new(4, 2, r), [u, v])?;
        let joined = [g.join(Add, [seen, u, v])?, g.join(Subtract, [seen, u])?, g.join(Multiply, [seen, v, u])?];
        let all = g.join(Concat, joined)?;
        let inner = g.add(all, Residual::new(Dense::new(12, 12, r)))?;
        let read = g.add(inner, Gru::new(12, 5, r).last_state())?;
        let (dot, distance) = (g.join(Dot, [u, v])?, g.join(Distance, [u, v])?);
        let ends = g.join(Concat, [dot, distance])?;
        g.output("read", read)?;
        g.output("ends", ends)?;
        Ok(g)
    }

    fn check<A: Scalar>() {
        let mut network = graph::<A>().unwrap();
        let losses = OutputLosses::new(&network).output("read", Mse, 1.0).unwrap().output("ends", Mae, 0.5).unwrap();
        let batches = [8, 5].map(|rows| (zoo::random::<A>(rows, 24, 1), zoo::random::<A>(rows, 7, 2)));
        let mut scratch = Scratch::default();
        assert_settles(&format!("predict_into, a graph in {}", A::NAME), || {
            for (x, _) in &batches {
                network.predict_into(x, &mut scratch).unwrap();
            }
        });
        let (mut tape, mut sgd) = (Tape::new(&network, 0), Sgd::new(1e-3).momentum(0.9));
        assert_settles(&format!("a step of a graph in {}", A::NAME), || {
            for (x, target) in &batches {
                tape.forward(&network, x).unwrap();
                tape.loss(&losses, target).unwrap();
                tape.backward(&network).unwrap();
                tape.step(&mut network, &mut sgd).unwrap();
                tape.train(&mut network, x, target, &losses, &mut sgd).unwrap();
            }
        });
    }
    check::<f32>();
    check::<f64>();
}
