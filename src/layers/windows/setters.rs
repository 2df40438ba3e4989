//! Builder methods of layers with a field `window`, to be listed in an `impl` of the layer.

/// For windows on images: `image_setters!(stride, padding, dilation, ceil);`.
macro_rules! image_setters {
    ($($setter:ident),+) => { $(image_setters!(@$setter);)+ };
    (@stride) => {
        /// The same layer with a window that moves by `stride` rows and columns.
        #[must_use]
        pub fn stride(mut self, stride: [usize; 2]) -> Self {
            self.window.stride = stride;
            self
        }
    };
    (@padding) => {
        /// The same layer with padding around the image: zeros, or -∞ for a maximum.
        #[must_use]
        pub fn padding(mut self, padding: impl Into<$crate::layers::Padding>) -> Self {
            self.window.padding = padding.into();
            self
        }
    };
    (@dilation) => {
        /// The same layer with a distance of `dilation` rows and columns from tap to tap.
        #[must_use]
        pub fn dilation(mut self, dilation: [usize; 2]) -> Self {
            self.window.dilation = dilation;
            self
        }
    };
    (@ceil) => {
        /// The same layer with a last window that may reach beyond the image, instead of leaving out what is left over.
        #[must_use]
        pub fn ceil(mut self) -> Self {
            self.window.ceil = true;
            self
        }
    };
}

/// For windows on sequences: `step_setters!(stride, padding, dilation, ceil);`.
macro_rules! step_setters {
    ($($setter:ident),+) => { $(step_setters!(@$setter);)+ };
    (@stride) => {
        /// The same layer with a window that moves by `stride` steps.
        #[must_use]
        pub fn stride(mut self, stride: usize) -> Self {
            self.window.stride[0] = stride;
            self
        }
    };
    (@padding) => {
        /// The same layer with `steps` of padding before the sequence and as many after it: zeros, or -∞ for a maximum.
        #[must_use]
        pub fn padding(mut self, steps: usize) -> Self {
            self.window.padding = [steps, 0].into();
            self
        }
    };
    (@dilation) => {
        /// The same layer with a distance of `dilation` steps from tap to tap.
        #[must_use]
        pub fn dilation(mut self, dilation: usize) -> Self {
            self.window.dilation[0] = dilation;
            self
        }
    };
    (@ceil) => {
        /// The same layer with a last window that may reach beyond the sequence, instead of leaving out what is left
        /// over.
        #[must_use]
        pub fn ceil(mut self) -> Self {
            self.window.ceil = true;
            self
        }
    };
}

/// For convolutions, which have a field `bias`.
macro_rules! bias_methods {
    () => {
        /// The same layer without a bias.
        #[must_use]
        pub fn without_bias(mut self) -> Self {
            self.bias = None;
            self
        }

        /// The biases, (1, channels or features out), if the layer has them.
        pub fn bias(&self) -> Option<&Array2<A>> {
            self.bias.as_ref()
        }
    };
}
