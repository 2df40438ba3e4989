//! [`Fitted`]: fitted preprocessing that is saved with a network.

use super::{Imputer, LabelEncoder, MinMaxScaler, OneHot, StandardScaler, TextImputer, Token, Vocabulary};
use crate::Result;
use crate::spec::Spec;

/// Preprocessing fitted to the training data that a network needs for prediction: classes, categories, means. A
/// [`Model`](crate::io::Model) saves it with the network.
///
/// ```
/// use neuropil::data::Fitted;
/// use neuropil::prelude::*;
/// use neuropil::spec::Spec;
///
/// /// The order of magnitude of the training data.
/// #[derive(Debug, PartialEq)]
/// struct Magnitude(f64);
///
/// impl Fitted for Magnitude {
///     fn spec(&self) -> Spec {
///         Spec::new("magnitude").set("max", self.0)
///     }
///
///     fn restore(spec: &Spec) -> Result<Self> {
///         Ok(Self(spec.number("max")?))
///     }
/// }
///
/// let fitted = Magnitude(255.0);
/// assert_eq!(Magnitude::restore(&fitted.spec())?, fitted);
/// # Ok::<(), Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a fitted transformer",
    note = "if it is a `Result`, put `?` after the call that returns it"
)]
pub trait Fitted: Sized {
    /// Its kind and all fitted parameters.
    fn spec(&self) -> Spec;

    /// Restores it from its [`spec`](Self::spec).
    ///
    /// # Errors
    /// [`Error::Format`](crate::Error::Format) if the description is of another kind, or incomplete.
    fn restore(spec: &Spec) -> Result<Self>;
}

/// Returns an error unless a description is of this kind.
fn expect(spec: &Spec, kind: &str) -> Result<()> {
    if spec.kind() == kind {
        Ok(())
    } else {
        let problem = format!("it is of the kind {}, not {kind}", spec.kind());
        Err(crate::Error::Format { what: "the transformer".into(), problem })
    }
}

fn words(words: &[String]) -> Vec<&str> {
    words.iter().map(String::as_str).collect()
}

impl Fitted for LabelEncoder {
    fn spec(&self) -> Spec {
        Spec::new("label_encoder").set("classes", words(self.classes()))
    }

    fn restore(spec: &Spec) -> Result<Self> {
        expect(spec, "label_encoder")?;
        Self::new(spec.texts("classes")?)
    }
}

impl Fitted for OneHot {
    fn spec(&self) -> Spec {
        let spec = Spec::new("one_hot").set("categories", words(self.categories()));
        spec.set("ignores_unknown", self.ignores_unknown())
    }

    fn restore(spec: &Spec) -> Result<Self> {
        expect(spec, "one_hot")?;
        let encoder = Self::new(spec.texts("categories")?)?;
        Ok(if spec.flag("ignores_unknown")? { encoder.ignore_unknown() } else { encoder })
    }
}

impl Fitted for Imputer {
    fn spec(&self) -> Spec {
        Spec::new("imputer").set("values", self.values().to_vec())
    }

    fn restore(spec: &Spec) -> Result<Self> {
        expect(spec, "imputer")?;
        Self::constant(spec.numbers("values")?)
    }
}

impl Fitted for TextImputer {
    fn spec(&self) -> Spec {
        Spec::new("text_imputer").set("value", self.value())
    }

    fn restore(spec: &Spec) -> Result<Self> {
        expect(spec, "text_imputer")?;
        spec.text("value").map(Self::constant)
    }
}

impl Fitted for StandardScaler {
    fn spec(&self) -> Spec {
        let spec = Spec::new("standard_scaler").set("mean", self.mean().to_vec());
        spec.set("deviation", self.deviation().to_vec())
    }

    fn restore(spec: &Spec) -> Result<Self> {
        expect(spec, "standard_scaler")?;
        Self::new(spec.numbers("mean")?, spec.numbers("deviation")?)
    }
}

impl Fitted for MinMaxScaler {
    fn spec(&self) -> Spec {
        let spec = Spec::new("min_max_scaler").set("min", self.min().to_vec()).set("max", self.max().to_vec());
        spec.set("range", self.ends())
    }

    fn restore(spec: &Spec) -> Result<Self> {
        expect(spec, "min_max_scaler")?;
        let [low, high] = *spec.numbers("range")? else {
            return Err(spec.problem("`range` is not two numbers".into()));
        };
        Self::new(spec.numbers("min")?, spec.numbers("max")?)?.range(low, high)
    }
}

impl Fitted for Vocabulary {
    fn spec(&self) -> Spec {
        let token = if self.token() == Token::Word { "word" } else { "character" };
        Spec::new("vocabulary").set("token", token).set("tokens", words(self.tokens()))
    }

    fn restore(spec: &Spec) -> Result<Self> {
        expect(spec, "vocabulary")?;
        let token = match spec.text("token")? {
            "word" => Token::Word,
            "character" => Token::Character,
            other => return Err(spec.problem(format!("`{other}` is not a kind of token; give `word` or `character`"))),
        };
        Self::new(token, spec.texts("tokens")?)
    }
}

/// The names of classes, without an encoder.
impl Fitted for Vec<String> {
    fn spec(&self) -> Spec {
        Spec::new("words").set("words", words(self))
    }

    fn restore(spec: &Spec) -> Result<Self> {
        expect(spec, "words")?;
        spec.texts("words")
    }
}
