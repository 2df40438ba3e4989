// Compares what WebAssembly computes with what the native program does, and how long a training step takes.
//
//     node compare.mjs NATIVE MODULE.wasm
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

const [native, module] = process.argv.slice(2);
const { exports } = new WebAssembly.Instance(new WebAssembly.Module(readFileSync(module)));

const parse = (text) => text.trim().split("\n").map((line) => {
  const [name, ...numbers] = line.split(" ");
  // Rust and JavaScript write infinity differently.
  const [tolerance, floor, ...values] = numbers.map((x) => Number(x.replace("inf", "Infinity")));
  return { name, tolerance, floor, values };
});

const start = exports.report_text();
const length = new DataView(exports.memory.buffer).getUint32(start - 4, true);
const found = parse(new TextDecoder().decode(new Uint8Array(exports.memory.buffer, start, length)));
const wanted = parse(execFileSync(native, ["report"], { encoding: "utf8", maxBuffer: 1 << 28 }));

let compared = 0, passed = 0, failed = 0;
wanted.forEach(({ name, tolerance, floor, values }, i) => {
  let worst = found[i].name === name && found[i].values.length === values.length ? 0 : Infinity;
  values.forEach((want, j) => {
    const got = found[i].values[j];
    compared++;
    if (Object.is(got, want)) return;
    const off = Math.abs(got - want) / Math.max(Math.abs(want), floor);
    worst = Math.max(worst, Number.isNaN(off) ? Infinity : off);
  });
  const good = worst <= tolerance && values.length > 0;
  good ? passed++ : failed++;
  const size = `${values.length} numbers`.padEnd(14);
  console.log(`${good ? "ok    " : "FAILED"} ${name.padEnd(20)} ${size} off by ${worst.toExponential(1)}, at most ${tolerance.toExponential(1)}`);
});
console.log(`${compared} numbers compared`);

// In turns, so that both see the same machine; the fastest step of each counts, which other programs disturb least.
const step = exports.new_step();
let [wasm, ours] = [Infinity, Infinity];
for (let round = 0; round < 10; round++) {
  const one = { encoding: "utf8", env: { ...process.env, RAYON_NUM_THREADS: "1" } };
  ours = Math.min(ours, Number(execFileSync(native, ["time", "200"], one)));
  for (let i = 0; i < 100; i++) {
    const start = performance.now();
    exports.run_steps(step, 1);
    wasm = Math.min(wasm, performance.now() - start);
  }
}
console.log(`a step of 784-128-10 on 64 samples: ${wasm.toFixed(2)} ms in WebAssembly, ${ours.toFixed(2)} ms natively on one thread: ${(wasm / ours).toFixed(1)} times`);
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed > 0 || passed === 0 ? 1 : 0);
