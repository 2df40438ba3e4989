//! Saved and loaded: the same network, to the last bit.

use std::fs;

use neuropil::activations::Threshold;
use neuropil::io::SafeTensors;
use neuropil::layer::{Backward, Info, Pass, Role};
use neuropil::layer::{Parts, Registry, Restore};
use neuropil::ndarray::{Array2, array};
use neuropil::prelude::*;
use neuropil::spec::Spec;

use super::{builder, readers, zoo};

fn every_layer_comes_back<A: Scalar>() {
    let (mut layers, mut arrays) = (0, 0);
    for entry in zoo::layers::<A>() {
        let network = &entry.network;
        let bytes = network.to_bytes().unwrap_or_else(|error| panic!("{}: {error}", entry.name));
        let again = Sequential::<A>::from_bytes(&bytes).unwrap_or_else(|error| panic!("{}: {error}", entry.name));
        assert_eq!(again.to_string(), network.to_string());
        // Names, sizes, numbers and settings are all in the file.
        assert!(again.to_bytes().unwrap() == bytes, "{}", entry.name);
        let x = entry.batch(3, 1);
        let bits = |y: Array2<A>| y.iter().map(|y| y.to_f64().to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(again.predict(&x).unwrap()), bits(network.predict(&x).unwrap()), "{}", entry.name);
        let file = SafeTensors::parse(&bytes).unwrap();
        network.visit(&mut |info, matrix| {
            let name = info.name.to_string();
            assert_eq!(file.shape(&name), Some(info.dims), "{}: {name}", entry.name);
            assert!(file.numbers::<A>(&name).unwrap().iter().eq(matrix), "{}: {name}", entry.name);
            arrays += 1;
        });
        layers += 1;
    }
    assert!(layers >= 40 && arrays >= 10, "{layers} layers, {arrays} arrays");
}

#[test]
fn every_layer_comes_back_in_f32_and_f64() {
    every_layer_comes_back::<f32>();
    every_layer_comes_back::<f64>();
}

#[test]
fn unusual_numbers_keep_their_bits() -> Result<()> {
    let weight = array![[f64::NAN, -0.0, f64::INFINITY], [f64::MIN_POSITIVE / 4.0, f64::MAX, 0.1]];
    let network = Sequential::new(2).with(Dense::from_parameters(weight.clone(), array![-f64::NAN, 1e-300, 1.0])?)?;
    let again = Sequential::<f64>::from_bytes(&network.to_bytes()?)?.parameter("0.weight").unwrap();
    assert!(again.iter().zip(&weight).all(|(a, b)| a.to_bits() == b.to_bits()));

    let signalling = f32::from_bits(0x7f80_0001);
    let network = Sequential::new(1).with(Dense::from_parameters(array![[signalling]], array![0.0])?)?;
    let bytes = network.to_bytes()?;
    let again = Sequential::<f32>::from_bytes(&bytes)?.parameter("0.weight").unwrap();
    assert_eq!(again[[0, 0]].to_bits(), 0x7f80_0001);
    Ok(())
}

