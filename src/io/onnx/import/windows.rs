//! Sliding-window operators on images and sequences: convolutions, pooling, resizing.

use super::constants::whole;
use super::view::{Axis, View};
use super::{Data, Found, Node, Read, Reader};
use crate::spec::Spec;
use crate::spec::onnx::Attribute;
use crate::{Scalar, Shape, Value};

/// A sliding window over one or two axes.
struct Window {
    kernel: Vec<usize>,
    stride: Vec<usize>,
    dilation: Vec<usize>,
    /// Before and after each axis.
    padding: Vec<[usize; 2]>,
}

impl Window {
    /// The window of an operator over axes of these sizes.
    fn of(node: &Node<'_>, kernel: Vec<usize>, over: &[usize]) -> Read<Self> {
        let mut window = Self::unpadded(node, kernel)?;
        window.pad(node, over)?;
        Ok(window)
    }

    fn unpadded(node: &Node<'_>, kernel: Vec<usize>) -> Read<Self> {
        let axes = kernel.len();
        let (stride, dilation) = (node.sizes("strides", axes, 1)?, node.sizes("dilations", axes, 1)?);
        if stride.iter().chain(&dilation).chain(&kernel).any(|&n| n == 0 || n > 1 << 31) {
            return Err("its kernel, strides or dilations have an invalid size".into());
        }
        Ok(Self { kernel, stride, dilation, padding: vec![[0, 0]; axes] })
    }

    /// Reads the padding.
    fn pad(&mut self, node: &Node<'_>, over: &[usize]) -> Read<()> {
        let Self { kernel, stride, dilation, .. } = self;
        let axes = kernel.len();
        let pads = node.sizes("pads", 2 * axes, 0)?;
        let none = pads.iter().all(|&n| n == 0);
        self.padding = match node.text("auto_pad", "NOTSET")? {
            "NOTSET" => (0..axes).map(|i| [pads[i], pads[axes + i]]).collect(),
            "VALID" if none => vec![[0, 0]; axes],
            side @ ("SAME_UPPER" | "SAME_LOWER") if none && node.op != "ConvTranspose" => {
                let same = |i: usize| {
                    let last = (over[i].div_ceil(stride[i]).max(1) - 1).saturating_mul(stride[i]);
                    let reach = dilation[i].saturating_mul(kernel[i] - 1).saturating_add(last).saturating_add(1);
                    let total = reach.saturating_sub(over[i]);
                    let (less, more) = (total / 2, total - total / 2);
                    if side == "SAME_UPPER" { [less, more] } else { [more, less] }
                };
                (0..axes).map(same).collect()
            }
            other => return Err(format!("its auto_pad is {other}").into()),
        };
        Ok(())
    }

    /// The window of a transposed convolution over axes of these sizes, and the output padding at the end of each.
    fn transposed(node: &Node<'_>, kernel: Vec<usize>, over: &[usize]) -> Read<(Self, Vec<usize>)> {
        let axes = kernel.len();
        let mut rest = node.sizes("output_padding", axes, 0)?;
        let same = match node.text("auto_pad", "NOTSET")? {
            side @ ("SAME_UPPER" | "SAME_LOWER") => Some(side),
            _ => None,
        };
        let mut window = Self::unpadded(node, kernel)?;
        let wanted = if node.attribute("output_shape").is_some() {
            node.sizes("output_shape", axes, 0)?
        } else if same.is_some() {
            (0..axes).map(|i| over[i].saturating_mul(window.stride[i])).collect()
        } else {
            window.pad(node, over)?;
            return Ok((window, rest));
        };
        node.expect("pads", node.sizes("pads", 2 * axes, 0)?.iter().all(|&n| n == 0))?;
        for i in 0..axes {
            let reach = window.dilation[i].saturating_mul(window.kernel[i] - 1).saturating_add(1);
            let whole = window.stride[i].saturating_mul(over[i] - 1).saturating_add(reach).saturating_add(rest[i]);
            let total = whole.saturating_sub(wanted[i]);
            let (less, more) = (total / 2, total - total / 2);
            window.padding[i] = if same == Some("SAME_UPPER") { [less, more] } else { [more, less] };
            rest[i] = rest[i].saturating_add(wanted[i].saturating_sub(whole));
        }
        Ok((window, rest))
    }

