//! The lecture's computational graphs: printed as tables, and drawn with each value above its edge and each gradient
//! below.
//!
//! ```text
//! cargo run --example graph [-- FOLDER]
//! ```
//!
//! With a folder, the drawings are written there as SVG and as DOT.

use std::path::PathBuf;

use neuropil::graph::Graph;
use neuropil::ndarray::array;
use neuropil::prelude::*;

fn main() -> Result<()> {
    println!("f = (x + y)z\n");
    let graph = Graph::<f64>::new();
    let (x, y, z) = (graph.scalar("x", -2.0), graph.scalar("y", 5.0), graph.scalar("z", -4.0));
    let f = ((x + y).named("q") * z).named("f");
    graph.retain_gradients();
    f.backward()?;
    show("graph_sum_times_z", &graph);

    println!("f = 1/(1 + exp(-(w0 x0 + w1 x1 + w2)))\n");
    let graph = Graph::<f64>::new();
    let (w0, x0) = (graph.scalar("w0", 2.0), graph.scalar("x0", -1.0));
    let (w1, x1) = (graph.scalar("w1", -3.0), graph.scalar("x1", -2.0));
    let w2 = graph.scalar("w2", -3.0);
    let f = (1.0 / ((-(w0 * x0 + w1 * x1 + w2)).exp() + 1.0)).named("f");
    graph.retain_gradients();
    f.backward()?;
    show("graph_sigmoid", &graph);

    println!("A fork is a copy; the gradients of the copies are summed: f = x² + e^x\n");
    let graph = Graph::<f64>::new();
    let [a, b] = graph.scalar("x", 1.0).copies();
    let f = (a.pow(2.0) + b.exp()).named("f");
    graph.retain_gradients();
    f.backward()?;
    show("graph_fork", &graph);

    println!("The mean squared error of y = wx at w = 1, and its gradient with respect to w\n");
    let graph = Graph::<f64>::new();
    let (x, y) = (graph.constant("X", array![[1.0, 2.0, 3.0, 4.0]]), graph.constant("Y", array![[2.0, 4.0, 6.0, 8.0]]));
    let w = graph.scalar("W", 1.0);
    let e = ((w * x).named("Ŷ") - y).named("E");
    let mse = e.pow(2.0).mean().named("MSE");
    graph.retain_gradients();
    mse.backward_retaining()?;
    show("graph_regression", &graph);

    mse.backward()?;
    println!(
        "After a second pass, the gradients have accumulated: that of W is {:?}.",
        w.gradient().map(|g| g[[0, 0]])
    );
    if let Err(error) = mse.backward() {
        println!("A third pass is an error: {error}.");
    }
    Ok(())
}

/// Prints the graph, and writes its drawings if a folder was given.
fn show(name: &str, graph: &Graph<f64>) {
    println!("{graph}");
    if let Some(folder) = std::env::args().nth(1).map(PathBuf::from) {
        for (ending, text) in [("svg", graph.svg()), ("dot", graph.dot())] {
            let path = folder.join(name).with_extension(ending);
            std::fs::write(&path, text).unwrap_or_else(|error| println!("{}: {error}", path.display()));
        }
    }
}
