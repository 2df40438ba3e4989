//! Builder methods of layers with a field `window`, for use in an `impl` of the layer.

/// For windows on images: `image_setters!(stride, padding, dilation, ceil);`.
macro_rules! image_setters {
    ($($setter:ident),+) => { $(image_setters!(@$setter);)+ };
    (@stride) => {
        /// Sets the stride, in rows and columns; by default 1 for convolution, the window size for pooling.
        #[must_use]
        pub fn stride(mut self, stride: [usize; 2]) -> Self {
            self.window.stride = stride;
            self
        }
    };
    (@padding) => {
        /// Sets the padding around the image, none by default: zeros, or -∞ for max pooling.
        #[must_use]
        pub fn padding(mut self, padding: impl Into<$crate::layers::Padding>) -> Self {
            self.window.padding = padding.into();
            self
        }
    };
    (@dilation) => {
        /// Sets the dilation, the spacing of kernel elements, in rows and columns; 1 by default.
        #[must_use]
        pub fn dilation(mut self, dilation: [usize; 2]) -> Self {
            self.window.dilation = dilation;
            self
        }
    };
    (@ceil) => {
        /// Rounds the number of positions up, so that the last window may extend past the padded image.
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
        /// Sets the stride, in steps; by default 1 for convolution, the window size for pooling.
        #[must_use]
        pub fn stride(mut self, stride: usize) -> Self {
            self.window.stride[0] = stride;
            self
        }
    };
    (@padding) => {
        /// Sets the padding on both sides, in steps, none by default: zeros, or -∞ for max pooling.
        #[must_use]
        pub fn padding(mut self, steps: usize) -> Self {
            self.window.padding = [steps, 0].into();
            self
        }
    };
    (@dilation) => {
        /// Sets the dilation, the spacing of kernel elements, in steps; 1 by default.
        #[must_use]
        pub fn dilation(mut self, dilation: usize) -> Self {
            self.window.dilation[0] = dilation;
            self
        }
    };
    (@ceil) => {
        /// Rounds the number of positions up, so that the last window may extend past the padded sequence.
        #[must_use]
        pub fn ceil(mut self) -> Self {
            self.window.ceil = true;
            self
        }
    };
}

/// For convolutions, which have a field `bias: Option<Parameter<A>>`.
macro_rules! bias_methods {
    () => {
        /// Removes the bias.
        #[must_use]
        pub fn without_bias(mut self) -> Self {
            self.bias = None;
            self
        }

        /// The biases, (1, output channels or features), if any.
        pub fn bias(&self) -> Option<&Array2<A>> {
            self.bias.as_ref().map(Parameter::values)
        }
    };
}
