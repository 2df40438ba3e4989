//! Every flipped bit, every missing and every additional byte is noticed.

use neuropil::ndarray::array;
use neuropil::prelude::*;

fn small() -> Vec<u8> {
    let layer = Dense::from_parameters(array![[1.5_f32], [-2.0]], array![0.25]).unwrap();
    Sequential::new(2).with(layer).unwrap().with(Elu::new(0.5)).unwrap().to_bytes().unwrap()
}

#[test]
fn every_flipped_bit_is_noticed() {
    let mut bytes = small();
    let mut flips = 0;
    for i in 0..bytes.len() {
        for bit in 0..8 {
            bytes[i] ^= 1 << bit;
            let error = Sequential::<f32>::from_bytes(&bytes).expect_err("a flipped bit");
            assert!(matches!(error, Error::Format { .. }), "byte {i}, bit {bit}: {error:?}");
            bytes[i] ^= 1 << bit;
            flips += 1;
        }
    }
    assert!(Sequential::<f32>::from_bytes(&bytes).is_ok());
    assert!(flips == 8 * bytes.len() && flips > 3000, "{flips}");
}

#[test]
fn every_other_length_is_noticed() {
    let bytes = small();
    for length in 0..bytes.len() {
        assert!(matches!(Sequential::<f32>::from_bytes(&bytes[..length]), Err(Error::Format { .. })), "{length}");
    }
    for more in 1..20 {
        let longer: Vec<u8> = bytes.iter().copied().chain(std::iter::repeat_n(0, more)).collect();
        assert!(matches!(Sequential::<f32>::from_bytes(&longer), Err(Error::Format { .. })), "{more} more");
    }
}

#[test]
fn every_burst_of_up_to_32_bits_in_the_numbers_is_noticed() {
    let bytes = small();
    for i in bytes.len() - 12..bytes.len() - 3 {
        for burst in [1_u32, 0x8000_0001, 0xffff_ffff, 0x00ff_ff00, 0x8421_8421] {
            let mut bytes = bytes.clone();
            for (byte, burst) in bytes[i..].iter_mut().zip(burst.to_le_bytes()) {
                *byte ^= burst;
            }
            let error = Sequential::<f32>::from_bytes(&bytes).unwrap_err();
            assert_eq!(error.to_string(), "the model: it is damaged: its checksum is not that of its content");
        }
    }
}
