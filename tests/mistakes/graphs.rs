//! Networks that are not wired, and names that they do not have.

use neuropil::joins::{Add, Dot};
use neuropil::ndarray::{Array2, array};
use neuropil::prelude::*;

use super::{Mistake, dense, network, x};

fn graph() -> Network<f32> {
    Network::new()
}

/// Two inputs `age` (1) and `face` (2 x 2), one output `sum`.
fn two_inputs() -> Result<Network<f32>> {
    let mut g = graph();
    let (age, face) = (g.input("age", 1), g.input("face", 4));
    let both = g.join(Concat, [age, face])?;
    let sum = g.add(both, dense(5, 1))?;
    g.output("sum", sum)?;
    Ok(g)
}

pub(super) const MISTAKES: &[Mistake] = &[
    (
        "no layers",
        || Sequential::<f32>::new(2).predict(&x()).map(drop),
        "the network has no layers; add one with `with`, `push` or `add`, or give `mlp` two sizes or more",
    ),
    (
        "an addition of different widths",
        || {
            let mut g = graph();
            let (a, b) = (g.input("a", 3), g.input("b", 2));
            g.join(Add, [a, b]).map(drop)
        },
        "layer 0, Add, takes values of one shape (value 0 has 3, value 1 differs), got 2",
    ),
    (
        "a join of two with three values",
        || {
            let mut g = graph();
            let a = g.input("a", 3);
            g.join(Dot, [a, a, a]).map(drop)
        },
        "layer 0, the join Dot: it takes two values, got 3",
    ),
    (
        "a concatenation of an image and flat features",
        || {
            let mut g = graph();
            let (a, b) = (g.input("a", [3, 4, 4]), g.input("b", 2));
            g.join(Concat, [a, b]).map(drop)
        },
        "layer 0, Concat, takes values that differ in features or channels only (value 1 cannot follow [3, 4, \
         4]), got 2",
    ),
    ("a join without values", || graph().join(Add, []).map(drop), "step 0: it takes no values; give it at least one"),
    (
        "a value of another network",
        || {
            let foreign = graph().input("x", 2);
            graph().add(foreign, dense(2, 1)).map(drop)
        },
        "step 0: it takes a value of another network; take one of this network's",
    ),
    (
        "a shared layer of another network",
        || {
            let shared = graph().share(dense(2, 1));
            let mut g = graph();
            let x = g.input("x", 2);
            g.apply(shared, x).map(drop)
        },
        "the shared layer: it is of another network; call `share` of this one",
    ),
    (
        "no input",
        || graph().predict(&x()).map(drop),
        "the network has no layers; add one with `with`, `push` or `add`, or give `mlp` two sizes or more",
    ),
    (
        "no output",
        || {
            let mut g = graph();
            let x = g.input("x", 2);
            g.add(x, dense(2, 1))?;
            g.predict(&self::x()).map(drop)
        },
        "the network: it has no output; declare one with `output`",
    ),
    (
        "an input that nothing uses",
        || {
            let mut g = two_inputs()?;
            g.input("spare", 3);
            g.predict(&x()).map(drop)
        },
        "the input `spare`: no step takes it; use it in a step, or leave it out",
    ),
    (
        "a step that nothing uses",
        || {
            let mut g = graph();
            let x = g.input("x", 2);
            g.add(x, dense(2, 1))?;
            g.output("x", x)?;
            g.predict(&self::x()).map(drop)
        },
        "step 0, Dense(2 -> 1): no step takes its output; declare it with `output`, or leave the step out",
    ),
    (
        "a shared layer that is never applied",
        || {
            let mut g = two_inputs()?;
            g.share(dense(2, 1));
            g.predict(&x()).map(drop)
        },
        "layer 2, Dense(2 -> 1): it is shared but never applied; call `apply`, or leave it out",
    ),
    (
        "two inputs of one name",
        || {
            let mut g = graph();
            let (a, b) = (g.input("x", 2), g.input("x", 2));
            let sum = g.join(Add, [a, b])?;
            g.output("sum", sum)?;
            g.predict(&x()).map(drop)
        },
        "the input `x`: another one has this name; rename it",
    ),
    (
        "two outputs of one name",
        || {
            let mut g = graph();
            let x = g.input("x", 2);
            g.output("y", x)?;
            g.output("y", x)
        },
        "the output `y`: another one has this name; rename it",
    ),
    (
        "a missing input",
        || two_inputs()?.input_rows(&[("age", &array![[41.0]])]).map(drop),
        "the input `face`: it is missing; give its 1 x 4 matrix",
    ),
    (
        "an input of an unknown name",
        || two_inputs()?.input_rows(&[("agee", &array![[41.0]]), ("face", &Array2::zeros((1, 4)))]).map(drop),
        "there is no input `agee`, only age, face",
    ),
    (
        "an input of another width",
        || two_inputs()?.input_rows(&[("age", &array![[41.0]]), ("face", &Array2::zeros((1, 5)))]).map(drop),
        "the input `face` must be 1 x 4, got 1 x 5",
    ),
    (
        "an output of an unknown name",
        || two_inputs()?.output_of(&array![[1.0]], "product").map(drop),
        "there is no output `product`, only sum",
    ),
    ("a layer of an unknown name", || network(1).freeze("dense9"), "there is no layer `dense9`, only 0, 1, 2"),
    ("a layer beyond the last", || network(1).freeze(3), "there is no layer `3`, only 0, 1, 2"),
    (
        "a parameter of an unknown name",
        || network(1).set_parameter("0.weights", &Array2::zeros((2, 3))),
        "there is no parameter `0.weights`, only 0.weight, 0.bias, 2.weight, 2.bias",
    ),
    (
        "a parameter of another shape",
        || network(1).set_parameter("0.weight", &Array2::zeros((3, 2))),
        "the parameter 0.weight must be 2 x 3, got 3 x 2",
    ),
    (
        "a name that is taken",
        || Sequential::<f32>::new(2).with(dense(2, 2))?.named("a")?.with(dense(2, 2))?.named("a").map(drop),
        "the name `a`: another layer has it; take another name",
    ),
    (
        "a name with a point",
        || network(1).rename(0, "block.dense"),
        "the name `block.dense`: a name must not be empty, nor contain a dot",
    ),
    (
        "a name that is a number",
        || network(1).rename(0, "7"),
        "the name `7`: a number names the layer at that position; take another name",
    ),
    (
        "a blend with another architecture",
        || network(1).blend(&network(2), 0.5),
        "the other network's parameter 2.weight must be 3 x 1, got 3 x 2",
    ),
    (
        "a block without one of its inputs",
        || {
            let mut g = graph();
            let x = g.input("x", [5, 4]);
            g.include(TransformerLayer::new(4, 2).decoder(&mut rng(1))?, [x]).map(drop)
        },
        "step 0, Network(x, memory -> y, 11 steps): it has 2 inputs and 1 outputs, got 1 values; give one value for \
         each input, and declare one output",
    ),
    (
        "a block of other features",
        || {
            let mut g = graph();
            let (x, memory) = (g.input("x", [5, 4]), g.input("memory", [7, 6]));
            let result = g.include(TransformerLayer::new(4, 2).decoder(&mut rng(1))?, [x, memory]);
            assert_eq!(g.layers().len(), 0);
            result.map(drop)
        },
        "layer 0.multihead_attn, MultiHeadAttention(4, 2 heads), takes a key of sequences [steps, 4], got [7, 6] = 42",
    ),
    (
        "a block of two inputs as a layer",
        || Sequential::<f32>::new([5, 4]).with(TransformerLayer::new(4, 2).decoder(&mut rng(1))?).map(drop),
        "layer 0, the block Network(x, memory -> y, 11 steps): it has several inputs of any shape; add it to a network \
         with `include`",
    ),
    (
        "a prediction with a block",
        || TransformerLayer::<f32>::new(4, 2).decoder(&mut rng(1))?.predict(&Array2::zeros((1, 40))).map(drop),
        "the block Network(x, memory -> y, 11 steps): it has several inputs of any shape; add it to a network with \
         `include`",
    ),
    (
        "heads that do not divide the features",
        || Sequential::<f32>::new([5, 4]).with(TransformerLayer::new(4, 3).encoder(&mut rng(1))?).map(drop),
        "layer 0.self_attn, the heads of MultiHeadAttention(4, 3 heads) must be at least 1 and a divisor of the features, \
         got 3",
    ),
    (
        "a name of a block that is taken",
        || {
            let mut g = graph();
            let (x, memory) = (g.input("x", [5, 4]), g.input("memory", [7, 4]));
            let memory = g.add(memory, Tanh)?;
            g.include(TransformerLayer::new(4, 2).decoder(&mut rng(1))?, [x, memory])?;
            g.rename(1, "decoder")?;
            g.rename(0, "decoder")
        },
        "the name `decoder`: another layer has it; take another name",
    ),
    (
        "a graph used as a chain",
        || Sequential::try_from(two_inputs()?).map(drop),
        "the network: it is a graph, not a chain; use it as a `Network`",
    ),
];