    /// Whether it is a window over images that covers one column at a time.
    fn keeps_columns(&self) -> bool {
        matches!([&*self.kernel, &*self.stride, &*self.dilation], [[_, 1], [_, 1], [_, 1]]) && self.padding[1] == [0, 0]
    }

    /// Adds the settings to a layer; with one axis, the sequence is treated as an image of one column.
    fn set(&self, spec: Spec) -> Spec {
        let pair = |sizes: &[usize]| [sizes[0], sizes.get(1).copied().unwrap_or(1)];
        let ([above, below], [left, right]) = (self.padding[0], self.padding.get(1).copied().unwrap_or([0, 0]));
        let spec = spec.set("kernel", pair(&self.kernel)).set("stride", pair(&self.stride));
        spec.set("dilation", pair(&self.dilation)).set("padding", [above, below, left, right])
    }
}

impl<'g, A: Scalar> Reader<'g, A> {
    /// The input as an image, or as a sequence whose features are ONNX's second axis; and the sizes the window slides
    /// over.
    fn field(&mut self, node: &Node<'_>) -> Read<((Value, Shape), Vec<usize>)> {
        let data = self.data(node.needs(0)?)?;
        let input = if data.view.0.len() == 3 { self.with_channels(&data, 1)? } else { data };
        let field = if input.view.0.len() == 3 { self.arrange(&input, &[2, 1])? } else { self.standard(&input)? };
        match field.1 {
            Shape::Image { height, width, .. } => Ok((field, vec![height, width])),
            Shape::Sequence { steps, .. } => Ok((field, vec![steps])),
            Shape::Flat(_) => Err("its input is flat features, which have no positions for windows".into()),
        }
    }

    /// Adds a layer with a window; sequences are permuted back to ONNX's order of axes.
    fn moved(&mut self, field: (Value, Shape), found: &Found) -> Read<Data> {
        let data = self.on(field, found)?;
        let sequence = matches!(data.shape, Shape::Sequence { .. });
        Ok(if sequence { Data { view: data.view.transposed(&[0, 2, 1])?, ..data } } else { data })
    }

    /// The sizes of a convolution's weight; the last ones are those of the window.
    fn kernel(&mut self, node: &Node<'_>, axes: usize) -> Read<([usize; 2], Vec<usize>)> {
        let sizes = self.sizes(node, 1)?;
        let (&[first, second, ref kernel @ ..], true) = (&*sizes, sizes.len() == axes + 2) else {
            return Err(format!("its weight has the shape {sizes:?}, for {axes} axes").into());
        };
        if node.attribute("kernel_shape").is_some() && node.sizes("kernel_shape", axes, 0)? != kernel {
            let said = node.ints("kernel_shape")?;
            return Err(format!("it has the kernel_shape {said:?} and weights of {kernel:?}").into());
        }
        Ok(([first, second], kernel.to_vec()))
    }

    pub(super) fn conv(&mut self, node: &'g Node<'g>) -> Read<Data> {
        let (field, over) = self.field(node)?;
        let ([outputs, inputs], kernel) = self.kernel(node, over.len())?;
        let groups = node.count("group", 1)?;
        let window = Window::of(node, kernel.clone(), &over)?;
        let kind = if over.len() == 1 { "conv1d" } else { "conv2d" };
        let spec = Spec::new(kind).set("inputs", inputs.saturating_mul(groups)).set("outputs", outputs);
        let mut weight = self.numbers(node, 1)?;
        if let [kernel] = *kernel {
            weight = reversed(&weight, [outputs, inputs, kernel]);
        }
        self.convolution(node, field, window.set(spec.set("groups", groups)), weight)
    }

    pub(super) fn conv_transpose(&mut self, node: &'g Node<'g>) -> Read<Data> {
        let mut data = self.data(node.needs(0)?)?;
        let axes = data.view.0.len().saturating_sub(2);
        if axes == 1 {
            // An image of one column.
            data.view = data.view.unsqueezed(&[3])?;
        }
        node.expect("weight", matches!(axes, 1 | 2))?;
        let image = self.standard(&data)?;
        let Shape::Image { height, width, .. } = image.1 else { return Err("it takes no image".into()) };
        let ([inputs, outputs], kernel) = self.kernel(node, axes)?;
        let groups = node.count("group", 1)?;
        let (window, rest) = Window::transposed(node, kernel, &[height, width][..axes])?;
        let spec = Spec::new("conv_transpose2d").set("inputs", inputs).set("outputs", outputs.saturating_mul(groups));
        let spec = window.set(spec.set("output_padding", [rest[0], rest.get(1).copied().unwrap_or(0)]));
        let weight = self.numbers(node, 1)?;
        let made = self.convolution(node, image, spec.set("groups", groups), weight)?;
        let view = if axes == 1 { made.view.squeezed(&[3])? } else { made.view.clone() };
        Ok(Data { view, ..made })
    }

