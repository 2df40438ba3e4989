//! [`Cache`]: what a layer keeps for its backward pass.

use std::any::Any;
use std::fmt::{self, Debug};

/// A layer's storage on a tape: initially empty, then one value of a type of the layer's choice.
#[derive(Default)]
pub struct Cache(Option<Box<dyn Any + Send>>);

impl Cache {
    /// Returns the cached value, `T::default()` on first use.
    ///
    /// ```
    /// let mut cache = neuropil::layer::Cache::default();
    /// cache.get::<Vec<f32>>().push(1.5);
    /// assert_eq!(cache.get::<Vec<f32>>(), &[1.5]);
    /// ```
    ///
    /// # Panics
    /// Never: a value of a different type is replaced by the default.
    pub fn get<T: Any + Send + Default>(&mut self) -> &mut T {
        if !self.0.as_ref().is_some_and(|value| value.is::<T>()) {
            self.0 = Some(Box::<T>::default());
        }
        self.0.as_mut().and_then(|value| value.downcast_mut()).expect("it was just made")
    }
}

impl Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Cache(..)" } else { "Cache" })
    }
}
