//! Hard inputs, derived from a plugin's own cases: does it keep the contract's rules on them?
//!
//! ```text
//! lines of the cases ──► mutate ──► chunks: as they are, doubled, reversed, mixed ──► checks ──► shrink ──► findings
//! ```
//!
//! The rules are those of `wit/transform.wit`: a bad row is a reject and no trap; where the lines are cut, and in which order
//! they come, changes no line's rows; the same lines give the same rows. All choices come from a seed.

mod check;
mod mutate;
mod random;
mod values;

pub use check::{Finding, FuzzReport, Rule, fuzz};

/// How much to try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FuzzOptions {
    /// How many chunks of mutated lines are made.
    pub rounds: u32,
    /// What all choices come from.
    pub seed: u64,
}

impl Default for FuzzOptions {
    fn default() -> Self {
        Self { rounds: 300, seed: 1 }
    }
}
