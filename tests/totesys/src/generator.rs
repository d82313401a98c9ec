//! A database of a given size, seed and style.

use std::fmt;
use std::io::{self, Write};

use crate::line::{LineWriter, Style};
use crate::random::Random;
use crate::schema::Table;
use crate::timeline::Timeline;
use crate::{design, orders, payment, reference};

/// Sales orders at scale 1.
const SALES_ORDERS: u64 = 11_187;
/// Purchase orders at scale 1.
const PURCHASE_ORDERS: u64 = 4_649;
/// Designs at scale 1; they grow with the square root of the scale.
const DESIGNS: u64 = 473;
/// The most sales orders, so that the ids of transactions fit Postgres' integer.
const SALES_ORDERS_MAX: u64 = 1_500_000_000;
/// The purpose of the numbers that decide about edits, beside the tables'.
const PURPOSE: u64 = 32;

/// How large a database is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Size {
    /// A multiple of two years of the real one; 1 gives 11,187 sales orders.
    Scale(f64),
    /// Exactly so many sales orders, and the rest in proportion.
    SalesOrders(u64),
}

/// Everything that the rows depend on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Options {
    /// How many rows.
    pub size: Size,
    /// Which of many databases of that size.
    pub seed: u64,
    /// How lines are spelt.
    pub style: Style,
    /// Whether awkward but legal values are among the rows.
    pub hard: bool,
}

impl Default for Options {
    /// Scale 1, seed 1, compact, not hard.
    fn default() -> Self {
        Self { size: Size::Scale(1.0), seed: 1, style: Style::Compact, hard: false }
    }
}

/// A size that no database can have.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SizeError(Size);

impl fmt::Display for SizeError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Size::Scale(scale) => write!(formatter, "a scale of `{scale}` is not possible")?,
            Size::SalesOrders(orders) => write!(formatter, "`{orders}` sales orders are not possible")?,
        }
        write!(formatter, "; there can be 0 to {SALES_ORDERS_MAX} sales orders, {SALES_ORDERS} at scale 1")
    }
}

impl std::error::Error for SizeError {}

/// Writes the tables of one database.
///
/// Every row is a function of the options and its id: tables can be written alone, in any order and on any thread, and
/// the bytes are those of a full run.
#[derive(Debug, Clone, Copy)]
pub struct Generator {
    seed: u64,
    style: Style,
    hard: bool,
    sales_orders: u64,
    purchase_orders: u64,
    designs: u64,
}

impl Generator {
    /// Plans a database.
    ///
    /// # Errors
    /// If the size is negative, not a number or larger than Postgres' integer keys allow.
    pub fn new(options: Options) -> Result<Self, SizeError> {
        let wanted = match options.size {
            Size::Scale(scale) if scale >= 0.0 => (SALES_ORDERS as f64 * scale).round(),
            Size::Scale(_) => return Err(SizeError(options.size)),
            Size::SalesOrders(orders) => orders as f64,
        };
        if wanted > SALES_ORDERS_MAX as f64 {
            return Err(SizeError(options.size));
        }
        let sales_orders = wanted as u64;
        Ok(Self {
            seed: options.seed,
            style: options.style,
            hard: options.hard,
            sales_orders,
            purchase_orders: (sales_orders * PURCHASE_ORDERS + SALES_ORDERS / 2) / SALES_ORDERS,
            designs: (DESIGNS * DESIGNS * sales_orders / SALES_ORDERS).isqrt().max(design::OPENING_DESIGNS),
        })
    }

    /// How many rows a table has.
    pub fn rows(&self, table: Table) -> u64 {
        match table {
            Table::Address => reference::ADDRESSES,
            Table::Counterparty => reference::COUNTERPARTIES,
            Table::Currency => reference::CURRENCIES.len() as u64,
            Table::Department => reference::DEPARTMENTS,
            Table::Staff => reference::STAFF,
            Table::PaymentType => reference::PAYMENT_TYPES,
            Table::Design => self.designs,
            Table::SalesOrder => self.sales_orders,
            Table::PurchaseOrder => self.purchase_orders,
            // The hard case has one more, whose sales order was deleted.
            Table::Transaction | Table::Payment => self.timeline().events() + u64::from(self.hard),
        }
    }

    /// Writes a table as JSON Lines in heap order and tells how many rows there were.
    ///
    /// Memory is constant; writes are some 64 KiB each, so `output` needs no buffer.
    ///
    /// # Errors
    /// Whatever `output` refuses with.
    pub fn write_table(&self, table: Table, output: impl Write) -> io::Result<u64> {
        let mut line = LineWriter::new(output, table, self.style);
        match table {
            Table::Address => reference::write_addresses(&mut line, self.seed, self.hard),
            Table::Counterparty => reference::write_counterparties(&mut line, self.seed, self.hard),
            Table::Currency => reference::write_currencies(&mut line),
            Table::Department => reference::write_departments(&mut line, self.seed, self.hard),
            Table::Staff => reference::write_staff(&mut line, self.seed),
            Table::PaymentType => reference::write_payment_types(&mut line),
            Table::Design => design::write_designs(&mut line, self.seed, self.designs, self.hard),
            Table::SalesOrder => self.write_heap(table, |id| orders::write_sales_order(&mut line, self, id)),
            Table::PurchaseOrder => self.write_heap(table, |id| orders::write_purchase_order(&mut line, self, id)),
            Table::Transaction => self.write_heap(table, |id| orders::write_transaction(&mut line, self, id)),
            Table::Payment => self.write_heap(table, |id| payment::write_payment(&mut line, self, id)),
        }?;
        line.finish()
    }

    pub(crate) fn seed(&self) -> u64 {
        self.seed
    }

    pub(crate) fn designs(&self) -> u64 {
        self.designs
    }

    pub(crate) fn timeline(&self) -> Timeline {
        Timeline::new(self.seed, self.sales_orders, self.purchase_orders)
    }

    /// Writes the rows as Postgres' heap has them: an edited row stands at the end.
    fn write_heap(&self, table: Table, mut write_row: impl FnMut(u64) -> io::Result<()>) -> io::Result<()> {
        for edited in [false, true] {
            for id in 1..=self.rows(table) {
                if is_edited(self.seed, table, id) == edited {
                    write_row(id)?;
                }
            }
        }
        Ok(())
    }
}

/// Whether a row was edited after it was made, which moves it in the heap and not its `last_updated`.
pub(crate) fn is_edited(seed: u64, table: Table, id: u64) -> bool {
    let per_10_000 = match table {
        // 44 of 473 and 53 of 11,187 in seven months.
        Table::Design => 930,
        Table::SalesOrder | Table::PurchaseOrder => 47,
        Table::Transaction => 10,
        // Being paid mostly finds room on the same page.
        Table::Payment => 1_000,
        _ => 0,
    };
    Random::of(seed, PURPOSE + table as u64, id).below(10_000) < per_10_000
}
