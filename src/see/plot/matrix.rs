//! [`confusion_matrix`]: a drawing of a confusion matrix.

use crate::metrics::ConfusionMatrix;
use crate::svg::{GRAY, Svg, text_width};

/// A confusion matrix with its counts: rows are true classes, columns predicted ones, and the larger the share of its
/// row, the darker a cell. `names` are the class names; classes without a name are shown by index.
///
/// ```
/// use neuropil::metrics::ConfusionMatrix;
/// use neuropil::plot;
/// use ndarray::array;
///
/// let y = array![[0.1, 0.9], [0.8, 0.2], [0.3, 0.7]];
/// let matrix = ConfusionMatrix::new(&y, &array![[1.0], [0.0], [0.0]])?;
/// assert!(plot::confusion_matrix(&matrix, &["cat", "dog"]).contains(">dog<"));
/// # Ok::<(), neuropil::Error>(())
/// ```
pub fn confusion_matrix(matrix: &ConfusionMatrix, names: &[&str]) -> String {
    const CELL: f64 = 38.0;
    let counts = matrix.counts();
    let classes = counts.nrows();
    let name = |class: usize| names.get(class).map_or_else(|| class.to_string(), ToString::to_string);
    let widest = (0..classes).map(|class| text_width(&name(class), 11.0)).fold(0.0, f64::max);
    let turned = widest > CELL - 4.0;
    let (left, top) = (46.0 + widest, 44.0);
    let side = CELL * classes as f64;
    let mut svg = Svg::new(left + side + 20.0, top + side + 40.0 + if turned { widest } else { 14.0 });
    let title = format!("accuracy {:.4}", matrix.accuracy());
    svg.text((left + side / 2.0, 24.0), &title, r#"text-anchor="middle" font-size="14""#);
    for ((truth, predicted), &count) in counts.indexed_iter() {
        let share = count as f64 / counts.row(truth).sum().max(1) as f64;
        let (x, y) = (left + CELL * predicted as f64, top + CELL * truth as f64);
        let [r, g, b] =
            [(255.0, 9.0), (255.0, 105.0), (255.0, 160.0)].map(|(white, full)| white + share * (full - white));
        let style = format!(r##"fill="rgb({r:.0},{g:.0},{b:.0})" stroke="#d0d7de""##);
        svg.rect((x, y), (CELL, CELL), style);
        let ink = if share > 0.5 { "#fff" } else { GRAY };
        let ink = if count > 0 && share <= 0.5 { "#24292f" } else { ink };
        let at = (x + CELL / 2.0, y + CELL / 2.0 + 4.0);
        svg.text(at, &count.to_string(), format_args!(r#"text-anchor="middle" font-size="11" fill="{ink}""#));
    }
    for class in 0..classes {
        let middle = CELL * (class as f64 + 0.5);
        svg.text((left - 6.0, top + middle + 4.0), &name(class), r#"text-anchor="end" font-size="11""#);
        let (x, y) = (left + middle, top + side + 14.0);
        let style = if turned {
            format!(r#"text-anchor="end" font-size="11" transform="rotate(-90 {x} {y})""#)
        } else {
            r#"text-anchor="middle" font-size="11""#.to_owned()
        };
        svg.text((x, y), &name(class), style);
    }
    let below = top + side + if turned { widest + 24.0 } else { 34.0 };
    svg.text((left + side / 2.0, below), "predicted", r#"text-anchor="middle""#);
    let (x, y) = (16.0, top + side / 2.0);
    svg.text((x, y), "true", format_args!(r#"text-anchor="middle" transform="rotate(-90 {x} {y})""#));
    svg.finish()
}
