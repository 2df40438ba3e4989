//! Saving and loading need no more memory than the size of the file on top of the network, and a file that declares
//! false sizes gets none; attention needs memory in proportion to its steps: counted by the global allocator.

#![cfg(all(feature = "files", feature = "npz"))]
#![allow(unsafe_code)] // A global allocator is unsafe by nature; this one counts and hands on to the system's.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

#[path = "common/readers.rs"]
mod readers;

use neuropil::io::{SafeTensors, from_npy, from_npz};
use neuropil::prelude::*;

struct Counting;

#[global_allocator]
static COUNTING: Counting = Counting;

static NOW: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);
/// One measurement at a time.
static ALONE: Mutex<()> = Mutex::new(());

fn take(size: usize) {
    let now = NOW.fetch_add(size, Ordering::Relaxed) + size;
    MOST.fetch_max(now, Ordering::Relaxed);
}

// SAFETY: every call goes to the system's allocator as it came; counting neither allocates nor unwinds.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        take(layout.size());
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        take(layout.size());
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // Old and new may both be there while it is copied.
        take(size);
        NOW.fetch_sub(layout.size(), Ordering::Relaxed);
        unsafe { System.realloc(memory, layout, size) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), Ordering::Relaxed);
        unsafe { System.dealloc(memory, layout) }
    }
}

/// What `f` gives, and the most memory that was taken at a time meanwhile.
fn peak<T>(f: impl FnOnce() -> T) -> (T, usize) {
    let before = NOW.load(Ordering::Relaxed);
    MOST.store(before, Ordering::Relaxed);
    let result = f();
    (result, MOST.load(Ordering::Relaxed) - before)
}

/// Whether a reader takes these bytes.
type Reader = fn(&[u8]) -> bool;

const ROOM: usize = 256 << 10;

fn saving_and_loading(sizes: &[usize], least: usize) {
    let _alone = ALONE.lock().unwrap();
    let network = Sequential::<f32>::mlp(sizes, Tanh, &mut rng(1)).unwrap();
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("memory.safetensors");
    let (saved, saving) = peak(|| network.save(&path));
    saved.unwrap();
    let size = std::fs::metadata(&path).unwrap().len() as usize;
    assert!(size > least && saving < size + ROOM, "{saving} to save {size}");
    let (again, loading) = peak(|| Sequential::<f32>::load(&path).unwrap());
    assert!(loading < 2 * size + ROOM, "{loading} to load {size}");
    assert_eq!(again.parameter_count(), network.parameter_count());
    println!("{size} bytes: {saving} to save, {loading} to load with the network");
}

#[test]
fn saving_and_loading_take_the_size_of_the_file() {
    saving_and_loading(&[1000, 2000, 10], 8_000_000);
}

#[test]
#[ignore = "100 MB: by hand"]
fn saving_and_loading_take_the_size_of_a_large_file() {
    saving_and_loading(&[1000, 4000, 5000, 200], 100_000_000);
}

/// The weights of all pairs of 4,096 steps alone would be 64 MB for each head and sample.
#[test]
fn attention_takes_memory_in_proportion_to_its_steps() {
    const LIMIT: usize = 16 << 20;
    let _alone = ALONE.lock().unwrap();
    let mut network = Sequential::<f32>::new([4096, 4]);
    network.set_memory_limit(LIMIT as u64);
    let mut network = network.with(MultiHeadAttention::new(4, 2, &mut rng(1)).causal()).unwrap();
    let x = Init::STANDARD_NORMAL.matrix(1, 4096 * 4, &mut rng(2));
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
    let (loss, most) =
        peak(|| pool.install(|| Tape::new(&network, 0).train(&mut network, &x, &x, &Mse, &mut Sgd::new(0.1))));
    assert!(loss.unwrap() > 0.1 && most > 4096 * 4 * 4 && most < LIMIT, "{most} bytes");
    println!("{most} bytes");
}

#[test]
fn no_size_in_a_file_is_believed() {
    let _alone = ALONE.lock().unwrap();
    let safetensors = |header: &str| [&(header.len() as u64).to_le_bytes(), header.as_bytes()].concat();
    let npy =
        |header: &str| [b"\x93NUMPY\x01\x00", &(header.len() as u16).to_le_bytes()[..], header.as_bytes()].concat();
    let mut files: Vec<(Vec<u8>, Reader)> = Vec::new();
    let is_safetensors: Reader = |bytes| SafeTensors::parse(bytes).is_ok();
    for header in [
        r#"{"a":{"dtype":"F32","shape":[1000000000000],"data_offsets":[0,4000000000000]}}"#,
        r#"{"a":{"dtype":"F32","shape":[1000000,1000000],"data_offsets":[0,4000000000000]}}"#,
        r#"{"a":{"dtype":"F32","shape":[4611686018427387904],"data_offsets":[0,0]}}"#,
    ] {
        files.push((safetensors(header), is_safetensors));
    }
    files.push(([&100_000_000_u64.to_le_bytes()[..], b"{"].concat(), is_safetensors));
    files.push((vec![0xff; 100], is_safetensors));
    let is_npy: Reader = |bytes| from_npy::<f32>(bytes).is_ok();
    for shape in ["1000000000000,", "1000000, 1000000", "0, 4611686018427387904, 4"] {
        files.push((npy(&format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({shape})}}")), is_npy));
    }
    // An archive whose directory promises 4 GB for each of its entries.
    let mut archive = Vec::new();
    let entry = [&b"PK\x01\x02"[..], &[0; 16], &[0xf0; 4], &[0xf0; 4], &[0; 18]].concat();
    (0..100).for_each(|_| archive.extend(&entry));
    archive.extend([&b"PK\x05\x06"[..], &[0; 4], &[100, 0, 100, 0], &4600_u32.to_le_bytes(), &[0; 6]].concat());
    files.push((archive, |bytes| from_npz::<f32>(bytes).is_ok()));
    // An ONNX graph with a constant of 2⁴⁰ numbers, of which there are none.
    let onnx = b"\x3a\x0e\x2a\x0c\x08\x80\x80\x80\x80\x80\x20\x10\x01\x42\x01\x61";
    files.push((onnx.to_vec(), |bytes| Sequential::<f32>::from_onnx_bytes(bytes).is_ok()));
    assert_eq!(files.len(), 10);
    for (i, (bytes, read)) in files.into_iter().enumerate() {
        let (read, most) = peak(|| read(&bytes));
        assert!(!read && most < 64 << 10, "file {i}: {most} bytes");
    }
}

/// The peak is bounded by the reader's limits, whatever a pickle with this many operations builds.
#[test]
fn a_pickle_needs_little_memory() {
    let _alone = ALONE.lock().unwrap();
    let many = |start: &[u8], piece: &[u8], count: usize| [b"\x80\x02", start, &piece.repeat(count), b"."].concat();
    let shared = [&b"}q\0("[..], &b"Nh\0".repeat(1000), b"u"].concat();
    let pickles = [
        many(b"", b"}", 1 << 20),
        many(b"", b"]\x94", 1 << 20),
        many(b")", b"\x85", 1 << 20),
        many(b"", b"(", 1 << 20),
        many(b"}(", b"K\x01N", 1 << 18),
        // A dict that holds itself a thousand times.
        many(&shared, b"", 0),
    ];
    for pickle in pickles {
        let file = readers::archive(pickle);
        let (read, most) = peak(|| SafeTensors::parse_torch(&file).is_ok());
        assert!(!read && most < (64 << 20) + 20 * file.len(), "{most} bytes for {}", file.len());
    }
}
