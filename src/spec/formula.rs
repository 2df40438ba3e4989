//! [`Formula`]: a layer in mathematical notation.

/// The formula of a layer or join, in plain text and in LaTeX.
///
/// `□` is the input of a layer; `□1`, `□2` … are the inputs of a join; `{weight}` is the parameter of that name; in the
/// backward formula, `∂` is the gradient with respect to the output.
///
/// ```
/// use neuropil::spec::Formula;
///
/// let square = Formula::elementwise("□²", "□^2");
/// assert!(square.elementwise && square.forward.text == "□²");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Formula {
    /// y = …
    pub forward: Written,
    /// dL/dx = …; derived automatically for an elementwise function.
    pub backward: Option<Written>,
    /// Whether the function is elementwise.
    pub elementwise: bool,
}

/// A formula in plain text and LaTeX.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// In plain text.
    pub text: String,
    /// In LaTeX.
    pub latex: String,
}

impl Formula {
    /// An elementwise function.
    pub fn elementwise(text: impl Into<String>, latex: impl Into<String>) -> Self {
        Self { elementwise: true, ..Self::new(text, latex) }
    }

    /// Any other formula.
    pub fn new(text: impl Into<String>, latex: impl Into<String>) -> Self {
        Self { forward: Written { text: text.into(), latex: latex.into() }, backward: None, elementwise: false }
    }

    /// Adds a formula for the backward pass.
    #[must_use]
    pub fn with_backward(mut self, text: impl Into<String>, latex: impl Into<String>) -> Self {
        self.backward = Some(Written { text: text.into(), latex: latex.into() });
        self
    }
}
