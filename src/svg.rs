//! The SVG writer for all pictures of this crate.

use std::fmt::{self, Display, Write as _};

/// An SVG picture under construction. Coordinates are pixels, to the right and down.
#[derive(Debug, Clone)]
pub(crate) struct Svg {
    width: f64,
    height: f64,
    body: String,
}

/// The colors of values and gradients.
pub(crate) const VALUE: &str = "#1a7f37";
pub(crate) const GRADIENT: &str = "#cf222e";
/// The color of strokes and text.
pub(crate) const INK: &str = "#24292f";
pub(crate) const GRAY: &str = "#8c959f";

impl Svg {
    pub(crate) fn new(width: f64, height: f64) -> Self {
        Self { width, height, body: String::new() }
    }

    /// Adds an element with these attributes and no content.
    pub(crate) fn element(&mut self, tag: &str, attributes: impl Display) -> &mut Self {
        let _ = writeln!(self.body, "<{tag} {attributes}/>");
        self
    }

    pub(crate) fn line(&mut self, from: (f64, f64), to: (f64, f64), style: impl Display) -> &mut Self {
        let (x1, y1, x2, y2) = (N(from.0), N(from.1), N(to.0), N(to.1));
        self.element("line", format_args!(r#"x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" {style}"#))
    }

    pub(crate) fn circle(&mut self, at: (f64, f64), radius: f64, style: impl Display) -> &mut Self {
        self.element("circle", format_args!(r#"cx="{}" cy="{}" r="{}" {style}"#, N(at.0), N(at.1), N(radius)))
    }

    /// A rectangle from its upper left corner.
    pub(crate) fn rect(&mut self, at: (f64, f64), size: (f64, f64), style: impl Display) -> &mut Self {
        let (x, y, w, h) = (N(at.0), N(at.1), N(size.0), N(size.1));
        self.element("rect", format_args!(r#"x="{x}" y="{y}" width="{w}" height="{h}" {style}"#))
    }

    /// A line through these points, interrupted at non-finite ones.
    #[cfg(any(test, feature = "plot"))]
    pub(crate) fn polyline(&mut self, points: &[(f64, f64)], style: impl Display) -> &mut Self {
        for run in points.split(|(x, y)| !(x.is_finite() && y.is_finite())).filter(|run| run.len() > 1) {
            let mut path = String::new();
            for &(x, y) in run {
                let _ = write!(path, "{} {} ", N(x), N(y));
            }
            self.element("polyline", format_args!(r#"points="{}" fill="none" {style}"#, path.trim_end()));
        }
        self
    }

    /// Text whose baseline starts here; `style` may hold `text-anchor`.
    pub(crate) fn text(&mut self, at: (f64, f64), text: &str, style: impl Display) -> &mut Self {
        let _ = writeln!(self.body, r#"<text x="{}" y="{}" {style}>{}</text>"#, N(at.0), N(at.1), Escaped(text));
        self
    }

    /// An element whose content `fill` draws.
    #[cfg(feature = "plot")]
    pub(crate) fn group(&mut self, tag: &str, attributes: impl Display, fill: impl FnOnce(&mut Self)) -> &mut Self {
        let _ = writeln!(self.body, "<{tag} {attributes}>");
        fill(self);
        let _ = writeln!(self.body, "</{tag}>");
        self
    }

    /// The head of an arrow that points to the right.
    pub(crate) fn arrow_head(&mut self, tip: (f64, f64), color: &str) -> &mut Self {
        let (x, y) = tip;
        let (back, up, down) = (N(x - 7.0), N(y - 3.5), N(y + 3.5));
        let (x, y) = (N(x), N(y));
        self.element("path", format_args!(r#"d="M{back} {up}L{x} {y}L{back} {down}z" fill="{color}""#))
    }

    /// The complete SVG file.
    pub(crate) fn finish(&self) -> String {
        let (w, h) = (N(self.width), N(self.height));
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {w} {h}\" width=\"{w}\" height=\"{h}\" \
             font-family=\"Helvetica, Arial, sans-serif\" font-size=\"12\" fill=\"{INK}\">\n\
             <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n{}</svg>\n",
            self.body
        )
    }
}

/// The approximate width of a text at this font size.
pub(crate) fn text_width(text: &str, size: f64) -> f64 {
    0.6 * size * text.chars().count() as f64
}

/// A coordinate with at most two decimals.
pub(crate) struct N(pub(crate) f64);

impl Display for N {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let x = if self.0.is_finite() { self.0 } else { 0.0 };
        f.write_str(crate::text::trim(&format!("{x:.2}")))
    }
}

/// Text with XML's special characters escaped.
pub(crate) struct Escaped<'a>(pub(crate) &'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '&' => f.write_str("&amp;")?,
                '"' => f.write_str("&quot;")?,
                // XML allows hardly any control characters.
                c if c.is_control() => f.write_char(' ')?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coordinates_are_short_and_text_is_escaped() {
        let mut svg = Svg::new(10.0, 20.5);
        svg.line((0.0, -0.001), (1.0 / 3.0, f64::NAN), r##"stroke="#000""##);
        svg.text((1.0, 2.0), "a<b & \"c\"\n", "");
        let text = svg.finish();
        assert!(text.contains(r##"<line x1="0" y1="0" x2="0.33" y2="0" stroke="#000"/>"##), "{text}");
        assert!(text.contains("a&lt;b &amp; &quot;c&quot; </text>"), "{text}");
        assert!(text.contains(r#"viewBox="0 0 10 20.5""#), "{text}");
    }

    #[test]
    fn lines_are_interrupted_where_there_is_no_number() {
        let mut svg = Svg::new(10.0, 10.0);
        svg.polyline(&[(0.0, 0.0), (1.0, 1.0), (2.0, f64::NAN), (3.0, 3.0), (4.0, 4.0), (5.0, f64::INFINITY)], "");
        assert_eq!(svg.finish().matches("<polyline").count(), 2);
    }
}
