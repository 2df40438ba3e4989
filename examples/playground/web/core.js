// The crate in WebAssembly: numbers and texts pass through one buffer each way.

const { instance } = await WebAssembly.instantiateStreaming(fetch("playground.wasm"));
const { memory, input, output, ...functions } = instance.exports;

function give(bytes) {
  const start = input(bytes.length);
  new Uint8Array(memory.buffer).set(bytes, start);
}

// What a function wrote: it returns the number of bytes, or minus the length of an error text.
function call(name, ...values) {
  const length = functions[name](...values);
  const start = output();
  const found = new Uint8Array(memory.buffer.slice(start, start + Math.abs(length)));
  if (length < 0) throw new Error(new TextDecoder().decode(found));
  return found;
}

export const bytes = (name) => call(name);
export const text = (name) => new TextDecoder().decode(call(name));
export const numbers = (name, ...values) => new Float32Array(call(name, ...values).buffer);
export const run = (name) => void call(name);

// The numbers of a function that takes a sample.
export function forSample(name, sample) {
  give(new Uint8Array(Float32Array.from(sample).buffer));
  return numbers(name);
}

export function create(settings) {
  give(new TextEncoder().encode(settings));
  run("create");
}
