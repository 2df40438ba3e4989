//! Arrays to and from NumPy, against files that it wrote: see `tests/fixtures/numpy`.

#![cfg(feature = "npz")]

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use neuropil::io::{from_npy, from_npz, read_npy, read_npz, to_npy, write_npy, write_npz};
use neuropil::ndarray::{ArrayD, Axis, IxDyn, array, s};
use neuropil::prelude::*;
use neuropil::rand::Rng;

fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/numpy").join(name)
}

fn numbers(shape: &[usize], f: impl Fn(f64) -> f64) -> ArrayD<f64> {
    let count = shape.iter().product::<usize>();
    ArrayD::from_shape_vec(IxDyn(shape), (0..count).map(|i| f(i as f64)).collect()).unwrap()
}

#[test]
fn every_number_type_and_order_is_read() -> Result<()> {
    let mut files = 0;
    for entry in fs::read_dir(fixture("")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        let want = match name {
            "bool.npy" => numbers(&[2, 3], |i| f64::from(i > 2.0)),
            "scalar.npy" => numbers(&[], |_| 2.5),
            "empty.npy" => numbers(&[0, 3], |i| i),
            "cube.npy" => numbers(&[2, 3, 4], |i| i),
            "fortran.npy" | "version_1.npy" | "version_2.npy" | "version_3.npy" => numbers(&[2, 3], |i| i / 2.0 - 1.0),
            _ if name.ends_with("_little.npy") || name.ends_with("_big.npy") => {
                numbers(&[2, 3], |i| if name.starts_with('u') { i } else { i - 2.0 })
            }
            _ => continue,
        };
        assert_eq!(read_npy::<f64>(&path)?, want, "{name}");
        assert_eq!(read_npy::<f32>(&path)?, want.mapv(|x| x as f32), "{name}");
        files += 1;
    }
    assert_eq!(files, 25);
    Ok(())
}

#[test]
fn what_is_no_array_of_numbers_is_refused() {
    for (name, problem) in [
        ("object.npy", "its numbers are `|O`"),
        ("complex.npy", "its numbers are `<c16`"),
        ("text.npy", "its numbers are `<U2`"),
        ("structured.npy", "not that of one array of numbers"),
    ] {
        let error = read_npy::<f64>(fixture(name)).unwrap_err();
        assert!(matches!(&error, Error::Format { .. }) && error.to_string().contains(problem), "{name}: {error}");
    }
    assert!(matches!(read_npy::<f64>(fixture("none.npy")), Err(Error::File { .. })));
}

#[test]
fn our_files_are_those_of_numpy() -> Result<()> {
    for name in ["f4_little.npy", "f8_little.npy", "empty.npy", "cube.npy", "scalar.npy"] {
        let bytes = fs::read(fixture(name)).unwrap();
        let ours =
            if name.starts_with("f4") { to_npy(&from_npy::<f32>(&bytes)?) } else { to_npy(&from_npy::<f64>(&bytes)?) };
        assert!(ours == bytes, "{name}: {:?}", String::from_utf8_lossy(&ours[..128]));
    }
    let (x, path) = (numbers(&[5, 4], |i| i * i), PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("views.npy"));
    for view in [x.view(), x.t(), x.slice(s![1..;2, ..]).into_dyn(), x.slice(s![.., ..;-1]).into_dyn()] {
        write_npy(&path, &view)?;
        assert_eq!(read_npy::<f64>(&path)?, view);
    }
    Ok(())
}

