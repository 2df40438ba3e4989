//! Windows as settings of a [`Spec`].

use crate::Result;
use crate::kernels::window::{Padding, Window};
use crate::spec::{Setting, Spec};

impl Window {
    /// Adds kernel, stride, dilation and padding to the settings of a layer. Padding is `same`, or the pixels above,
    /// below, left and right.
    pub(in crate::layers) fn describe(&self, spec: Spec) -> Spec {
        let spec = spec.set("kernel", self.kernel).set("stride", self.stride).set("dilation", self.dilation);
        match self.padding {
            Padding::Same => spec.set("padding", "same"),
            Padding::Each([[above, below], [left, right]]) => spec.set("padding", [above, below, left, right]),
        }
    }

    /// Restores the window that [`describe`](Self::describe) wrote.
    pub(in crate::layers) fn restore(spec: &Spec) -> Result<Self> {
        Ok(Self {
            kernel: spec.counts("kernel")?,
            stride: spec.counts("stride")?,
            dilation: spec.counts("dilation")?,
            padding: padding(spec)?,
            ceil: false,
        })
    }

    /// Restores the window of a pooling layer, which also has `ceil`.
    pub(in crate::layers) fn restore_pool(spec: &Spec) -> Result<Self> {
        Ok(Self { ceil: spec.flag("ceil")?, ..Self::restore(spec)? })
    }
}

fn padding(spec: &Spec) -> Result<Padding> {
    if spec.get("padding") == Some(&Setting::Text("same".into())) {
        return Ok(Padding::Same);
    }
    let [above, below, left, right] = spec.counts("padding")?;
    Ok(Padding::Each([[above, below], [left, right]]))
}
