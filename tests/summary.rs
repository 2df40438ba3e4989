//! The cost of a network, against sums written out in the tests, and the memory of a training step, against the
//! allocator's count.

#![allow(unsafe_code)] // A global allocator is unsafe by nature; this one counts and hands on to the system's.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use neuropil::ndarray::Array2;
use neuropil::prelude::*;
use neuropil::{Profile, Summary};

struct Weighing;

#[global_allocator]
static WEIGHING: Weighing = Weighing;

thread_local! {
    /// The bytes that this thread holds.
    static HELD: Cell<isize> = const { Cell::new(0) };
}

fn add(bytes: isize) {
    let _ = HELD.try_with(|held| held.set(held.get() + bytes));
}

// SAFETY: every call goes to the system's allocator as it came; counting neither allocates nor unwinds.
unsafe impl GlobalAlloc for Weighing {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        add(layout.size().cast_signed());
        unsafe { System.alloc(layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        add(size.cast_signed() - layout.size().cast_signed());
        unsafe { System.realloc(memory, layout, size) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        add(-layout.size().cast_signed());
        unsafe { System.dealloc(memory, layout) }
    }
}

#[test]
fn a_perceptron_counted_by_hand() {
    let network = Sequential::<f32>::mlp(&[784, 128, 10], Relu, &mut rng(0)).unwrap();
    let summary = Summary::new(&network, 64).unwrap();
    assert_eq!(summary.parameters(), 784 * 128 + 128 + 128 * 10 + 10);
    assert_eq!(summary.multiply_adds(), 784 * 128 + 128 * 10);
    assert_eq!(summary.parameter_bytes(), 4 * 101_770);
    assert_eq!(summary.value_bytes(), 4 * 64 * (784 + 128 + 128 + 10));
    assert_eq!(summary.gradient_bytes(), 4 * (101_770 + 64 * (128 + 128 + 10)));
    assert_eq!(summary.peak_bytes(), summary.parameter_bytes() + summary.value_bytes() + summary.gradient_bytes());
    let table = "layer               output  parameters  multiply-adds\n\
                 input               784\n\
                 0 Dense(784 -> 128)  128        100,480        100,352\n";
    let squeeze = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(squeeze(&summary.to_string()).starts_with(&squeeze(table)), "{summary}");
    assert!(squeeze(&summary.to_string()).contains("total 101,770 101,632 parameters 407 kB"), "{summary}");
}

#[test]
fn places_nests_and_layers_without_weights() {
    let r = &mut rng(1);
    // Five steps through the same 3 x 4 weights; the activation and its slopes multiply with no weight.
    let steps = Sequential::<f64>::new([5, 3]).with(Dense::new(3, 4, r)).unwrap().with(PRelu::new()).unwrap();
    let summary = Summary::new(&steps, 2).unwrap();
    assert_eq!(summary.multiply_adds(), 5 * 3 * 4);
    assert_eq!(summary.layers[1].parameters, 1);
    let nested =
        Sequential::new([5, 3]).with(steps).unwrap().with(Flatten).unwrap().with(Dense::new(20, 2, r)).unwrap();
    let summary = Summary::new(&nested, 2).unwrap();
    assert_eq!(summary.multiply_adds(), 5 * 3 * 4 + 20 * 2);
    // What comes before the first parameters needs no gradient.
    let network = Sequential::<f64>::new(3).with(Tanh).unwrap().with(Dense::new(3, 2, r)).unwrap();
    assert_eq!(Summary::new(&network, 10).unwrap().gradient_bytes(), 8 * (8 + 10 * 2));
    assert_eq!(Summary::new(&Sequential::<f64>::new(3), 1), Err(Error::Empty));
}

/// A window meets every place after it, one laid down every pixel before it.
#[test]
fn convolutions_counted_by_hand() {
    let r = &mut rng(3);
    let network = Sequential::<f32>::new([3, 10, 8])
        .with(Conv2d::grouped(3, 6, [3, 5], 3, r).stride([2, 1]))
        .unwrap()
        .with(ConvTranspose2d::new(6, 2, [2, 2], r).stride([2, 2]))
        .unwrap();
    assert_eq!(network.output(), [2, 8, 8].into());
    assert_eq!(Summary::new(&network, 1).unwrap().multiply_adds(), 6 * 3 * 5 * 4 * 4 + 6 * 2 * 2 * 2 * 4 * 4);
    let steps = Sequential::<f32>::new([9, 4]).with(Conv1d::new(4, 5, 3, r).causal()).unwrap();
    assert_eq!(Summary::new(&steps, 1).unwrap().multiply_adds(), 3 * 4 * 5 * 9);
}

/// Queries, keys, values and results are projected; each step scores and mixes all steps.
#[test]
fn attention_counted_by_hand() {
    let network = Sequential::<f32>::new([5, 8]).with(MultiHeadAttention::new(8, 2, &mut rng(4))).unwrap();
    assert_eq!(Summary::new(&network, 1).unwrap().multiply_adds(), 4 * 8 * 8 * 5 + 2 * (2 * 5 * 5 * 4));
}

/// What a tape holds after a step is what the summary says, and a little for the loss.
#[test]
fn the_allocator_agrees() {
    let mut checked = 0;
    for (sizes, batch) in [(&[20, 30, 5][..], 7), (&[3, 50, 50, 50, 2], 40), (&[100, 1], 3)] {
        let mut network = Sequential::<f32>::mlp(sizes, Tanh, &mut rng(2)).unwrap();
        let summary = Summary::new(&network, batch).unwrap();
        let (x, target) =
            (Array2::ones((batch, sizes[0])), Array2::zeros((batch, summary.layers.last().unwrap().output.len())));
        let mut tape = Tape::new(&network, 0);
        tape.train(&mut network, &x, &target, &Mse, &mut Sgd::new(0.1)).unwrap();
        let before = HELD.get();
        drop(tape);
        let held = (before - HELD.get()).cast_unsigned();
        let told = summary.value_bytes() + summary.gradient_bytes();
        // The losses of the samples and their counts; the lists of the matrices.
        let besides = 2 * 4 * batch + 200 * (2 * sizes.len() + 2);
        assert!((told..told + besides).contains(&held), "{sizes:?}: {held} bytes held, {told} told");
        checked += 1;
    }
    assert_eq!(checked, 3);
}

#[test]
fn drawings_name_every_layer_and_shape() {
    let r = &mut rng(3);
    let network = Sequential::<f32>::new([1, 4, 4])
        .with(Flatten)
        .unwrap()
        .with(Dense::new(16, 8, r))
        .unwrap()
        .with(Gelu)
        .unwrap()
        .with(Dense::new(8, 3, r))
        .unwrap();
    let summary = Summary::new(&network, 1).unwrap();
    let (dot, svg) = (summary.dot(), summary.svg());
    assert!(dot.contains("input -> l0 [label=\"[1, 4, 4]\"];") && dot.contains("l3 -> output [label=\"3\"];"), "{dot}");
    for text in ["Flatten", "Dense(16 -&gt; 8)", "Gelu", ">[1, 4, 4]<", "136 parameters, 128 multiply-adds"] {
        assert!(svg.contains(text), "no {text} in\n{svg}");
    }
}

#[test]
fn a_profile_has_the_times_of_every_layer() {
    let r = &mut rng(3);
    let mut network = Network::<f64>::new();
    let (a, b) = (network.input("a", [1, 4, 4]), network.input("b", 3));
    let flat = network.add(a, Flatten).unwrap();
    let both = network.join(Concat, [flat, b]).unwrap();
    let hidden = network.add(both, Dense::new(19, 8, r)).unwrap();
    let norm = network.add(hidden, BatchNorm::new(8)).unwrap();
    network.output("norm", norm).unwrap();
    let (before, x) = (network.clone(), Array2::ones((64, 19)));
    let profile = Profile::new(&network, &x, 3).unwrap();
    assert_eq!((profile.layers.len(), profile.summary.layers.len()), (4, 4));
    // Nothing before the first parameters needs a gradient.
    let backward: Vec<bool> = profile.layers.iter().map(|layer| layer.backward > 0.0).collect();
    assert_eq!(backward, [false, false, true, true]);
    assert!(profile.layers.iter().all(|layer| layer.forward > 0.0 && layer.prediction > 0.0), "{profile:?}");
    let (total, step) = (profile.total(), profile.layers.iter().map(|layer| layer.step()).sum::<f64>());
    assert!((total.step() - step).abs() < 1e-12);
    let mut parameters = 0;
    network.visit(&mut |info, w| {
        assert_eq!(before.parameter(&info.name.to_string()).unwrap(), w);
        parameters += 1;
    });
    assert_eq!(parameters, 6);
    let (text, svg) = (profile.to_string(), profile.svg());
    for name in ["Concat", "Dense(19 -> 8)", "9,728", "total", "a batch of 64"] {
        assert!(text.contains(name), "no {name} in\n{text}");
    }
    assert_eq!(svg.matches("<rect").count(), 1 + 2 * 4); // A background, and two bars for each layer.
    // An empty batch takes no time, and is no error.
    assert!(Profile::new(&network, &Array2::zeros((0, 19)), 0).is_ok());
    assert!(matches!(Profile::new(&network, &Array2::zeros((1, 18)), 1), Err(Error::Width { .. })));
}
