//! The six tables that the database was opened with and that keep their size.
//!
//! All their rows share the instant of one statement, to the millisecond.

use std::collections::BTreeMap;
use std::io::{self, Write};

use crate::calendar::{Instant, OPENING_DAY};
use crate::hard;
use crate::later;
use crate::line::LineWriter;
use crate::random::Random;
use crate::schema::{ColumnType, Table};
use crate::words;

/// How many addresses there are.
pub(crate) const ADDRESSES: u64 = 30;
/// How many counterparties there are, at [`COUNTERPARTY_ADDRESSES`] different addresses.
pub(crate) const COUNTERPARTIES: u64 = 20;
const COUNTERPARTY_ADDRESSES: u64 = 14;
/// How many counterparties have a comma in their name.
const COMMA_NAMES: u64 = 9;
/// ISO 4217 codes by currency id.
pub(crate) const CURRENCIES: [&str; 3] = ["GBP", "USD", "EUR"];
/// How many departments there are.
pub(crate) const DEPARTMENTS: u64 = words::DEPARTMENTS.len() as u64;
/// How many payment types there are.
pub(crate) const PAYMENT_TYPES: u64 = 4;
/// How many people there are.
pub(crate) const STAFF: u64 = 20;
/// Whose name has the apostrophe.
const APOSTROPHE_STAFF_ID: u64 = 9;

const SECOND_MS: u64 = 1_000;
/// The first statement of the opening, at 14:20:49.96: its text form has two digits.
const OPENED_MS: u64 = ((14 * 60 + 20) * 60 + 49) * SECOND_MS + 960;
/// The second statement, at 14:20:51.5, made the rows that refer to rows of the first.
const FILLED_MS: u64 = ((14 * 60 + 20) * 60 + 51) * SECOND_MS + 500;

/// When the tables without references were filled.
pub(crate) fn opened() -> Instant {
    OPENING_DAY.at_ms(OPENED_MS)
}

fn filled() -> Instant {
    OPENING_DAY.at_ms(FILLED_MS)
}

/// An address before it is written.
#[derive(Debug)]
pub(crate) struct Address {
    pub(crate) line_1: String,
    pub(crate) line_2: Option<String>,
    pub(crate) district: Option<String>,
    pub(crate) city: String,
    pub(crate) postal_code: String,
    pub(crate) country: String,
    phone: String,
}

/// A counterparty before it is written.
#[derive(Debug)]
pub(crate) struct Counterparty {
    pub(crate) legal_name: String,
    address_id: u64,
    pub(crate) commercial_contact: Option<String>,
    pub(crate) delivery_contact: Option<String>,
}

/// A department before it is written.
#[derive(Debug)]
pub(crate) struct Department {
    pub(crate) location: Option<&'static str>,
    pub(crate) manager: Option<String>,
}

pub(crate) fn write_addresses(line: &mut LineWriter<impl Write>, seed: u64, is_hard: bool) -> io::Result<()> {
    for id in 1..=ADDRESSES {
        let mut address = address(seed, id);
        if is_hard {
            hard::change_address(id, &mut address);
        }
        line.integer(id);
        line.text(&address.line_1);
        line.text_or_null(address.line_2.as_deref());
        line.text_or_null(address.district.as_deref());
        line.text(&address.city);
        line.text(&address.postal_code);
        line.text(&address.country);
        line.text(&address.phone);
        end_with_timestamps(line, opened())?;
    }
    Ok(())
}

fn address(seed: u64, id: u64) -> Address {
    let mut random = Random::of_row(seed, Table::Address, id);
    let line_1 = format!("{} {} {}", random.between(1, 999), random.pick(words::PLACES), random.pick(words::STREETS));
    let line_2 = format!("{} {}", random.pick(words::PLACES), random.pick(words::BUILDINGS));
    let district = random.pick(words::DISTRICTS).to_owned();
    let city = format!("{}{}", random.pick(words::CITY_STARTS), random.pick(words::CITY_ENDS).to_lowercase());
    let leading_zero = if id.is_multiple_of(5) { "0" } else { "" };
    let mut postal_code = format!("{leading_zero}{}", random.text(words::DIGITS, 5 - leading_zero.len()));
    if random.below(2) == 0 {
        postal_code = format!("{postal_code}-{}", random.text(words::DIGITS, 4));
    }
    let country = words::COUNTRIES[((id + seed % ADDRESSES) % ADDRESSES) as usize];
    let phone = format!("{} {}", random.text(words::DIGITS, 4), random.text(words::DIGITS, 6));
    Address {
        line_1,
        // 10 of 30 have a second line and 16 of 30 a district, spread by multiples of a number prime to the count.
        line_2: id.is_multiple_of(3).then_some(line_2),
        district: (id * 11 % 15 >= 7).then_some(district),
        city,
        postal_code,
        country: country.to_owned(),
        phone,
    }
}

