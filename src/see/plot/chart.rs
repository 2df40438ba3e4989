//! [`Chart`]: lines, points and bars on labeled axes.

use crate::svg::{GRAY, INK, N, Svg, text_width};
use crate::text::figures;

use super::color;

/// A chart with a title, two labeled axes, and lines, points or bars.
///
/// By default, the axes cover the data; non-finite points are omitted.
///
/// ```
/// use neuropil::plot::Chart;
///
/// let loss = [(1.0, 0.7), (2.0, 0.4), (3.0, 0.1)];
/// let chart = Chart::new("Training", "epoch", "loss");
/// let chart = chart.line("training", loss).points("best", [(3.0, 0.1)]);
/// assert!(chart.svg().contains("training"));
/// ```
#[derive(Debug, Clone)]
pub struct Chart {
    title: String,
    x: Axis,
    y: Axis,
    series: Vec<Series>,
    /// An image behind the series that fills the axes, as a data URL.
    pub(super) background: Option<String>,
    /// Whether there are grid lines at the ticks of y.
    pub(super) grid: bool,
    pub(super) size: (f64, f64),
}

#[derive(Debug, Clone)]
struct Axis {
    label: String,
    logarithmic: bool,
    range: Option<[f64; 2]>,
}

#[derive(Debug, Clone)]
struct Series {
    name: String,
    kind: Kind,
    color: usize,
    points: Vec<(f64, f64)>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Line,
    Dashed,
    Points,
    Bars,
}

impl Chart {
    /// Creates an empty chart with this title and these axis labels.
    pub fn new(title: &str, x: &str, y: &str) -> Self {
        let axis = |label: &str| Axis { label: label.to_owned(), logarithmic: false, range: None };
        let (x, y) = (axis(x), axis(y));
        Self { title: title.to_owned(), x, y, series: Vec::new(), background: None, grid: true, size: (460.0, 320.0) }
    }

    /// Adds a line through these points, with a gap at a non-finite point.
    #[must_use]
    pub fn line(self, name: &str, points: impl IntoIterator<Item = (f64, f64)>) -> Self {
        self.series(name, Kind::Line, points)
    }

    /// Adds a dashed line through these points.
    #[must_use]
    pub fn dashed(self, name: &str, points: impl IntoIterator<Item = (f64, f64)>) -> Self {
        self.series(name, Kind::Dashed, points)
    }

    /// Adds these points, without a line.
    #[must_use]
    pub fn points(self, name: &str, points: impl IntoIterator<Item = (f64, f64)>) -> Self {
        self.series(name, Kind::Points, points)
    }

    /// Adds bars from 0 to y, as wide as the distance between the first two points.
    #[must_use]
    pub fn bars(self, name: &str, points: impl IntoIterator<Item = (f64, f64)>) -> Self {
        self.series(name, Kind::Bars, points)
    }

    /// Makes the x axis logarithmic, by default linear; values of 0 and below are omitted.
    #[must_use]
    pub fn log_x(mut self) -> Self {
        self.x.logarithmic = true;
        self
    }

    /// Makes the y axis logarithmic, by default linear; values of 0 and below are omitted.
    #[must_use]
    pub fn log_y(mut self) -> Self {
        self.y.logarithmic = true;
        self
    }

    /// Sets the range of x, by default that of the data.
    #[must_use]
    pub fn x_range(mut self, low: f64, high: f64) -> Self {
        self.x.range = Some([low, high]);
        self
    }

    /// Sets the range of y, by default that of the data with a margin, and with bars also 0.
    #[must_use]
    pub fn y_range(mut self, low: f64, high: f64) -> Self {
        self.y.range = Some([low, high]);
        self
    }

    /// Sets the size in pixels, by default 460 x 320; at least 120 x 100.
    #[must_use]
    pub fn size(mut self, width: f64, height: f64) -> Self {
        self.size = (width.max(120.0), height.max(100.0));
        self
    }

