//! Predicts with a file that the page saved: `predict FILE X...` prints the scores of the classes.

use neuropil::prelude::*;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [file, numbers @ ..] = &arguments[..] else { panic!("predict FILE X...") };
    let sample: Vec<f32> = numbers.iter().map(|text| text.parse().expect("a number")).collect();
    for score in Sequential::<f32>::load(file)?.predict_one(&sample)? {
        println!("{score}");
    }
    Ok(())
}
