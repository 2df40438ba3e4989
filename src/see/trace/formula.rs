//! What each kind of layer computes, in writing.

use crate::Scalar;
use crate::layer::Layer;

/// A layer's output and the gradient by its input, as plain text and as LaTeX.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Formula {
    pub(super) forward: String,
    pub(super) forward_latex: String,
    pub(super) backward: String,
    pub(super) backward_latex: String,
    /// Whether the layer is an affine map of all inputs.
    pub(super) is_dense: bool,
    /// Whether the layer acts on each number alone.
    pub(super) is_pointwise: bool,
}

impl Formula {
    /// For the layer that makes `y` of `x`, with parameters of these names.
    pub(super) fn of<A: Scalar>(layer: &dyn Layer<A>, x: &str, y: &str, parameters: &[String]) -> Self {
        let spec = layer.spec();
        let kind = spec.as_ref().map_or("", |spec| spec.kind());
        let (dy, lx, ldy) = (by(y), symbol_latex(x), by_latex(y));
        if let ("dense", [w, bias @ ..]) = (kind, parameters) {
            let lw = symbol_latex(w);
            let (plus, lplus) = match bias {
                [b, ..] => (format!(" + {b}"), format!(" + {}", symbol_latex(b))),
                [] => (String::new(), String::new()),
            };
            return Self {
                forward: format!("{x}·{w}{plus}"),
                forward_latex: format!("{lx} {lw}{lplus}"),
                backward: format!("{dy}·{w}ᵀ"),
                backward_latex: format!("{ldy} {lw}^\\top"),
                is_dense: true,
                is_pointwise: false,
            };
        }
        let pointwise = POINTWISE.iter().find(|(known, ..)| *known == kind);
        let (forward, forward_latex) = if let Some((_, text, latex)) = pointwise {
            (text.replace('□', x), latex.replace('□', &lx))
        } else {
            let name = format!("{layer:?}");
            (format!("{name}({x})"), format!("\\text{{{}}}({lx})", escape(&name)))
        };
        Self {
            forward,
            forward_latex,
            backward: if pointwise.is_some() {
                format!("{dy} ∘ d{y}/d{x}")
            } else {
                format!("{dy} through {}", kind_or_layer(kind))
            },
            backward_latex: if pointwise.is_some() {
                format!("{ldy} \\circ \\frac{{\\partial {}}}{{\\partial {lx}}}", symbol_latex(y))
            } else {
                format!("{ldy} \\frac{{\\partial {}}}{{\\partial {lx}}}", symbol_latex(y))
            },
            is_dense: false,
            is_pointwise: pointwise.is_some(),
        }
    }
}

fn kind_or_layer(kind: &str) -> &str {
    if kind.is_empty() { "the layer" } else { kind }
}

/// dL/dz1.
pub(super) fn by(symbol: &str) -> String {
    format!("dL/d{symbol}")
}

/// The same in LaTeX.
pub(super) fn by_latex(symbol: &str) -> String {
    format!("\\frac{{\\partial L}}{{\\partial {}}}", symbol_latex(symbol))
}

/// `z12′` as `z_{12}'`, `weight_1` as `\text{weight}_{1}`.
pub(super) fn symbol_latex(symbol: &str) -> String {
    let start = symbol.find(|c: char| c.is_ascii_digit()).unwrap_or(symbol.len());
    let (name, number) = symbol.split_at(start);
    let (number, primes) = number.split_at(number.find('′').unwrap_or(number.len()));
    let name = name.trim_end_matches('_');
    let name = if name.chars().count() > 1 { format!("\\text{{{}}}", escape(name)) } else { name.to_owned() };
    let number = if number.is_empty() { String::new() } else { format!("_{{{number}}}") };
    format!("{name}{number}{}", "'".repeat(primes.chars().count()))
}

/// Text in which nothing is taken for a command.
pub(super) fn escape(text: &str) -> String {
    text.chars()
        .flat_map(|c| match c {
            '\\' => "\\textbackslash{}".chars().collect::<Vec<_>>(),
            '{' | '}' | '_' | '%' | '&' | '#' | '$' => vec!['\\', c],
            c => vec![c],
        })
        .collect()
}

/// Kinds of activations, and what they do to □.
const POINTWISE: [(&str, &str, &str); 24] = [
    ("celu", "max(0, □) + min(0, α(e^(□/α) − 1))", "\\max(0, □) + \\min(0, \\alpha(e^{□/\\alpha} - 1))"),
    ("elu", "□ if □ > 0, else α(e^□ − 1)", "□ \\text{ if } □ > 0 \\text{ else } \\alpha(e^{□} - 1)"),
    ("gelu", "□·Φ(□)", "□\\,\\Phi(□)"),
    ("gelu_tanh", "□/2·(1 + tanh(√(2/π)(□ + 0.044715 □³)))", "\\text{gelu}_{\\tanh}(□)"),
    ("hard_shrink", "□ if |□| > λ, else 0", "□ \\text{ if } |□| > \\lambda \\text{ else } 0"),
    ("hard_sigmoid", "min(max(□ + 3, 0), 6)/6", "\\min(\\max(□ + 3, 0), 6)/6"),
    ("hard_swish", "□·min(max(□ + 3, 0), 6)/6", "□\\min(\\max(□ + 3, 0), 6)/6"),
    ("hard_tanh", "min(max(□, min), max)", "\\min(\\max(□, \\text{min}), \\text{max})"),
    ("identity", "□", "□"),
    ("leaky_relu", "□ if □ > 0, else slope·□", "□ \\text{ if } □ > 0 \\text{ else } \\alpha □"),
    ("log_sigmoid", "−ln(1 + e^(−□))", "-\\ln(1 + e^{-□})"),
    ("mish", "□·tanh(ln(1 + e^□))", "□\\tanh(\\ln(1 + e^{□}))"),
    ("relu", "max(0, □)", "\\max(0, □)"),
    ("relu6", "min(max(□, 0), 6)", "\\min(\\max(□, 0), 6)"),
    ("selu", "λ·□ if □ > 0, else λα(e^□ − 1)", "\\text{selu}(□)"),
    ("sigmoid", "1/(1 + e^(−□))", "\\frac{1}{1 + e^{-□}}"),
    ("sign", "sign(□)", "\\text{sign}(□)"),
    ("silu", "□/(1 + e^(−□))", "\\frac{□}{1 + e^{-□}}"),
    ("soft_shrink", "sign(□)·max(|□| − λ, 0)", "\\text{sign}(□)\\max(|□| - \\lambda, 0)"),
    ("softplus", "ln(1 + e^(β□))/β", "\\frac{1}{\\beta}\\ln(1 + e^{\\beta □})"),
    ("softsign", "□/(1 + |□|)", "\\frac{□}{1 + |□|}"),
    ("tanh", "tanh(□)", "\\tanh(□)"),
    ("tanh_shrink", "□ − tanh(□)", "□ - \\tanh(□)"),
    ("step", "1 if □ ≥ threshold, else 0", "[□ \\ge \\theta]"),
];