    fn series(mut self, name: &str, kind: Kind, points: impl IntoIterator<Item = (f64, f64)>) -> Self {
        // Series with the same name have the same color.
        let same = self.series.iter().find(|series| series.name == name).map(|series| series.color);
        let color = same.unwrap_or_else(|| self.series.iter().map(|series| series.color + 1).max().unwrap_or(0));
        self.series.push(Series { name: name.to_owned(), kind, color, points: points.into_iter().collect() });
        self
    }

    /// The chart as an SVG file.
    pub fn svg(&self) -> String {
        let mut svg = Svg::new(self.size.0, self.size.1);
        self.draw(&mut svg, (0.0, 0.0));
        svg.finish()
    }

    /// A grid of charts of equal size with `columns` columns, as an SVG file.
    pub fn grid(charts: &[Self], columns: usize) -> String {
        let columns = columns.clamp(1, charts.len().max(1));
        let (width, height) = charts.first().map_or((120.0, 100.0), |chart| chart.size);
        let rows = charts.len().div_ceil(columns);
        let mut svg = Svg::new(width * columns as f64, height * rows as f64);
        for (i, chart) in charts.iter().enumerate() {
            chart.draw(&mut svg, (width * (i % columns) as f64, height * (i / columns) as f64));
        }
        svg.finish()
    }

    /// An empty cell of a grid.
    pub(super) fn nothing() -> Self {
        Self::new("", "", "")
    }

