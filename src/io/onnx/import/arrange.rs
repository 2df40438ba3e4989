//! Puts values into the memory order that layers need.

use super::view::{Axis, View, merged, position};
use super::{Data, Found, Read, Reader, any_shape, shape_of};
use crate::spec::Spec;
use crate::{Scalar, Shape, Value};

/// An axis of a new value as sizes and strides in the old one, outermost first; `None` is the batch.
pub(super) type Taken = Option<Vec<(usize, isize)>>;

impl<A: Scalar> Reader<'_, A> {
    /// The value with samples of these ONNX axes, in this order; all other axes are the batch or of size 1.
    pub(super) fn arrange(&mut self, data: &Data, order: &[usize]) -> Read<(Value, Shape)> {
        let sizes: Vec<usize> = order.iter().filter_map(|&axis| data.view.0[axis].size()).collect();
        let shape = shape_of(&sizes)?;
        Ok((self.ordered(data, order, shape)?.value, shape))
    }

    /// The value with samples of this shape, whose axes are these ONNX axes in order, without the batch.
    pub(super) fn ordered(&mut self, data: &Data, order: &[usize], shape: Shape) -> Read<Data> {
        let axes: Vec<&Axis> = order.iter().map(|&axis| &data.view.0[axis]).collect();
        let factors = axes.iter().map(|axis| if let Axis::Of(factors) = axis { Some(&**factors) } else { None });
        let factors = factors.collect::<Option<Vec<_>>>().ok_or("the batch is not its first axis")?.concat();
        let factors = merged(factors);
        let size = factors.iter().map(|[size, _]| size).product::<usize>();
        if [shape.len(), size] != [data.shape.len(); 2] {
            return Err(format!("it has other axes than those of {shape}").into());
        }
        let (mut view, mut stride) = (data.view.clone(), 1);
        for &axis in order.iter().rev() {
            let size = data.view.0[axis].size().unwrap_or(1);
            view.0[axis] = Axis::new(size, stride);
            stride *= size;
        }
        let key = (data.value, factors.clone(), shape);
        let value = match self.arranged.get(&key) {
            Some(&value) => value,
            None if factors.len() < 2 => self.reshape(data.value, data.shape, shape)?,
            None => self.permute(data, &axes, &factors, shape)?,
        };
        self.arranged.insert(key, value);
        Ok(Data { value, shape, view, integer: data.integer })
    }

    /// Reshapes the samples of a value, with a layer if the shape changes.
    fn reshape(&mut self, value: Value, from: Shape, to: Shape) -> Read<Value> {
        let spec = match to {
            _ if from == to => return Ok(value),
            Shape::Flat(_) => Spec::new("flatten"),
            shape => Spec::new("reshape").set("shape", shape),
        };
        Ok(self.layer(value, from, &Found::new(spec))?.0)
    }

    fn permute(&mut self, data: &Data, axes: &[&Axis], factors: &[[usize; 2]], to: Shape) -> Read<Value> {
        // Whole axes of the samples are permuted; parts of axes are gathered by their strides.
        let whole = View::of(data.shape);
        let mut left: Vec<Option<&Axis>> = whole.0[1..].iter().map(Some).collect();
        let positions = axes.iter().map(|&axis| {
            let position = left.iter().position(|other| *other == Some(axis))?;
            left[position] = None;
            Some(position)
        });
        let positions = positions.collect::<Option<Vec<_>>>().filter(|positions| positions.len() == left.len());
        let Some(positions) = positions else {
            let axes: Vec<(usize, isize)> = factors.iter().map(|&[size, stride]| (size, stride as isize)).collect();
            return Ok(self.layer(data.value, data.shape, &strided(data.shape, to, &axes, 0))?.0);
        };
        let permute = Found::new(Spec::new("permute").set("axes", positions));
        let (value, shape) = self.layer(data.value, data.shape, &permute)?;
        self.reshape(value, shape, to)
    }

    /// A new value whose samples are taken by strides from those of another.
    pub(super) fn taken(&mut self, data: &Data, axes: &[Taken], offset: usize) -> Read<Data> {
        let size = |axis: &Taken| axis.as_ref().map(|factors| product(factors));
        let sizes: Vec<Option<usize>> = axes.iter().map(size).collect();
        let shape = any_shape(&sizes.iter().copied().flatten().collect::<Vec<_>>())?;
        let all: Vec<(usize, isize)> = axes.iter().flatten().flatten().copied().collect();
        let (value, shape) = self.layer(data.value, data.shape, &strided(data.shape, shape, &all, offset))?;
        Ok(Data { value, shape, view: View::contiguous(&sizes), integer: data.integer })
    }

    /// The axes that leave a value in ONNX's order unchanged.
    pub(super) fn whole(data: &Data) -> Vec<Taken> {
        let of = |axis: &Axis| match axis {
            Axis::Batch => None,
            Axis::Of(factors) => Some(factors.iter().map(|&[size, stride]| (size, stride as isize)).collect()),
        };
        data.view.0.iter().map(of).collect()
    }

    /// The value with samples in ONNX's own order; the batch stays where it is.
    pub(super) fn canonical(&mut self, data: &Data) -> Read<Data> {
        let order = data.view.of_samples();
        let sizes: Vec<usize> = order.iter().filter_map(|&axis| data.view.0[axis].size()).collect();
        self.ordered(data, &order, any_shape(&sizes)?)
    }

    /// The value with samples in ONNX's own order after the batch.
    pub(super) fn standard(&mut self, data: &Data) -> Read<(Value, Shape)> {
        if data.view.0.first() != Some(&Axis::Batch) {
            return Err("the batch is not its first axis".into());
        }
        let data = self.canonical(data)?;
        Ok((data.value, data.shape))
    }

    /// The value arranged so that an ONNX axis is the channel or feature axis here.
    pub(super) fn with_channels(&mut self, data: &Data, axis: i64) -> Read<Data> {
        let axis = data.view.axis(axis)?;
        if data.view.0[axis] == View::channels(data.shape) {
            return Ok(data.clone());
        }
        if (data.view.0.len(), axis, &data.view.0[0]) == (4, 1, &Axis::Batch) {
            return self.canonical(data);
        }
        self.with_axis_last(data, axis)
    }

    /// The value with an ONNX axis as features, and all others as steps.
    pub(super) fn with_axis_last(&mut self, data: &Data, axis: usize) -> Read<Data> {
        let Some(size) = data.view.0[axis].size() else { return Err("it works along the batch".into()) };
        let order: Vec<usize> =
            data.view.of_samples().into_iter().filter(|&other| other != axis).chain([axis]).collect();
        self.ordered(data, &order, steps_of(data.shape.len(), size))
    }

    /// The value with all axes from this one on as features, and all earlier ones as steps.
    pub(super) fn with_rest(&mut self, data: &Data, axis: usize) -> Read<Data> {
        let order = data.view.of_samples();
        let rest = order.iter().filter(|&&other| other >= axis).filter_map(|&other| data.view.0[other].size());
        let features = rest.product();
        self.ordered(data, &order, steps_of(data.shape.len(), features))
    }

    /// The number of channels or features.
    pub(super) fn channels(data: &Data) -> usize {
        View::channels(data.shape).size().unwrap_or(1)
    }

    /// The value broadcast along axes of size 1 to these sizes; `None` is the batch.
    pub(super) fn broadcast(&mut self, data: &Data, sizes: &[Option<usize>]) -> Read<Data> {
        let own = data.view.sizes();
        let more = sizes.len().checked_sub(own.len()).ok_or("it has more axes than what it is combined with")?;
        let data = Data { view: data.view.unsqueezed(&(0..more as i64).collect::<Vec<_>>())?, ..data.clone() };
        if data.view.sizes() == sizes {
            return Ok(data);
        }
        let data = self.canonical(&data)?;
        let mut axes = Self::whole(&data);
        for (axis, (own, want)) in axes.iter_mut().zip(data.view.sizes().into_iter().zip(sizes)) {
            match (own, *want) {
                (own, want) if own == want => {}
                (Some(1), Some(want)) => *axis = Some(vec![(want, 0)]),
                _ => return Err(format!("its sizes {own:?} and {want:?} do not combine").into()),
            }
        }
        self.taken(&data, &axes, 0)
    }
}

