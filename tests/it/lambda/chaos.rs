//! What goes wrong in a cloud.

use super::deployment::Deployed;
use tests::proxy::{Fault, Rule};

/// Chances, the same for each seed.
pub(super) struct Chances(u64);

impl Chances {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// A number below `end`.
    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }

    /// True once in `times`.
    pub(super) fn once_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }

    pub(super) fn shuffle<T>(&mut self, items: &mut [T]) {
        for end in (1..items.len()).rev() {
            let at = usize::try_from(self.below(end as u64 + 1)).unwrap_or(0);
            items.swap(at, end);
        }
    }
}

/// Something that a service does wrong, to some of the next requests of a function.
pub(super) fn disturb(function: &Deployed, chances: &mut Chances) {
    let times = 1 + usize::try_from(chances.below(3)).unwrap_or(0);
    let rule = match chances.below(7) {
        0 => Rule::new("PUT", "/", times, Fault::S3(503, "SlowDown")),
        1 => Rule::new("GET", "/", times, Fault::S3(503, "SlowDown")),
        2 => Rule::new("PUT", ".packet.json", 1, Fault::LoseReply),
        3 => Rule::new("PUT", "_delta_log", 1, Fault::LoseReply),
        4 => Rule::new("POST", "AmazonSSM", times, Fault::Json(400, "ThrottlingException")),
        5 => Rule::new("GET", "packets", 1, Fault::CutBody(100)),
        // More than the client tries.
        _ => Rule::new("PUT", "/", 12, Fault::S3(500, "InternalError")),
    };
    function.proxy.add(rule);
}