pub(crate) fn write_counterparties(line: &mut LineWriter<impl Write>, seed: u64, is_hard: bool) -> io::Result<()> {
    for id in 1..=COUNTERPARTIES {
        let mut counterparty = counterparty(seed, id);
        if is_hard {
            hard::change_counterparty(id, &mut counterparty);
        }
        line.integer(id);
        line.text(&counterparty.legal_name);
        line.integer(counterparty.address_id);
        line.text_or_null(counterparty.commercial_contact.as_deref());
        line.text_or_null(counterparty.delivery_contact.as_deref());
        end_with_timestamps(line, filled())?;
    }
    Ok(())
}

fn counterparty(seed: u64, id: u64) -> Counterparty {
    let mut random = Random::of_row(seed, Table::Counterparty, id);
    let name = random.pick(words::LAST_NAMES);
    let legal_name = if id * 7 % COUNTERPARTIES < COMMA_NAMES {
        format!("{name}, {} and {}", random.pick(words::LAST_NAMES), random.pick(words::LAST_NAMES))
    } else {
        format!("{name}{}", random.pick(words::COMPANY_ENDS))
    };
    let address = (id - 1) % COUNTERPARTY_ADDRESSES;
    Counterparty {
        legal_name,
        address_id: 1 + (address * 7 + seed % ADDRESSES) % ADDRESSES,
        commercial_contact: Some(person(&mut random)),
        delivery_contact: Some(person(&mut random)),
    }
}

fn person(random: &mut Random) -> String {
    format!("{} {}", random.pick(words::FIRST_NAMES), random.pick(words::LAST_NAMES))
}

pub(crate) fn write_currencies(line: &mut LineWriter<impl Write>) -> io::Result<()> {
    for (id, code) in (1..).zip(CURRENCIES) {
        line.integer(id);
        line.text(code);
        end_with_timestamps(line, opened())?;
    }
    Ok(())
}

/// Writes all departments; `moves` has the days on which some got another location.
pub(crate) fn write_departments(
    line: &mut LineWriter<impl Write>,
    seed: u64,
    is_hard: bool,
    moves: &BTreeMap<u64, Vec<u64>>,
) -> io::Result<()> {
    for (id, (name, location)) in (1..).zip(words::DEPARTMENTS.iter().zip(words::LOCATIONS)) {
        let mut random = Random::of_row(seed, Table::Department, id);
        let mut department = Department { location: Some(location), manager: Some(person(&mut random)) };
        if is_hard {
            hard::change_department(id, &mut department);
        }
        let mut updated = opened();
        if let Some(day) = moves.get(&id).and_then(|days| days.last()) {
            (department.location, updated) = later::department_move(seed, *day);
        }
        line.integer(id);
        line.text(name);
        line.text_or_null(department.location);
        line.text_or_null(department.manager.as_deref());
        line.timestamp(opened());
        line.timestamp(updated);
        line.end()?;
    }
    Ok(())
}

pub(crate) fn write_staff(line: &mut LineWriter<impl Write>, seed: u64) -> io::Result<()> {
    for id in 1..=STAFF {
        // A walk through the list by a seeded start, so that no two people share a name and no department is empty.
        let first_name = words::FIRST_NAMES[((seed % 24 + id * 5) % 24) as usize];
        let last_name = match id {
            APOSTROPHE_STAFF_ID => words::APOSTROPHE_LAST_NAME,
            _ => words::LAST_NAMES[((seed / 24 % 24 + id * 7) % 24) as usize],
        };
        line.integer(id);
        line.text(first_name);
        line.text(last_name);
        line.integer(1 + (id * 3 + seed % DEPARTMENTS) % DEPARTMENTS);
        line.text(&format!("{first_name}.{last_name}@terrifictotes.com").to_lowercase());
        end_with_timestamps(line, filled())?;
    }
    Ok(())
}

pub(crate) fn write_payment_types(line: &mut LineWriter<impl Write>) -> io::Result<()> {
    for column in Table::PaymentType.columns() {
        if let ColumnType::Enum { labels, .. } = column.kind {
            for (id, label) in (1..).zip(labels) {
                line.integer(id);
                line.text(label);
                end_with_timestamps(line, opened())?;
            }
        }
    }
    Ok(())
}

fn end_with_timestamps(line: &mut LineWriter<impl Write>, instant: Instant) -> io::Result<()> {
    line.timestamp(instant);
    line.timestamp(instant);
    line.end()
}
