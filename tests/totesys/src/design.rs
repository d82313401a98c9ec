//! Designs: a few at the opening, the rest spread over the working time.

use std::io::{self, Write};

use crate::calendar::{self, Instant, WORKING_MS};
use crate::hard;
use crate::line::LineWriter;
use crate::random::Random;
use crate::reference;
use crate::schema::Table;
use crate::words;

/// Designs that the database was opened with.
pub(crate) const OPENING_DESIGNS: u64 = 10;
/// The oldest file was made so many days before its row.
const FILE_DAYS_MAX: u64 = 480;

/// How many designs exist after so much working time, of `designs` in all.
pub(crate) fn designs_at(designs: u64, working_ms: u64) -> u64 {
    let later = designs.saturating_sub(OPENING_DESIGNS);
    OPENING_DESIGNS + later * working_ms / WORKING_MS
}

pub(crate) fn write_design(
    line: &mut LineWriter<impl Write>,
    seed: u64,
    id: u64,
    designs: u64,
    is_hard: bool,
    edited_on: &[u64],
) -> io::Result<()> {
    let mut random = Random::of_row(seed, Table::Design, id);
    let created = created(&mut random, id, designs);
    let mut name = random.pick(words::MATERIALS);
    let file_days = random.between(1, FILE_DAYS_MAX);
    let file_day = calendar::Day(created.day().0 - file_days).text().replace('-', "");
    let file_name = format!("{}-{file_day}-{}.json", name.to_lowercase(), random.text(words::FILE_ALPHABET, 4));
    let mut location = random.pick(words::FILE_LOCATIONS);
    if let Some(names) = hard::design_names(id).filter(|_| is_hard) {
        (name, location) = names;
    }
    for _ in edited_on {
        let place = words::FILE_LOCATIONS.iter().position(|&place| place == location);
        location = words::FILE_LOCATIONS[place.map_or(0, |place| (place + 1) % words::FILE_LOCATIONS.len())];
    }
    line.integer(id);
    line.timestamp(created);
    line.text(name);
    line.text(location);
    line.text(&file_name);
    line.timestamp(created);
    line.end()
}

/// Designs share the working time equally and come anywhere in their share.
fn created(random: &mut Random, id: u64, designs: u64) -> Instant {
    match id.checked_sub(OPENING_DESIGNS + 1) {
        None => reference::opened(),
        Some(share) => {
            let later = designs - OPENING_DESIGNS;
            let (start, end) = (share * WORKING_MS / later, (share + 1) * WORKING_MS / later);
            calendar::working_instant(start + random.below(end - start))
        }
    }
}
