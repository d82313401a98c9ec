//! Taking what a plugin makes as what is expected.

use super::error::CaseError;
use super::folder::{CaseFolder, CaseSettings, unwritable, write, write_settings};
use super::outcome::Outcome;
use std::fs;

/// Fuel is the same on any machine, and changes with each change of the plugin or the compiler a little: a budget leaves a
/// quarter more room than was used.
const FUEL_ROOM: f64 = 1.25;

/// Writes `outcome` as the expected one of `case`, and the fuel that it may take.
///
/// # Errors
/// [`CaseError::Unwritable`].
pub fn bless(case: &CaseFolder, outcome: &Outcome) -> Result<(), CaseError> {
    let expected = case.path().join("expected");
    fs::create_dir_all(&expected).map_err(unwritable(&expected))?;
    for (name, lines) in &outcome.files {
        let path = expected.join(format!("{name}.jsonl"));
        if lines.is_empty() {
            // A file that is not there is an empty one.
            match fs::remove_file(&path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(unwritable(&path)(error)),
                _ => continue,
            }
        }
        let text: String = lines.iter().flat_map(|line| [line.as_str(), "\n"]).collect();
        write(&path, text.as_bytes())?;
    }
    let settings = CaseSettings { fuel_max: Some(budget(outcome.usage.fuel)), ..case.settings().clone() };
    write_settings(case.path(), &settings)
}

/// A budget for `fuel` units, with two digits that matter.
fn budget(fuel: u64) -> u64 {
    let room = fuel as f64 * FUEL_ROOM;
    let step = 10_f64.powf(room.max(100.0).log10().floor() - 1.0);
    ((room / step).ceil() * step) as u64
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_budget_is_a_quarter_more_rounded_up() {
        assert_eq!([super::budget(1), super::budget(100), super::budget(84_123)], [10, 130, 110_000]);
    }
}
