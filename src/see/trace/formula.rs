//! Formulas of the steps, with the symbols of the trace.

use crate::Scalar;
use crate::network::{Source, StepView};
use crate::spec::Written;

/// The formulas for a step's output, and for the gradients with respect to its inputs.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Formula {
    pub(super) forward: Written,
    /// The gradient with respect to each input value: a sum if it is used more than once.
    pub(super) backward: Vec<(Source, Written)>,
    /// Whether the step is elementwise.
    pub(super) elementwise: bool,
}

impl Formula {
    /// The formulas of the step that computes `y` from `inputs`; `parameters` are names and symbols.
    pub(super) fn of<A: Scalar>(
        step: &StepView<'_, A>,
        inputs: &[String],
        y: &str,
        parameters: &[(&str, &str)],
    ) -> Self {
        let latex_inputs: Vec<String> = inputs.iter().map(|symbol| symbol_latex(symbol)).collect();
        let latex_parameters: Vec<(&str, String)> =
            parameters.iter().map(|(name, symbol)| (*name, symbol_latex(symbol))).collect();
        let is_join = step.join().is_some();
        let fill = |written: &Written| Written {
            text: fill(&written.text, is_join, inputs, &by(y), parameters),
            latex: fill(&written.latex, is_join, &latex_inputs, &by_latex(y), &latex_parameters),
        };
        let Some(formula) = step.formula() else {
            let forward = Written {
                text: format!("{}({})", step.text, inputs.join(", ")),
                latex: format!("\\text{{{}}}({})", escape(&step.text), latex_inputs.join(", ")),
            };
            return Self { forward, backward: chain_rule(step, inputs, y, false), elementwise: false };
        };
        let backward = match &formula.backward {
            Some(backward) => step.sources.iter().map(|&source| (source, fill(backward))).collect(),
            None => chain_rule(step, inputs, y, formula.elementwise),
        };
        Self { forward: fill(&formula.forward), backward, elementwise: formula.elementwise }
    }
}

/// dL/dx = dL/dy·dy/dx for each input value x.
fn chain_rule<A: Scalar>(
    step: &StepView<'_, A>,
    inputs: &[String],
    y: &str,
    elementwise: bool,
) -> Vec<(Source, Written)> {
    let (dy, latex_dy) = (by(y), by_latex(y));
    let spec = step.spec();
    let through = spec.as_ref().map_or("the layer", |spec| spec.kind());
    let uses = step.sources.iter().zip(inputs).enumerate();
    let once = uses.filter(|(i, (source, _))| !step.sources[..*i].contains(source));
    let written = |x: &str| Written {
        text: if elementwise { format!("{dy} ∘ d{y}/d{x}") } else { format!("{dy} through {through}") },
        latex: format!(
            "{latex_dy} {}\\frac{{\\partial {}}}{{\\partial {}}}",
            if elementwise { "\\circ " } else { "" },
            symbol_latex(y),
            symbol_latex(x)
        ),
    };
    once.map(|(_, (source, x))| (*source, written(x))).collect()
}

/// Fills the placeholders of a [`spec::Formula`](crate::spec::Formula) with these symbols.
fn fill(formula: &str, is_join: bool, inputs: &[String], dy: &str, parameters: &[(&str, impl AsRef<str>)]) -> String {
    let mut text = String::new();
    let mut rest = formula;
    while let Some(c) = rest.chars().next() {
        let after = &rest[c.len_utf8()..];
        let parameter = parameters.iter().find_map(|(name, symbol)| {
            Some((symbol, after.strip_prefix(name)?.strip_prefix('}')?)).filter(|_| c == '{')
        });
        rest = after;
        match (c, parameter) {
            ('□', _) => {
                let digits = if is_join { after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len()) } else { 0 };
                let (number, after) = after.split_at(digits);
                let index = number.parse().unwrap_or(1_usize).saturating_sub(1);
                text += inputs.get(index).map_or("", |symbol| symbol);
                rest = after;
            }
            ('∂', _) => text += dy,
            (_, Some((symbol, after))) => {
                text += symbol.as_ref();
                rest = after;
            }
            _ => text.push(c),
        }
    }
    text
}

/// The sum of formulas.
pub(super) fn sum(terms: &[Written]) -> Written {
    let join = |of: fn(&Written) -> &str| terms.iter().map(of).collect::<Vec<_>>().join(" + ");
    Written { text: join(|term| &term.text), latex: join(|term| &term.latex) }
}

/// dL/dz1.
pub(super) fn by(symbol: &str) -> String {
    format!("dL/d{symbol}")
}

/// [`by`] in LaTeX.
pub(super) fn by_latex(symbol: &str) -> String {
    format!("\\frac{{\\partial L}}{{\\partial {}}}", symbol_latex(symbol))
}

/// `z12′` as `z_{12}'`, `weight_1` as `\text{weight}_{1}`.
pub(super) fn symbol_latex(symbol: &str) -> String {
    let plain = symbol.trim_end_matches('′');
    let primes = "'".repeat(symbol[plain.len()..].chars().count());
    let name = plain.trim_end_matches(|c: char| c.is_ascii_digit());
    let number = &plain[name.len()..];
    let name = match name.trim_end_matches('_') {
        "" => return format!("{number}{primes}"),
        name if name.chars().count() > 1 => format!("\\text{{{}}}", escape(name)),
        name => escape(name),
    };
    let number = if number.is_empty() { String::new() } else { format!("_{{{number}}}") };
    format!("{name}{number}{primes}")
}

/// Escapes LaTeX's special characters.
pub(super) fn escape(text: &str) -> String {
    text.chars()
        .flat_map(|c| match c {
            '\\' => "\\textbackslash{}".chars().collect::<Vec<_>>(),
            '{' | '}' | '_' | '%' | '&' | '#' | '$' => vec!['\\', c],
            c => vec![c],
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_filled_and_other_braces_stay() {
        let inputs = ["a{b}□".to_owned(), "z2".to_owned()];
        let parameters = [("b", "b1")];
        assert_eq!(fill("□1·{b} + □2²{c}, ∂", true, &inputs, "dL/dy", &parameters), "a{b}□·b1 + z2²{c}, dL/dy");
        assert_eq!(fill("□2", false, &inputs, "", &parameters), "a{b}□2");
    }

    #[test]
    fn symbols_in_latex() {
        let cases = [
            ("z12′", "z_{12}'"),
            ("weight_1", "\\text{weight}_{1}"),
            ("body.0.weight_2", "\\text{body.0.weight}_{2}"),
            ("x", "x"),
            ("left eye", "\\text{left eye}"),
            ("7′′", "7''"),
        ];
        for (symbol, latex) in cases {
            assert_eq!(symbol_latex(symbol), latex);
        }
    }
}
