//! The speed of saving and loading a model of 100 MB, compared with copying the file: `cargo bench --bench files`.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::time::Instant;

use neuropil::prelude::*;

/// The median of some times, in MB/s.
fn speed(size: u64, mut f: impl FnMut()) -> f64 {
    let mut seconds: Vec<f64> = (0..7)
        .map(|_| {
            let start = Instant::now();
            f();
            start.elapsed().as_secs_f64()
        })
        .collect();
    seconds.sort_by(f64::total_cmp);
    size as f64 / 1e6 / seconds[3]
}

fn main() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let (path, copy) = (folder.join("speed.safetensors"), folder.join("speed.copy"));
    let network = Sequential::<f32>::mlp(&[1000, 4000, 5000, 200], Tanh, &mut rng(1)).expect("sizes that fit");
    network.save(&path).expect("a file to write to");
    let size = fs::metadata(&path).expect("the file is there").len();
    println!("a model file of {:.1} MB; MB/s, medians of 7", size as f64 / 1e6);
    // Like `save`, the copy must reach the disk.
    let copying = speed(size, || {
        let bytes = fs::read(&path).expect("the file is there");
        let mut file = File::create(&copy).expect("a file to write to");
        file.write_all(&bytes).and_then(|()| file.sync_all()).expect("room on the disk");
    });
    println!("copy the file and sync  {copying:8.0}");
    let saving = speed(size, || network.save(&path).expect("room on the disk"));
    println!("save                    {saving:8.0}");
    let reading = speed(size, || _ = fs::read(&path).expect("the file is there"));
    println!("read the file           {reading:8.0}");
    let loading = speed(size, || _ = Sequential::<f32>::load(&path).expect("the file is there"));
    println!("load                    {loading:8.0}");
    let _ = (fs::remove_file(path), fs::remove_file(copy));
}