    fn convolution(&mut self, node: &Node<'_>, field: (Value, Shape), spec: Spec, weight: Vec<f64>) -> Read<Data> {
        let mut found = Found::new(spec.set("bias", node.input(2).is_some())).with("weight", weight);
        if node.input(2).is_some() {
            node.expect("B", self.sizes(node, 2)?.len() == 1)?;
            found = found.with("bias", self.numbers(node, 2)?);
        }
        self.moved(field, &found)
    }

    pub(super) fn pool(&mut self, node: &'g Node<'g>) -> Read<Data> {
        let (mut field, over) = self.field(node)?;
        if node.attribute("kernel_shape").is_none() {
            return Err("it has no kernel_shape".into());
        }
        let mut window = Window::of(node, node.sizes("kernel_shape", over.len(), 0)?, &over)?;
        let data = self.data(node.needs(0)?)?;
        let of_steps = window.keeps_columns() && matches!(*data.view.sizes(), [None, Some(1), _, _]);
        // The numbering of positions, which only affects another output.
        node.int("storage_order", 0)?;
        let (kind, counts) = (node.op.trim_end_matches("Pool"), node.int("count_include_pad", 0)? != 0);
        let kind = if kind == "Max" { "max_pool" } else { "avg_pool" };
        let ceil = node.int("ceil_mode", 0)? != 0;
        // A layer pads at most half of its window.
        let deep = window.padding.iter().zip(&window.kernel).any(|(pads, n)| pads.iter().any(|pad| *pad > n / 2));
        if let (true, &[[above, below], [left, right]]) = (deep && !of_steps && !ceil, &*window.padding)
            && (kind == "max_pool" || counts)
        {
            let value = if kind == "max_pool" { f64::NEG_INFINITY } else { 0.0 };
            let padded = self.on(field, &padding("constant", value, [above, below, left, right]))?;
            field = (padded.value, padded.shape);
            window.padding = vec![[0, 0]; 2];
        }
        let axes = if of_steps { 1 } else { over.len() };
        let mut spec = window.set(Spec::new(format!("{kind}{axes}d")));
        spec = spec.set("ceil", ceil);
        if kind == "avg_pool" {
            // The layer counts the cells of windows without dilation.
            node.expect("dilations", window.dilation.iter().all(|&n| n == 1))?;
            spec = spec.set("counts_padding", counts);
        }
        if of_steps {
            // An image of one channel, whose columns are features.
            let sequence = self.arrange(&data, &[2, 3])?;
            let pooled = self.on(sequence, &Found::new(spec))?;
            return Ok(Data { view: pooled.view.unsqueezed(&[1])?, ..pooled });
        }
        self.moved(field, &Found::new(spec))
    }