/// As other programs may write the header: in another order, with blanks, and with texts that look like a checksum.
#[test]
fn the_checksum_may_stand_anywhere() -> Result<()> {
    let network = Sequential::<f32>::mlp(&[2, 3], Tanh, &mut rng(1))?;
    let bytes = network.to_bytes()?;
    let end = 8 + u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let header = String::from_utf8(bytes[8..end].to_vec()).unwrap();
    let first = header.find(r#""checksum":"#).unwrap();
    let rest = header[first + r#""checksum":"01234567","#.len()..].trim_end();
    let more = r#""note":"a \"checksum\":\"76543210\"","checksum ":"x","name":"checksum","checksum" : "00000000","#;
    let header = format!("{}{more}{rest}", &header[..first]);
    let mut moved = [&(header.len() as u64).to_le_bytes(), header.as_bytes(), &bytes[end..]].concat();
    assert!(Sequential::<f32>::from_bytes(&moved).unwrap_err().to_string().contains("it is damaged"));
    let at = moved.windows(8).position(|digits| digits == b"00000000").unwrap();
    let sum = readers::crc32(moved[..at].iter().chain(&moved[at + 8..]));
    moved[at..at + 8].copy_from_slice(format!("{sum:08x}").as_bytes());
    assert_eq!(Sequential::<f32>::from_bytes(&moved)?.to_bytes()?, bytes);
    Ok(())
}

#[test]
fn settings_come_back_exactly() -> Result<()> {
    let mut network = Sequential::<f64>::new([2, 3])
        .with(Elu::new(1.0 / 3.0))?
        .with(Threshold::new(-0.0, 1e300))?
        .with(HardTanh::new(f64::NEG_INFINITY, f64::INFINITY))?
        .with(Sequential::new([2, 3]).with(Celu::new(5e-324))?.with(Dense::new(3, 2, &mut rng(1)))?)?;
    network.set_layer_rate(3, 0.1)?;
    let again = Sequential::<f64>::from_bytes(&network.to_bytes()?)?;
    assert_eq!(again.spec(), network.spec());
    assert_eq!((again.input(), again.output()), ([2, 3].into(), [2, 2].into()));
    Ok(())
}

#[test]
fn a_file_is_replaced_and_keeps_its_permissions() -> Result<()> {
    let folder = builder::folder("replaced");
    let path = folder.join("model");
    let (one, two) =
        (Sequential::<f32>::mlp(&[2, 3], Tanh, &mut rng(1))?, Sequential::<f32>::mlp(&[4, 5], Tanh, &mut rng(2))?);
    one.save(&path)?;
    assert_eq!(fs::read(&path).unwrap(), one.to_bytes()?);
    #[cfg(unix)]
    let link = {
        use std::os::unix::fs::{PermissionsExt, symlink};
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        symlink(&path, folder.join("link")).unwrap();
        folder.join("link")
    };
    #[cfg(not(unix))]
    let link = path.clone();
    two.save(&link)?;
    assert_eq!(fs::read(&path).unwrap(), two.to_bytes()?);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    }
    let mut permissions = fs::metadata(&path).unwrap().permissions();
    permissions.set_readonly(true);
    fs::set_permissions(&path, permissions).unwrap();
    assert!(
        matches!(one.save(&path).unwrap_err(), Error::Save { error, .. } if error.to_string() == "it is read-only")
    );
    assert_eq!(fs::read(&path).unwrap(), two.to_bytes()?);
    for (path, problem) in [("no/such/folder/model", "No such file"), ("..", "it is a folder"), ("", "it is a folder")]
    {
        let error = one.save(folder.join(path)).unwrap_err();
        assert!(matches!(&error, Error::Save { .. }) && error.to_string().contains(problem), "{error}");
    }
    assert!(matches!(Sequential::<f32>::load(folder.join("none")), Err(Error::File { .. })));
    Ok(())
}

#[cfg(unix)]
#[test]
fn links_are_written_through_and_what_is_no_file_is_refused() -> Result<()> {
    use std::os::unix::fs::{FileTypeExt as _, symlink};

    let folder = builder::folder("links");
    let network = Sequential::<f32>::mlp(&[2, 3], Tanh, &mut rng(1))?;
    // A link to a link to a file that is not there yet.
    fs::create_dir(folder.join("inside")).unwrap();
    symlink("inside/model", folder.join("link")).unwrap();
    symlink(folder.join("link"), folder.join("inside/back")).unwrap();
    network.save(folder.join("inside/back"))?;
    assert_eq!(fs::read(folder.join("inside/model")).unwrap(), network.to_bytes()?);
    for link in ["link", "inside/back"] {
        assert!(fs::symlink_metadata(folder.join(link)).unwrap().is_symlink());
    }
    assert_eq!(fs::read_dir(folder.join("inside")).unwrap().count(), 2);
    symlink("round", folder.join("round")).unwrap();
    let error = network.save(folder.join("round")).unwrap_err().to_string();
    assert!(error.ends_with("its symbolic links do not end"), "{error}");
    // A device is written to, or refused, but never replaced by a file.
    symlink("/dev/full", folder.join("full")).unwrap();
    let error = network.save(folder.join("full")).unwrap_err().to_string();
    assert!(error.ends_with("it is a device, pipe or socket, not a file"), "{error}");
    assert!(fs::metadata("/dev/full").unwrap().file_type().is_char_device());
    Ok(())
}

#[test]
fn many_threads_may_save_to_one_path() {
    let folder = builder::folder("threads");
    let path = folder.join("model");
    std::thread::scope(|scope| {
        for seed in 0..4 {
            let path = &path;
            scope.spawn(move || {
                let network = Sequential::<f32>::mlp(&[20, 20], Tanh, &mut rng(seed)).unwrap();
                for _ in 0..20 {
                    network.save(path).unwrap();
                    Sequential::<f32>::load(path).unwrap();
                }
            });
        }
    });
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
}

#[test]
fn the_wrong_network_is_told_so_and_stays() -> Result<()> {
    let r = &mut rng(3);
    let base = || Sequential::<f64>::new(3);
    let in_file = base().with(Dense::new(3, 4, &mut rng(1)))?.with(Tanh)?.with(Dense::new(4, 2, &mut rng(2)))?;
    let path = builder::folder("wrong").join("model");
    in_file.save(&path)?;
    let cases = [
        (base().with(Dense::new(3, 5, r))?, "layer 0, dense: `outputs` is 4 in the file, not 5"),
        (base().with(Dense::new(3, 4, r).without_bias())?, "layer 0, dense: `bias` is true in the file, not false"),
        (base().with(Dense::new(3, 4, r))?.with(Relu)?, "layer 1, tanh in the file, not relu"),
        (base().with(Dense::new(3, 4, r))?.with(Tanh)?, "3 layers in the file, not 2"),
        (
            Sequential::new([2, 3]).with(Dense::new(3, 4, r))?.with(Tanh)?.with(Dense::new(4, 2, r))?,
            "sequential: `input` is [3] in the file, not [2,3]",
        ),
        (base().with(base().with(Dense::new(3, 4, r))?)?, "layer 0, dense in the file, not sequential"),
    ];
    for (mut network, problem) in cases {
        let before = network.to_bytes()?;
        let error = network.load_parameters(&path).unwrap_err();
        assert_eq!(error.to_string(), format!("{}: {problem}", path.display()));
        assert!(network.to_bytes()? == before);
    }
    let mut network = base().with(Dense::new(3, 4, r))?.with(Tanh)?.with(Dense::new(4, 2, r))?;
    network.freeze(0)?;
    network.load_parameters(&path)?;
    let x = zoo::random(4, 3, 1);
    assert_eq!(network.predict(&x)?, in_file.predict(&x)?);
    let error = Sequential::<f32>::load(&path).unwrap_err();
    let advice = "its numbers are f64, not f32; load it as f64";
    assert_eq!(error.to_string(), format!("{}: {advice}", path.display()));
    Ok(())
}

/// A layer of a user: adds a vector.
#[derive(Debug, Clone)]
struct Shift(Array2<f32>);

impl Layer<f32> for Shift {
    fn output_shape(&self, input: Shape) -> Result<Shape> {
        Ok(input)
    }
    fn forward(&self, x: &Matrix<f32>, y: &mut Matrix<f32>, _: &mut Pass<'_>) -> Result<()> {
        y.assign(x);
        *y += &*self.0;
        Ok(())
    }
    fn backward(&self, _: Backward<'_, f32>, _: &mut Pass<'_>) -> Result<()> {
        Ok(())
    }
    fn visit(&self, f: &mut dyn FnMut(Info<'_>, &Array2<f32>)) {
        f(Info { name: &"shift", role: Role::Bias, dims: &[self.0.len()] }, &self.0);
    }
    fn spec(&self) -> Option<Spec> {
        Some(Spec::new("shift").set("size", self.0.len()))
    }
}

impl Restore<f32> for Shift {
    const KIND: &'static str = "shift";
    fn restore(parts: &mut Parts<'_, f32>) -> Result<Self> {
        let size = parts.spec().count("size")?;
        Ok(Self(parts.array("shift", 1, size)?))
    }
}

/// A layer without a description.
#[derive(Debug, Clone)]
struct Secret;

impl Activation for Secret {
    fn apply<A: Scalar>(&self, x: A) -> A {
        x
    }
    fn slope<A: Scalar>(&self, _: A, _: A) -> A {
        A::ONE
    }
}

#[test]
fn layers_of_users_travel_when_they_can_be_described() -> Result<()> {
    let network = Sequential::new(2).with(Shift(array![[1.0, 2.0]]))?;
    let path = builder::folder("users").join("model");
    network.save(&path)?;
    let error = Sequential::<f32>::load(&path).unwrap_err();
    let problem = "layer 0, the layer shift: no layer of this kind is known; call `Registry::register` for it";
    assert_eq!(error.to_string(), problem);
    let mut registry = Registry::new();
    registry.register::<Shift>();
    let again = Sequential::load_with(&path, &registry)?;
    assert_eq!(again.predict(&array![[10.0, 20.0]])?, array![[11.0, 22.0]]);

    let network = Sequential::<f32>::new(2).with(Tanh)?.with(Secret)?;
    let error = network.save(&path).unwrap_err();
    assert_eq!(error.to_string(), "layer 1, Secret, cannot be saved; implement `spec` for it");
    assert!(Sequential::load_with(&path, &registry).is_ok());
    Ok(())
}

/// A layer with this description.
#[derive(Debug, Clone)]
struct Odd(Spec);
impl Activation for Odd {
    fn apply<A: Scalar>(&self, x: A) -> A {
        x
    }
    fn slope<A: Scalar>(&self, _: A, _: A) -> A {
        A::ONE
    }
    fn spec(&self) -> Option<Spec> {
        Some(self.0.clone())
    }
}

#[test]
fn what_cannot_be_read_again_is_not_written() {
    let mut nest = Sequential::<f32>::new(1).with(Tanh).unwrap();
    for _ in 0..70 {
        nest = Sequential::new(1).with(nest).unwrap();
    }
    let error = nest.to_bytes().unwrap_err();
    assert!(error.to_string().contains("recursion limit"), "{error}");

    let odd = [
        Spec::new("odd").set("kind", "other"),
        Spec::new("odd").set("x", 1.0).set("x", 2.0),
        Spec::new("odd").set("long", "x".repeat(1 << 20).as_str()),
        Spec::new("odd").set("x", neuropil::spec::Setting::Number(f64::NAN)),
    ];
    for spec in odd {
        let network = Sequential::<f32>::new(1).with(Odd(spec)).unwrap();
        assert!(matches!(network.to_bytes(), Err(Error::Format { .. })));
    }
}

/// A layer of another crate that reports wrong sizes.
#[derive(Debug, Clone)]
struct Liar(Dense<f32>);

impl Layer<f32> for Liar {
    fn output_shape(&self, input: Shape) -> Result<Shape> {
        self.0.output_shape(input)
    }

    fn forward(&self, x: &Matrix<f32>, y: &mut Matrix<f32>, pass: &mut Pass<'_>) -> Result<()> {
        self.0.forward(x, y, pass)
    }

    fn backward(&self, at: Backward<'_, f32>, pass: &mut Pass<'_>) -> Result<()> {
        self.0.backward(at, pass)
    }

    fn visit(&self, f: &mut dyn FnMut(Info<'_>, &Array2<f32>)) {
        self.0.visit(&mut |info, matrix| f(Info { dims: &[7], ..info }, matrix));
    }

    fn visit_mut(&mut self, f: &mut dyn FnMut(Info<'_>, &mut Array2<f32>)) {
        self.0.visit_mut(f);
    }

    fn spec(&self) -> Option<Spec> {
        Some(Spec::new("dense"))
    }
}

#[test]
fn sizes_that_are_none_are_not_written() {
    let network = Sequential::new(3).with(Liar(Dense::new(3, 2, &mut rng(1)))).unwrap();
    let path = std::env::temp_dir().join(format!("neuropil-liar-{}", std::process::id()));
    let told = "0.weight cannot be saved; its layer's `visit` gives the dimensions [7], but it has 6 elements";
    assert!(network.to_bytes().unwrap_err().to_string().contains(told));
    for names in [neuropil::io::Names::new(), neuropil::io::Names::keras()] {
        let error = network.save_state_dict(&path, &names).unwrap_err();
        assert!(error.to_string().contains(told), "{error}");
    }
    assert!(!path.exists());
}
