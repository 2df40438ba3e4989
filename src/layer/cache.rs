//! [`Cache`]: what a layer keeps for its backward pass.

use std::any::Any;
use std::fmt::{self, Debug};

/// The storage of a layer on a tape: initially empty, then a value of the type that the layer requests.
#[derive(Default)]
pub struct Cache(Option<Box<dyn Any + Send>>);

impl Cache {
    /// Returns the cached value, initially `T::default()`.
    ///
    /// ```
    /// let mut cache = neuropil::layer::Cache::default();
    /// cache.get::<Vec<f32>>().push(1.5);
    /// assert_eq!(cache.get::<Vec<f32>>(), &[1.5]);
    /// ```
    ///
    /// # Panics
    /// Never: a value of another type is replaced.
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
