//! Formats numbers and tables as text.

/// A number with `figures` significant digits, without trailing zeros: `-12`, `0.3679`, `1.5e-7`.
pub(crate) fn figures(x: f64, figures: usize) -> String {
    if x == 0.0 || !x.is_finite() {
        return if x == 0.0 { "0".into() } else { x.to_string() };
    }
    // The exponent after rounding: 9.9999 is 10.
    let rounded = format!("{x:.*e}", figures.saturating_sub(1));
    let (mantissa, exponent) = rounded.split_once('e').unwrap_or((&rounded, "0"));
    let exponent: isize = exponent.parse().unwrap_or(0);
    if !(-4..6).contains(&exponent) {
        return format!("{}e{exponent}", trim(mantissa));
    }
    let decimals = (figures.cast_signed() - 1 - exponent).max(0).cast_unsigned();
    trim(&format!("{x:.decimals$}")).to_owned()
}

/// A decimal number without trailing zeros.
pub(crate) fn trim(number: &str) -> &str {
    let short = if number.contains('.') { number.trim_end_matches('0').trim_end_matches('.') } else { number };
    if short == "-0" { "0" } else { short }
}

/// Aligns the columns of a table, with two spaces between them. Column i is left-aligned if `left(i)`.
pub(crate) fn table(rows: &[Vec<String>], left: impl Fn(usize) -> bool) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |i: usize| rows.iter().filter_map(|row| row.get(i)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..columns).map(|i| width(i).unwrap_or(0)).collect();
    let mut text = String::new();
    for row in rows {
        let mut out = String::new();
        for (i, (cell, &width)) in row.iter().zip(&widths).enumerate() {
            let gap = " ".repeat(width - cell.chars().count());
            let between = if i > 0 { "  " } else { "" };
            let parts = if left(i) { [between, cell, &gap] } else { [between, &gap, cell] };
            out.extend(parts);
        }
        text += out.trim_end();
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_as_many_figures_as_they_need() {
        let cases = [
            (-12.0, "-12"),
            (0.367_879_44, "0.3679"),
            (9.999_96, "10"),
            (1.5e-7, "1.5e-7"),
            (0.0, "0"),
            (-0.0, "0"),
            (123_456.0, "123456"),
            (1_234_567.0, "1.235e6"),
            (0.000_123_456, "0.0001235"),
            (f64::NAN, "NaN"),
            (f64::NEG_INFINITY, "-inf"),
        ];
        for (x, text) in cases {
            assert_eq!(figures(x, 4), text);
        }
    }

    #[test]
    fn columns_are_aligned() {
        let rows = [vec!["a".to_owned(), "10".to_owned()], vec!["abc".to_owned(), "9".to_owned()]];
        assert_eq!(table(&rows, |i| i == 0), "a    10\nabc   9\n");
    }
}