#[test]
fn archives_come_and_go() -> Result<()> {
    let x = numbers(&[2, 3], |i| i / 2.0 - 1.0);
    let stored = read_npz::<f64>(fixture("stored.npz"))?;
    assert_eq!(stored.keys().collect::<Vec<_>>(), ["half", "labels", "x"]);
    assert_eq!((&stored["x"], &stored["half"], &stored["labels"]), (&x, &x, &numbers(&[3], |i| i)));
    let deflated = read_npz::<f64>(fixture("deflated.npz"))?;
    assert_eq!((&deflated["x"], &deflated["zeros"]), (&x, &numbers(&[100, 100], |_| 0.0)));
    assert_eq!(deflated["empty"].shape(), [0]);
    let positional = read_npz::<f32>(fixture("positional.npz"))?;
    assert_eq!(positional["arr_1"], x.mapv(|x| -x as f32));

    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("ours.npz");
    write_npz(&path, [("x", x.view()), ("größe", x.view().insert_axis(Axis(0)))])?;
    let ours = read_npz::<f64>(&path)?;
    assert_eq!((&ours["x"], ours["größe"].shape()), (&x, &[1, 2, 3][..]));
    write_npz(&path, [("a", array![1.0].view().into_dyn()), ("a", array![2.0].view().into_dyn())])?;
    assert!(read_npz::<f64>(&path).unwrap_err().to_string().ends_with("it has `a.npy` twice"));
    Ok(())
}

/// An npy file with this header.
fn npy(header: &str, data: usize) -> Vec<u8> {
    [b"\x93NUMPY\x01\x00", &(header.len() as u16).to_le_bytes()[..], header.as_bytes(), &vec![0; data]].concat()
}

#[test]
fn malformed_arrays_are_errors() {
    let mut cases = BTreeSet::new();
    let good = "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }";
    assert!(from_npy::<f32>(&npy(good, 8)).is_ok());
    for (header, data) in [
        ("", 8),
        ("{}", 0),
        ("{", 8),
        ("}", 8),
        ("[]", 8),
        ("{'descr': '<f4'}", 8),
        ("{'descr': '<f4', 'fortran_order': False}", 8),
        ("{'descr': '<f4', 'shape': (2,)}", 8),
        ("{'fortran_order': False, 'shape': (2,)}", 8),
        ("{'descr': <f4, 'fortran_order': False, 'shape': (2,)}", 8),
        ("{descr: '<f4', 'fortran_order': False, 'shape': (2,)}", 8),
        ("{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (2,)}", 8),
        ("{'descr': '<f4', 'fortran_order': False, 'fortran_order': False, 'shape': (2,)}", 8),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), 'shape': (2,)}", 8),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), 'x': 1}", 8),
        ("{'descr': '<f4' 'fortran_order': False 'shape': (2,)}", 8),
        ("{'descr': '<f4',, 'fortran_order': False, 'shape': (2,)}", 8),
        ("{'descr': '<f4', 'fortran_order': false, 'shape': (2,)}", 8),
        ("{'descr': '<f4', 'fortran_order': 0, 'shape': (2,)}", 8),
        ("{'descr': '<f4', 'fortran_order': None, 'shape': (2,)}", 8),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': 2}", 8),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': [2]}", 8),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (2}", 8),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (,)}", 8),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (2,,)}", 8),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (-2,)}", 8),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (+2,)}", 8),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (2.0,)}", 8),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (nan,)}", 8),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (NaN,)}", 8),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': ('2',)}", 8),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (None,)}", 8),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (2)) }", 8),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (18446744073709551616,)}", 8),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (18446744073709551615,)}", 8),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904,)}", 0),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296)}", 0),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296, 0)}", 0),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (0, 9223372036854775807, 2)}", 0),
        ("{'descr': '<f4', 'fortran_order': True, 'shape': (0, 9223372036854775808)}", 0),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (3,)}", 8),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (1,)}", 8),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': ()}", 0),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (0,)}", 1),
        ("{'descr': '<f8', 'fortran_order': False, 'shape': (2,)}", 8),
        ("{'descr': '', 'fortran_order': False, 'shape': (2,)}", 8),
        ("{'descr': '<', 'fortran_order': False, 'shape': (2,)}", 8),
        ("{'descr': '<f', 'fortran_order': False, 'shape': (2,)}", 8),
        ("{'descr': 'f4', 'fortran_order': False, 'shape': (2,)}", 8),
        ("{'descr': '=f4', 'fortran_order': False, 'shape': (2,)}", 8),
        ("{'descr': '|f4', 'fortran_order': False, 'shape': (2,)}", 8),
        ("{'descr': '<f16', 'fortran_order': False, 'shape': (1,)}", 16),
        ("{'descr': '<f04', 'fortran_order': False, 'shape': (2,)}", 8),
        ("{'descr': '<i3', 'fortran_order': False, 'shape': (2,)}", 6),
        ("{'descr': '<b4', 'fortran_order': False, 'shape': (2,)}", 8),
        ("{'descr': '|O', 'fortran_order': False, 'shape': (2,)}", 8),
        ("{'descr': '<M8[D]', 'fortran_order': False, 'shape': (1,)}", 8),
        ("{'descr': '|V4', 'fortran_order': False, 'shape': (2,)}", 8),
        ("{'descr': '\u{e9}', 'fortran_order': False, 'shape': (2,)}", 8),
        ("{'descr': '<f4\\'', 'fortran_order': False, 'shape': (2,)}", 8),
        ("{'descr': __import__('os'), 'fortran_order': False, 'shape': (2,)}", 8),
    ] {
        let bytes = npy(header, data);
        assert!(matches!(from_npy::<f32>(&bytes), Err(Error::Format { .. })), "{header}");
        cases.insert(bytes);
    }
    let good = npy(good, 8);
    for length in 0..good.len() {
        assert!(matches!(from_npy::<f32>(&good[..length]), Err(Error::Format { .. })), "{length}");
    }
    for (at, byte) in [(0, 0), (5, b'y'), (6, 0), (6, 4), (7, 1), (8, 255), (9, 255), (10, 0xff), (10, b' ')] {
        let mut bytes = good.clone();
        bytes[at] = byte;
        let result = from_npy::<f32>(&bytes);
        assert!(matches!(result, Err(Error::Format { .. })), "{at} {byte}: {result:?}");
        cases.insert(bytes);
    }
    assert!(cases.len() >= 70);
}

