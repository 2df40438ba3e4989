//! [`Formula`]: a layer in the signs of mathematics.

/// A layer or join as a formula, in plain text and in LaTeX.
///
/// `□` stands for the input of a layer, `□1`, `□2` … for those of a join; `{weight}` for the parameter of that name; in
/// the backward formula, `∂` stands for the gradient with respect to the output.
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
    /// dL/dx = …; of an elementwise function, it follows.
    pub backward: Option<Written>,
    /// Whether it acts on each number alone.
    pub elementwise: bool,
}

/// A formula in two notations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// In plain text.
    pub text: String,
    /// In LaTeX.
    pub latex: String,
}

impl Formula {
    /// A function of each number.
    pub fn elementwise(text: impl Into<String>, latex: impl Into<String>) -> Self {
        Self { elementwise: true, ..Self::new(text, latex) }
    }

    /// Any other formula.
    pub fn new(text: impl Into<String>, latex: impl Into<String>) -> Self {
        Self { forward: Written { text: text.into(), latex: latex.into() }, backward: None, elementwise: false }
    }

    /// The formula with one for its backward pass.
    #[must_use]
    pub fn with_backward(mut self, text: impl Into<String>, latex: impl Into<String>) -> Self {
        self.backward = Some(Written { text: text.into(), latex: latex.into() });
        self
    }
}
