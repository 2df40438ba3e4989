//! `native report` prints the report; `native time N` prints the milliseconds of a step, the fastest of N.

use std::time::Instant;

use neuropil::Result;
use neuropil_wasm_test::{Step, report};

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    match (arguments.next().as_deref(), arguments.next().and_then(|n| n.parse().ok())) {
        (Some("report"), _) => print!("{}", report()?),
        (Some("time"), Some(steps)) => {
            let mut step = Step::new()?;
            let mut fastest = f64::INFINITY;
            for _ in 0..steps {
                let start = Instant::now();
                step.run(1)?;
                fastest = fastest.min(start.elapsed().as_secs_f64() * 1000.0);
            }
            println!("{fastest}");
        }
        _ => panic!("native report, or native time N"),
    }
    Ok(())
}
