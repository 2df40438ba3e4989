//! [`Mnist`]: 70,000 handwritten digits, read from their files.

use std::io;
use std::path::Path;

use crate::data::{Idx, Samples, read_idx};
use crate::{Error, Result, Scalar};

/// The MNIST digits (`LeCun`, Cortes and Burges, from data of NIST): 60,000 training and 10,000 test samples.
///
/// x is (samples, 784), row by row, with each pixel from 0 (white) to 1 (black); target is (samples, 1) with the digit.
/// Files in the same format load as well, such as Fashion-MNIST.
///
/// ```no_run
/// use neuropil::data::Mnist;
///
/// let Mnist { train, test } = Mnist::<f32>::load("mnist")?;
/// assert_eq!(train.x.dim(), (60_000, 784));
/// # Ok::<(), neuropil::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Mnist<A: Scalar> {
    /// The training samples.
    pub train: Samples<A>,
    /// The test samples.
    pub test: Samples<A>,
}

impl<A: Scalar> Mnist<A> {
    /// Reads the files `train-images-idx3-ubyte`, `train-labels-idx1-ubyte`, `t10k-images-idx3-ubyte` and
    /// `t10k-labels-idx1-ubyte` of this folder; with the feature `gzip`, also with the extension `.gz`.
    ///
    /// # Errors
    /// [`Error::File`] if one of them is missing, with an address to get it from; [`Error::Format`] if one is invalid.
    pub fn load(folder: impl AsRef<Path>) -> Result<Self> {
        let folder = folder.as_ref();
        let (train, size) = load(folder, "train", None)?;
        let (test, _) = load(folder, "t10k", Some(size))?;
        Ok(Self { train, test })
    }
}

/// The samples of two files, and the height and width of their images, which must equal `size` if given.
fn load<A: Scalar>(folder: &Path, part: &str, size: Option<[usize; 2]>) -> Result<(Samples<A>, [usize; 2])> {
    let (images_name, labels_name) = (format!("{part}-images-idx3-ubyte"), format!("{part}-labels-idx1-ubyte"));
    let (images, labels) = (read(folder, &images_name)?, read(folder, &labels_name)?);
    let wrong = |name: &str, problem| {
        let what = folder.join(name).display().to_string();
        Err(Error::Format { what, problem })
    };
    let [count, height, width] = *images.dims() else {
        return wrong(&images_name, format!("pictures must have three dimensions, these are {:?}", images.dims()));
    };
    if let Some([h, w]) = size.filter(|size| *size != [height, width]) {
        return wrong(&images_name, format!("the pictures are {height} x {width}, those to learn from {h} x {w}"));
    }
    if *labels.dims() != [count] {
        return wrong(&labels_name, format!("{count} pictures need as many labels, these are {:?}", labels.dims()));
    }
    if let Some(label) = labels.data().iter().find(|label| **label > 9) {
        return wrong(&labels_name, format!("a label must be from 0 to 9, one is {label}"));
    }
    let mut x = images.matrix();
    x.mapv_inplace(|pixel| pixel / A::of(255.0));
    Ok((Samples { x, target: labels.matrix() }, [height, width]))
}

/// The file of this name, or the compressed one.
fn read(folder: &Path, name: &str) -> Result<Idx> {
    let plain = folder.join(name);
    let zipped = folder.join(format!("{name}.gz"));
    match (plain.exists(), zipped.exists()) {
        (true, _) => read_idx(plain),
        (false, true) => read_idx(zipped),
        (false, false) => {
            let problem = format!(
                "there is neither {name} nor {name}.gz; put the four files of MNIST into this folder, for example from \
                 https://ossci-datasets.s3.amazonaws.com/mnist/{name}.gz"
            );
            Err(Error::file(&plain, io::Error::new(io::ErrorKind::NotFound, problem)))
        }
    }
}
