//! [`Clock`]: a stopwatch, where there is a clock.

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
