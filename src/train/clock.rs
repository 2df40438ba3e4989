//! [`Clock`]: the time that an epoch takes.

/// A running stopwatch.
pub(super) struct Clock(Option<std::time::Instant>);

impl Clock {
    pub(super) fn start() -> Self {
        // Here std has no clock, and asking for the time would trap.
        let none = cfg!(all(target_family = "wasm", target_os = "unknown"));
        Self((!none).then(std::time::Instant::now))
    }

    /// Seconds since the start; 0 without a clock.
    pub(super) fn seconds(&self) -> f64 {
        self.0.map_or(0.0, |start| start.elapsed().as_secs_f64())
    }
}