/// The product of the sizes.
fn product(factors: &[(usize, isize)]) -> usize {
    factors.iter().fold(1, |product, &(size, _)| product.saturating_mul(size))
}

/// A sequence of `len` numbers in all, or flat features if it has one step.
fn steps_of(len: usize, features: usize) -> Shape {
    match len.checked_div(features) {
        Some(steps) if steps > 1 => [steps, features].into(),
        _ => features.into(),
    }
}

/// The layer whose output has these axes, as sizes and strides in a sample from `offset` on.
pub(super) fn strided(input: Shape, shape: Shape, axes: &[(usize, isize)], offset: usize) -> Found {
    let mut joined: Vec<(usize, isize)> = Vec::new();
    for &(size, stride) in axes.iter().filter(|(size, _)| *size != 1) {
        match joined.last_mut() {
            // A network rejects what saturates.
            Some((outer, outer_stride)) if *outer_stride == (size as isize).saturating_mul(stride) => {
                (*outer, *outer_stride) = (outer.saturating_mul(size), stride);
            }
            _ => joined.push((size, stride)),
        }
    }
    if joined.is_empty() {
        joined.push((1, 1));
    }
    let (sizes, strides): (Vec<usize>, Vec<f64>) = joined.into_iter().map(|(n, stride)| (n, stride as f64)).unzip();
    let spec =
        Spec::new("strided").set("input", input.len()).set("shape", shape).set("sizes", sizes).set("strides", strides);
    Found::new(spec.set("offset", offset))
}

/// Indices as nested arithmetic progressions from the first, outermost first; `None` if they do not form any.
pub(super) fn progressions(indices: &[usize]) -> Option<Vec<(usize, isize)>> {
    let (mut axes, mut starts) = (Vec::new(), indices.iter().map(|&i| i as isize).collect::<Vec<_>>());
    while starts.len() > 1 {
        let stride = starts[1] - starts[0];
        let run = starts.windows(2).take_while(|pair| pair[1] - pair[0] == stride).count() + 1;
        let even = |row: &[isize]| row.windows(2).all(|pair| pair[1] - pair[0] == stride);
        if !starts.len().is_multiple_of(run) || !starts.chunks(run).all(even) {
            return None;
        }
        starts = starts.into_iter().step_by(run).collect();
        axes.push((run, stride));
    }
    axes.reverse();
    Some(axes)
}

/// Axes among `rank`, which may be counted from the end, as indices, sorted and without repetition.
pub(super) fn positions(axes: &[i64], rank: usize) -> Read<Vec<usize>> {
    let mut positions = axes.iter().map(|&axis| position(axis, rank)).collect::<Result<Vec<_>, _>>()?;
    positions.sort_unstable();
    positions.dedup();
    Ok(positions)
}