#[test]
fn every_flipped_bit_of_an_archive_is_harmless() {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("flips.npz");
    write_npz(&path, [("x", array![1.0_f32, 2.0].view().into_dyn()), ("y", array![3.0].view().into_dyn())]).unwrap();
    let bytes = fs::read(&path).unwrap();
    let want = from_npz::<f32>(&bytes).unwrap();
    let mut refused = 0;
    for i in 0..bytes.len() {
        for bit in 0..8 {
            let mut bytes = bytes.clone();
            bytes[i] ^= 1 << bit;
            // The date, say, may change; the numbers may not.
            match from_npz::<f32>(&bytes) {
                Ok(got) => assert!(got.values().eq(want.values()), "byte {i}, bit {bit}"),
                Err(error) => refused += usize::from(matches!(error, Error::Format { .. })),
            }
        }
    }
    assert!(refused > bytes.len() * 6, "{refused} of {}", bytes.len() * 8);
}

#[test]
fn an_archive_promises_no_more_than_it_has() {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("promises.npz");
    write_npz(&path, [("x", array![1.0_f32, 2.0].view().into_dyn())]).unwrap();
    let bytes = fs::read(&path).unwrap();
    let directory = bytes.windows(4).rposition(|four| four == b"PK\x01\x02").unwrap();
    let mut random = rng(3);
    for (at, size, problem) in [
        (10, 2, "compressed in another way"),
        (20, 4, "cannot have"),
        (24, 4, "cannot have"),
        (28, 2, "ends within entry 0"),
        (42, 4, "does not begin where"),
    ] {
        let mut bytes = bytes.clone();
        random.fill_bytes(&mut bytes[directory + at..][..size]);
        let error = from_npz::<f32>(&bytes).unwrap_err();
        assert!(error.to_string().contains(problem), "{at}: {error}");
    }
    // A directory that names one entry twice.
    let end = bytes.len() - 22;
    let mut twice = [&bytes[..end], &bytes[directory..end], &bytes[end..]].concat();
    let at = twice.len() - 22;
    twice[at + 8..at + 12].copy_from_slice(&[2, 0, 2, 0]);
    twice[at + 12..at + 16].copy_from_slice(&((2 * (end - directory)) as u32).to_le_bytes());
    assert!(from_npz::<f32>(&twice).unwrap_err().to_string().contains("overlap"));
    assert!(from_npz::<f32>(b"").is_err() && from_npz::<f32>(&[0; 100]).is_err());
}