    /// Padding of any axes but the batch; negative padding crops.
    pub(super) fn pad(&mut self, node: &'g Node<'g>) -> Read<Data> {
        let mut data = self.data(node.needs(0)?)?;
        let mode = match node.text("mode", "constant")? {
            "constant" => "constant",
            "edge" => "replicate",
            "reflect" => "reflect",
            other => return Err(format!("its mode is {other}").into()),
        };
        let pads = self.list(node, "pads", 1)?.ok_or("it has no pads")?;
        let value = if node.input(2).is_some() { self.number(node, 2)? } else { node.float("value", 0.0)? };
        let rank = data.view.0.len();
        let axes = if node.input(3).is_some() { whole(&self.ints(node, 3)?)? } else { (0..rank as i64).collect() };
        let mut cells = vec![[0, 0]; rank];
        if pads.len() != 2 * axes.len() {
            return Err(format!("it has the pads {pads:?} for {} axes", axes.len()).into());
        }
        for (i, &axis) in axes.iter().enumerate() {
            let position = super::view::position(axis, rank)?;
            node.expect("axes", cells[position] == [0, 0])?;
            cells[position] = [pads[i], pads[axes.len() + i]];
        }
        let whole = cells.iter().map(|pair| pair.map(|n| usize::try_from(n).ok())).collect::<Vec<_>>();
        if data.view.0[0] == Axis::Batch
            && let [[Some(0), Some(0)], [Some(0), Some(0)], [Some(above), Some(below)], [Some(left), Some(right)]] =
                *whole
        {
            let image = self.standard(&data)?;
            return self.on(image, &padding(mode, value, [above, below, left, right]));
        }
        for (axis, pads) in cells.into_iter().enumerate().filter(|(_, pads)| *pads != [0, 0]) {
            let size = data.view.0[axis].size().ok_or("it pads the batch")?;
            data = self.cut(&data, axis, pads.map(|n| n.min(0).unsigned_abs() as usize))?;
            let pads = pads.map(|n| n.max(0) as usize);
            if pads == [0, 0] {
                continue;
            }
            let canonical = self.canonical(&data)?;
            let stride = canonical.view.stride(axis);
            // The axis as the rows of an image.
            let mut sizes = canonical.view.sizes();
            let size = sizes[axis].unwrap_or(size);
            let shape = Shape::from([canonical.shape.len() / size / stride, size, stride]);
            let image = self.ordered(&canonical, &canonical.view.of_samples(), shape)?;
            let (value, shape) =
                self.layer(image.value, image.shape, &padding(mode, value, [pads[0], pads[1], 0, 0]))?;
            sizes[axis] = Some(size + pads[0] + pads[1]);
            data = Data { value, shape, view: View::contiguous(&sizes), integer: false };
        }
        Ok(data)
    }

    /// Resizes an image to any size; for integer factors with `Upsample`, where it gives the same values.
    pub(super) fn resize(&mut self, node: &'g Node<'g>) -> Read<Data> {
        let image = self.image(node)?;
        let Shape::Image { height, width, .. } = image.1 else { return Err("it takes no image".into()) };
        let old = self.opset < 11;
        let mode = node.text("mode", "nearest")?;
        let coordinates = node.text("coordinate_transformation_mode", if old { "asymmetric" } else { "half_pixel" })?;
        let rounded = node.text("nearest_mode", if old { "floor" } else { "round_prefer_floor" })?;
        node.expect("mode", matches!(mode, "nearest" | "linear" | "cubic"))?;
        let known = ["half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric"].contains(&coordinates);
        node.expect("coordinate_transformation_mode", known)?;
        node.expect("exclude_outside", node.int("exclude_outside", 0)? == 0)?;
        node.expect("keep_aspect_ratio_policy", node.text("keep_aspect_ratio_policy", "stretch")? == "stretch")?;
        node.expect("cubic_coeff_a", mode != "cubic" || node.float("cubic_coeff_a", -0.75)? == -0.75)?;
        // It belongs to another mode, and is read only to check its type.
        node.float("extrapolation_value", 0.0)?;
        let (size, scale) = self.new_size(node, [height, width], if old { [1, 3] } else { [2, 3] })?;
        let shrinks = size[0] < height || size[1] < width;
        node.expect("antialias", node.int("antialias", 0)? == 0 || mode == "nearest" || !shrinks)?;
        let factors = [size[0] / height, size[1] / width];
        let whole = size == [factors[0] * height, factors[1] * width]
            && (0..2).all(|axis| scale[axis] == 0.0 || scale[axis] == factors[axis] as f64);
        // For integer scales, the pixel's center is in the same input pixel either way.
        let half = coordinates.ends_with("half_pixel") && !(coordinates.starts_with('p') && size.contains(&1));
        let repeats = (coordinates, rounded) == ("asymmetric", "floor") || half && rounded.starts_with("round_prefer");
        if whole && (mode == "linear" && half || mode == "nearest" && repeats) {
            return self.upsampled(image, factors, mode == "linear");
        }
        let mode = if mode == "nearest" { rounded } else { mode };
        let spec = Spec::new("resize2d").set("size", size).set("scale", scale).set("mode", mode);
        self.on(image, &Found::new(spec.set("coordinates", coordinates)))
    }