    pub(super) fn draw(&self, svg: &mut Svg, origin: (f64, f64)) {
        if self.title.is_empty() && self.series.is_empty() {
            return;
        }
        let frame = self.frame(origin);
        let (left, right, top, bottom) = (frame.left, frame.right, frame.top, frame.bottom);
        if let Some(picture) = &self.background {
            frame.draw_picture(svg, picture);
        }
        svg.text((f64::midpoint(left, right), origin.1 + 20.0), &self.title, r#"text-anchor="middle" font-size="14""#);
        for tick in self.x.ticks(frame.x, (right - left) / 55.0) {
            let x = frame.at((tick, frame.y[0])).0;
            svg.line((x, bottom), (x, bottom + 4.0), format_args!(r#"stroke="{INK}""#));
            let style = r#"text-anchor="middle" font-size="10""#;
            svg.text((x, bottom + 15.0), &figures(tick, 4), style);
        }
        for tick in self.y.ticks(frame.y, (bottom - top) / 32.0) {
            let y = frame.at((frame.x[0], tick)).1;
            if self.grid {
                svg.line((left, y), (right, y), r##"stroke="#eaeef2""##);
            }
            svg.line((left - 4.0, y), (left, y), format_args!(r#"stroke="{INK}""#));
            svg.text((left - 7.0, y + 3.5), &figures(tick, 4), r#"text-anchor="end" font-size="10""#);
        }
        let label = (f64::midpoint(left, right), bottom + 31.0);
        svg.text(label, &self.x.label, r#"text-anchor="middle" font-size="12""#);
        let (x, y) = (origin.0 + 13.0, f64::midpoint(top, bottom));
        let turned = format!(r#"text-anchor="middle" font-size="12" transform="rotate(-90 {x} {y})""#);
        svg.text((x, y), &self.y.label, turned);
        for series in &self.series {
            series.draw(svg, &frame);
        }
        svg.rect((left, top), (right - left, bottom - top), format_args!(r#"fill="none" stroke="{GRAY}""#));
        self.draw_legend(svg, (left, top - 8.0));
    }

    /// Draws an image that fills the axes of a chart at the upper left.
    pub(super) fn draw_background(&self, svg: &mut Svg, picture: &str) {
        self.frame((0.0, 0.0)).draw_picture(svg, picture);
    }

    fn draw_legend(&self, svg: &mut Svg, (mut x, y): (f64, f64)) {
        let mut named: Vec<&Series> = Vec::new();
        for series in self.series.iter().filter(|series| !series.name.is_empty()) {
            if named.iter().all(|known| known.name != series.name) {
                named.push(series);
            }
        }
        if named.len() < 2 && self.grid {
            return;
        }
        for series in named {
            series.kind.sample(svg, (x, y - 4.0), &color(series.color));
            svg.text((x + 19.0, y), &series.name, r#"font-size="11""#);
            x += 30.0 + text_width(&series.name, 11.0);
        }
    }

    fn frame(&self, origin: (f64, f64)) -> Frame {
        let points = || self.series.iter().flat_map(|series| &series.points);
        let shown = |point: &&(f64, f64)| self.x.shows(point.0) && self.y.shows(point.1);
        let bars = self.series.iter().any(|series| series.kind == Kind::Bars);
        let x = self.x.fit(points().filter(shown).map(|p| p.0), if bars { 0.04 } else { 0.0 }, false);
        let y = self.y.fit(points().filter(shown).map(|p| p.1), 0.05, bars);
        let (width, height) = self.size;
        let ticks = self.y.ticks(y, (height - 90.0) / 32.0);
        let widest = ticks.iter().map(|tick| text_width(&figures(*tick, 4), 10.0)).fold(0.0, f64::max);
        Frame {
            left: origin.0 + 30.0 + widest,
            right: origin.0 + width - 16.0,
            top: origin.1 + 50.0,
            bottom: origin.1 + height - 42.0,
            x,
            y,
            logarithmic: (self.x.logarithmic, self.y.logarithmic),
        }
    }
}

impl Axis {
    fn shows(&self, value: f64) -> bool {
        value.is_finite() && (!self.logarithmic || value > 0.0)
    }

    /// The range of the axis: as set, otherwise that of these values with a margin.
    fn fit(&self, values: impl Iterator<Item = f64>, margin: f64, from_zero: bool) -> [f64; 2] {
        if let Some(range) = self.range {
            return range;
        }
        let (mut low, mut high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), x| (l.min(x), h.max(x)));
        if low > high {
            (low, high) = if self.logarithmic { (1.0, 10.0) } else { (0.0, 1.0) };
        }
        if self.logarithmic {
            if low == high {
                return [low / 2.0, high * 2.0];
            }
            let factor = (high / low).powf(margin);
            return [low / factor, high * factor];
        }
        if from_zero {
            return [low.min(0.0), if high > 0.0 { high * (1.0 + margin) } else { 1.0 }];
        }
        if low == high {
            let around = if low == 0.0 { 1.0 } else { 0.1 * low.abs() };
            return [low - around, high + around];
        }
        [low - margin * (high - low), high + margin * (high - low)]
    }

    /// About `about` round numbers in the range.
    fn ticks(&self, [low, high]: [f64; 2], about: f64) -> Vec<f64> {
        if self.logarithmic {
            let (first, last) = (low.log10().ceil() as i32, high.log10().floor() as i32);
            if last - first >= 1 {
                let step = (f64::from(last - first + 1) / about.max(1.0)).ceil().max(1.0) as usize;
                return (first..=last).step_by(step).map(|power| format!("1e{power}").parse().unwrap_or(0.0)).collect();
            }
        }
        let rough = (high - low) / about.max(1.0);
        let power = 10_f64.powf(rough.log10().floor());
        let steps = [1.0, 2.0, 5.0, 10.0].map(|m| m * power);
        let within = |step: f64| (high / step + 1e-9).floor() - (low / step - 1e-9).ceil();
        let at = steps.iter().position(|step| *step >= rough).unwrap_or(3);
        // A scale needs at least two ticks.
        let step = steps[if within(steps[at]) < 1.0 { at.saturating_sub(1) } else { at }];
        if !(step > 0.0 && step.is_finite()) {
            return Vec::new();
        }
        let (first, last) = ((low / step - 1e-9).ceil() as i64, (high / step + 1e-9).floor() as i64);
        (first..=last).take(50).map(|i| i as f64 * step).collect()
    }
}

/// The position and the ranges of the axes.
struct Frame {
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
    x: [f64; 2],
    y: [f64; 2],
    logarithmic: (bool, bool),
}

impl Frame {
    fn at(&self, (x, y): (f64, f64)) -> (f64, f64) {
        let share = |value: f64, [low, high]: [f64; 2], logarithmic: bool| {
            if logarithmic { (value / low).ln() / (high / low).ln() } else { (value - low) / (high - low) }
        };
        let (x, y) = (share(x, self.x, self.logarithmic.0), share(y, self.y, self.logarithmic.1));
        (self.left + x * (self.right - self.left), self.bottom - y * (self.bottom - self.top))
    }

    fn draw_picture(&self, svg: &mut Svg, picture: &str) {
        let (x, y) = (N(self.left), N(self.top));
        let (w, h) = (N(self.right - self.left), N(self.bottom - self.top));
        let place = format_args!(r#"x="{x}" y="{y}" width="{w}" height="{h}""#);
        svg.element("image", format_args!(r#"{place} preserveAspectRatio="none" href="{picture}""#));
    }

    /// The position of a point, moved vertically into the frame if it is finite.
    fn clamped(&self, point: (f64, f64)) -> (f64, f64) {
        let (x, y) = self.at(point);
        (x, if y.is_finite() { y.clamp(self.top, self.bottom) } else { y })
    }
}

impl Kind {
    /// The symbol of the series in the legend.
    fn sample(self, svg: &mut Svg, (x, y): (f64, f64), color: &str) {
        match self {
            Self::Line => svg.line((x, y), (x + 15.0, y), format_args!(r#"stroke="{color}" stroke-width="2""#)),
            Self::Dashed => {
                let style = format!(r#"stroke="{color}" stroke-width="2" stroke-dasharray="4 3""#);
                svg.line((x, y), (x + 15.0, y), style)
            }
            Self::Points => svg.circle((x + 9.0, y), 4.0, format_args!(r##"fill="{color}" stroke="#fff""##)),
            Self::Bars => svg.rect((x + 3.0, y - 5.0), (10.0, 10.0), format_args!(r#"fill="{color}""#)),
        };
    }
}

impl Series {
    fn draw(&self, svg: &mut Svg, frame: &Frame) {
        let color = color(self.color);
        let points: Vec<(f64, f64)> = self.points.iter().map(|&point| frame.clamped(point)).collect();
        match self.kind {
            Kind::Line | Kind::Dashed => {
                let dash = if self.kind == Kind::Dashed { r#" stroke-dasharray="5 4""# } else { "" };
                let style = format!(r#"stroke="{color}" stroke-width="1.8" stroke-linejoin="round"{dash}"#);
                svg.polyline(&points, style);
            }
            Kind::Points => {
                for point in points.into_iter().filter(|(x, y)| x.is_finite() && y.is_finite()) {
                    svg.circle(point, 3.2, format_args!(r##"fill="{color}" stroke="#fff" stroke-width="0.8""##));
                }
            }
            Kind::Bars => {
                let width = match &points[..] {
                    [a, b, ..] => (b.0 - a.0).abs(),
                    _ => 20.0,
                };
                // On a logarithmic axis, 0 is infinitely far below.
                let zero = frame.at((frame.x[0], 0.0)).1.clamp(frame.top, frame.bottom);
                for (x, y) in points.into_iter().filter(|(x, y)| x.is_finite() && y.is_finite()) {
                    let (top, height) = (y.min(zero), (zero - y).abs());
                    let style = format!(r##"fill="{color}" stroke="#fff" stroke-width="0.5""##);
                    svg.rect((x - width / 2.0, top), (width, height), style);
                }
            }
        }
    }
}
