//! What JavaScript calls: texts and numbers pass through two buffers, and a function returns how many bytes it wrote, or
//! minus the length of an error text.

use std::cell::RefCell;

use crate::Playground;

#[derive(Default)]
struct Page {
    playground: Option<Playground>,
    input: Vec<u8>,
    output: Vec<u8>,
}

thread_local! {
    static PAGE: RefCell<Page> = RefCell::default();
}

/// Room for `len` bytes from JavaScript.
#[unsafe(no_mangle)]
extern "C" fn input(len: usize) -> *mut u8 {
    PAGE.with_borrow_mut(|page| {
        page.input.resize(len, 0);
        page.input.as_mut_ptr()
    })
}

/// Where the last function wrote.
#[unsafe(no_mangle)]
extern "C" fn output() -> *const u8 {
    PAGE.with_borrow(|page| page.output.as_ptr())
}

/// Starts anew with the settings in the input.
#[unsafe(no_mangle)]
extern "C" fn create() -> i32 {
    PAGE.with_borrow_mut(|page| {
        let text = String::from_utf8_lossy(&page.input).into_owned();
        match Playground::new(&text) {
            Ok(playground) => {
                page.playground = Some(playground);
                0
            }
            Err(error) => failed(&mut page.output, &error),
        }
    })
}

#[unsafe(no_mangle)]
extern "C" fn step() -> i32 {
    call(|playground| playground.step().map(|()| Vec::new()))
}

#[unsafe(no_mangle)]
extern "C" fn epoch() -> i32 {
    call(|playground| playground.epoch().map(|()| Vec::new()))
}

#[unsafe(no_mangle)]
extern "C" fn figures() -> i32 {
    call(|playground| playground.figures().map(|figures| bytes(&figures)))
}

#[unsafe(no_mangle)]
extern "C" fn samples() -> i32 {
    call(|playground| Ok(bytes(&playground.samples())))
}

#[unsafe(no_mangle)]
extern "C" fn weights() -> i32 {
    call(|playground| Ok(bytes(&playground.weights())))
}

#[unsafe(no_mangle)]
extern "C" fn gradients() -> i32 {
    call(|playground| Ok(bytes(&playground.gradients())))
}

#[unsafe(no_mangle)]
extern "C" fn regions(size: u32, left: f32, bottom: f32, width: f32) -> i32 {
    call(|playground| playground.regions(size as usize, [left, bottom, width]).map(|regions| bytes(&regions)))
}

/// For the sample in the input.
#[unsafe(no_mangle)]
extern "C" fn scores() -> i32 {
    let sample = sample();
    call(|playground| playground.scores(&sample).map(|scores| bytes(&scores)))
}

/// For the sample in the input.
#[unsafe(no_mangle)]
extern "C" fn activations() -> i32 {
    let sample = sample();
    call(|playground| playground.activations(&sample).map(|activations| bytes(&activations)))
}

#[unsafe(no_mangle)]
extern "C" fn neuron(layer: u32, unit: u32) -> i32 {
    call(|playground| Ok(bytes(&playground.neuron(layer as usize, unit as usize))))
}

#[unsafe(no_mangle)]
extern "C" fn drawing() -> i32 {
    call(|playground| Ok(playground.drawing().into_bytes()))
}

#[unsafe(no_mangle)]
extern "C" fn text() -> i32 {
    call(|playground| Ok(playground.text().into_bytes()))
}

#[unsafe(no_mangle)]
extern "C" fn doctor() -> i32 {
    call(|playground| playground.doctor().map(String::into_bytes))
}

#[unsafe(no_mangle)]
extern "C" fn model() -> i32 {
    call(|playground| playground.model())
}

fn call(f: impl FnOnce(&mut Playground) -> neuropil::Result<Vec<u8>>) -> i32 {
    PAGE.with_borrow_mut(|page| {
        let Some(playground) = &mut page.playground else { return failed(&mut page.output, "call create first") };
        match f(playground) {
            Ok(bytes) => {
                page.output = bytes;
                page.output.len() as i32
            }
            Err(error) => failed(&mut page.output, &error.to_string()),
        }
    })
}

fn failed(output: &mut Vec<u8>, text: &str) -> i32 {
    *output = text.as_bytes().to_vec();
    -(output.len() as i32)
}

fn bytes(numbers: &[f32]) -> Vec<u8> {
    numbers.iter().flat_map(|x| x.to_le_bytes()).collect()
}

fn sample() -> Vec<f32> {
    PAGE.with_borrow(|page| {
        let (numbers, _) = page.input.as_chunks::<4>();
        numbers.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect()
    })
}
