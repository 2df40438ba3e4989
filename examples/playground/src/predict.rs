//! Predicts with a file that the page saved: `predict FILE X Y` prints the scores of the classes.

use neuropil::prelude::*;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [file, x, y] = &arguments[..] else { panic!("predict FILE X Y") };
    let place = [x, y].map(|text| text.parse().expect("a number"));
    for score in Sequential::<f32>::load(file)?.predict_one(&place)? {
        println!("{score}");
    }
    Ok(())
}
