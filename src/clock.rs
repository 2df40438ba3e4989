//! [`Clock`] and [`Times`]: a stopwatch, where there is a clock, and the times of the steps of a pass.

/// A running stopwatch.
pub(crate) struct Clock(Option<std::time::Instant>);

impl Clock {
    pub(crate) fn start() -> Self {
        // Here std has no clock, and asking for the time would trap.
        let none = cfg!(all(target_family = "wasm", target_os = "unknown"));
        Self((!none).then(std::time::Instant::now))
    }

    /// Seconds since the start; 0 without a clock.
    pub(crate) fn seconds(&self) -> f64 {
        self.0.map_or(0.0, |start| start.elapsed().as_secs_f64())
    }
}

/// The times of the steps of a pass, in seconds.
#[derive(Default)]
pub(crate) struct Times {
    clock: Option<Clock>,
    pub(crate) seconds: Vec<f64>,
}

impl Times {
    pub(crate) fn start(&mut self) {
        self.clock = Some(Clock::start());
    }

    pub(crate) fn stop(&mut self, step: usize) {
        self.seconds[step] = self.clock.take().map_or(0.0, |clock| clock.seconds());
    }
}
