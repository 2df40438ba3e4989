//! A curve drawn in characters, for examples.

use neuropil::ndarray::Array2;

const WIDTH: usize = 64;
const HEIGHT: usize = 12;

/// Draws `values` from left to right, and straight lines between them.
pub(crate) fn print_curve(y_name: &str, x_name: &str, values: &[f64]) {
    let Some(last) = values.len().checked_sub(1) else { return };
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max).max(low + f64::MIN_POSITIVE);
    let mut canvas = Array2::from_elem((HEIGHT, WIDTH), ' ');
    for column in 0..WIDTH {
        let at = (column * last) as f64 / (WIDTH - 1) as f64;
        let (before, after) = (values[at as usize], values[at.ceil() as usize]);
        let value = before + (after - before) * at.fract();
        let row = ((high - value) / (high - low) * (HEIGHT - 1) as f64).round() as usize;
        canvas[[row, column]] = '*';
    }
    println!("{y_name}");
    for (row, line) in canvas.rows().into_iter().enumerate() {
        let value = high - (high - low) * row as f64 / (HEIGHT - 1) as f64;
        println!("{value:>8.4} |{}", line.iter().collect::<String>());
    }
    println!("{:>8} +{}", "", "-".repeat(WIDTH));
    println!("{:>8}  0{:>width$}", "", format!("{x_name} {last}"), width = WIDTH - 1);
}