    /// The new height and width of a resized image, and the scales if these are given, or 0.
    fn new_size(&mut self, node: &Node<'_>, old: [usize; 2], inputs: [usize; 2]) -> Read<([usize; 2], [f64; 2])> {
        let axes = if node.attribute("axes").is_some() { node.ints("axes")?.to_vec() } else { vec![0, 1, 2, 3] };
        let [scales, sizes] = inputs;
        // Before opset 11 there are scales only.
        let by_size = scales != 1 && node.input(sizes).is_some();
        let empty = |reader: &Self, name: &str| reader.index.constants.get(name).is_some_and(|x| x.dims.contains(&0));
        let (mut size, mut scale) = (old, [0.0; 2]);
        let wrong = |what: String| format!("it makes {what} of an image of {} x {} pixels", old[0], old[1]);
        if by_size {
            node.expect("scales", node.input(scales).is_none_or(|name| empty(self, name)))?;
            let after = self.ints(node, sizes)?;
            node.expect("sizes", after.len() == axes.len())?;
            for (&axis, n) in axes.iter().zip(&after) {
                let n = n.map(|n| usize::try_from(n).unwrap_or(0));
                match super::view::position(axis, 4)? {
                    0 => node.expect("sizes", n.is_none() || n == self.batch)?,
                    1 => node.expect("sizes", n == self.data(node.needs(0)?)?.view.sizes()[1])?,
                    axis => size[axis - 2] = n.filter(|&n| n > 0).ok_or_else(|| wrong(format!("{after:?}")))?,
                }
            }
            return Ok((size, scale));
        }
        let numbers = self.numbers(node, scales)?;
        node.expect("scales", numbers.len() == axes.len())?;
        for (&axis, &x) in axes.iter().zip(&numbers) {
            match super::view::position(axis, 4)? {
                0 | 1 => node.expect("scales", x == 1.0)?,
                axis => {
                    let n = (old[axis - 2] as f64 * x).floor();
                    if !(1.0..1e9).contains(&n) {
                        return Err(wrong(format!("the scales {numbers:?}")).into());
                    }
                    (size[axis - 2], scale[axis - 2]) = (n as usize, x);
                }
            }
        }
        Ok((size, scale))
    }

    /// The old name of `Resize`.
    pub(super) fn upsample(&mut self, node: &'g Node<'g>) -> Read<Data> {
        let image = self.image(node)?;
        node.expect("opset", self.opset < 10)?;
        node.expect("mode", node.text("mode", "nearest")? == "nearest")?;
        let scales = match node.attribute("scales") {
            Some(Attribute::Floats(scales)) if node.inputs.len() == 1 => scales.iter().map(|&x| f64::from(x)).collect(),
            _ => self.numbers(node, 1)?,
        };
        self.scaled(image, &scales, false)
    }

    fn scaled(&mut self, image: (Value, Shape), scales: &[f64], bilinear: bool) -> Read<Data> {
        let whole = |scale: f64| scale >= 1.0 && scale.fract() == 0.0 && scale < 1e9;
        match *scales {
            [1.0, 1.0, down, across] if whole(down) && whole(across) => {
                self.upsampled(image, [down as usize, across as usize], bilinear)
            }
            _ => Err(format!("it has the scales {scales:?}, not integers for rows and columns").into()),
        }
    }

    fn upsampled(&mut self, image: (Value, Shape), scale: [usize; 2], bilinear: bool) -> Read<Data> {
        self.on(image, &Found::new(Spec::new("upsample").set("scale", scale).set("bilinear", bilinear)))
    }
}

/// A layer that pads images.
fn padding(mode: &str, value: f64, cells: [usize; 4]) -> Found {
    let spec = Spec::new("pad2d").set("cells", cells);
    Found::new(match mode {
        "constant" if value == 0.0 => spec.set("mode", "zero"),
        "constant" => spec.set("mode", mode).set("value", value),
        _ => spec.set("mode", mode),
    })
}

/// An array of three axes with the axes reversed.
fn reversed(numbers: &[f64], [a, b, c]: [usize; 3]) -> Vec<f64> {
    let positions = (0..c).flat_map(|k| (0..b).flat_map(move |j| (0..a).map(move |i| (i * b + j) * c + k)));
    positions.map(|position| numbers[position]).collect()
}
