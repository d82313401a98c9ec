//! A database of a given size, seed and style.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io::{self, Write};

use crate::calendar::Instant;
use crate::later::{DaysError, Later};
use crate::line::{LineWriter, Style};
use crate::random::Random;
use crate::schema::Table;
use crate::timeline::{OrderId, Timeline};
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
    later: Later,
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
            later: Later::default(),
        })
    }

    /// The same database so many working days later; 0 is the database itself.
    ///
    /// A day brings some 22 sales orders with what belongs to them, however large the database is, pays what is due,
    /// edits some orders and designs without a trace in `last_updated`, moves a department and deletes an order with its
    /// transaction and payment.
    ///
    /// # Errors
    /// If there are more than a year of them.
    pub fn after_days(self, days: u64) -> Result<Self, DaysError> {
        Ok(Self { later: Later::new(self.seed, days)?, ..self })
    }

    /// How many rows a table has.
    pub fn rows(&self, table: Table) -> u64 {
        let changes = self.changes(table);
        self.first_rows(table) + self.later.rows_added(table) - changes.deleted.len() as u64
    }

    /// How many rows a table has before any later day.
    fn first_rows(&self, table: Table) -> u64 {
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

    /// Writes a table line by line in heap order and tells how many rows there were.
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
            Table::Department => {
                reference::write_departments(&mut line, self.seed, self.hard, &self.changes(table).edited)
            }
            Table::Staff => reference::write_staff(&mut line, self.seed),
            Table::PaymentType => reference::write_payment_types(&mut line),
            Table::Design => self.write_heap(table, |id, edited_on| {
                design::write_design(&mut line, self.seed, id, self.designs, self.hard, edited_on)
            }),
            Table::SalesOrder => {
                self.write_heap(table, |id, edited_on| orders::write_sales_order(&mut line, self, id, edited_on))
            }
            Table::PurchaseOrder => {
                self.write_heap(table, |id, edited_on| orders::write_purchase_order(&mut line, self, id, edited_on))
            }
            Table::Transaction => self.write_heap(table, |id, _| orders::write_transaction(&mut line, self, id)),
            Table::Payment => self.write_heap(table, |id, _| payment::write_payment(&mut line, self, id)),
        }?;
        line.finish()
    }

    /// The same rows, spelt in another way.
    #[must_use]
    pub fn with_style(self, style: Style) -> Self {
        Self { style, ..self }
    }

    pub(crate) fn seed(&self) -> u64 {
        self.seed
    }

    pub(crate) fn designs(&self) -> u64 {
        self.designs
    }

    pub(crate) fn later(&self) -> Later {
        self.later
    }

    /// The order of an event. Transaction `n + 1` is about event `n`: first those of the timeline, then the orphan if
    /// there is one, then those of the later days.
    pub(crate) fn order(&self, event: u64) -> OrderId {
        let Some(later_event) = event.checked_sub(self.first_later_event()) else {
            return self.timeline().order(event);
        };
        match self.later.order(later_event) {
            OrderId::Sale(id) => OrderId::Sale(self.sales_orders + id),
            OrderId::Purchase(id) => OrderId::Purchase(self.purchase_orders + id),
        }
    }

    /// The event of an order.
    pub(crate) fn event(&self, order: OrderId) -> u64 {
        let later = match order {
            OrderId::Sale(id) if id > self.sales_orders => OrderId::Sale(id - self.sales_orders),
            OrderId::Purchase(id) if id > self.purchase_orders => OrderId::Purchase(id - self.purchase_orders),
            _ => return self.timeline().event(order),
        };
        self.first_later_event() + self.later.event(later)
    }

    /// When an event happened.
    pub(crate) fn instant(&self, event: u64) -> Instant {
        match event.checked_sub(self.first_later_event()) {
            Some(later_event) => self.later.instant(later_event),
            None => self.timeline().instant(event),
        }
    }

    /// How many designs there were when an event happened.
    pub(crate) fn designs_at(&self, event: u64) -> u64 {
        match event < self.first_later_event() {
            true => design::designs_at(self.designs, self.timeline().working_ms(event)),
            false => self.designs,
        }
    }

    /// Whether the order of an event was deleted from under its transaction.
    pub(crate) fn is_orphan(&self, event: u64) -> bool {
        event == self.timeline().events() && event < self.first_later_event()
    }

    fn first_later_event(&self) -> u64 {
        self.timeline().events() + u64::from(self.hard)
    }

    fn timeline(&self) -> Timeline {
        Timeline::new(self.seed, self.sales_orders, self.purchase_orders)
    }

    /// What later days do to rows of the first database.
    fn changes(&self, table: Table) -> Changes {
        let deleted_orders = self.later.deleted_sales(self.sales_orders).into_iter();
        let deleted = match table {
            Table::SalesOrder => deleted_orders.collect(),
            Table::Transaction | Table::Payment => {
                deleted_orders.map(|id| self.timeline().event(OrderId::Sale(id)) + 1).collect()
            }
            _ => BTreeSet::new(),
        };
        Changes { edited: self.later.edits(table, self.first_rows(table)), deleted }
    }

    /// Writes the rows as Postgres' heap has them: an edited row stands at the end, rows of later days behind it.
    ///
    /// A row is written by its id and the later days on which it was edited.
    fn write_heap(&self, table: Table, mut write_row: impl FnMut(u64, &[u64]) -> io::Result<()>) -> io::Result<()> {
        let (first_rows, Changes { edited, deleted }) = (self.first_rows(table), self.changes(table));
        for is_moved in [false, true] {
            for id in 1..=first_rows {
                let is_here = !deleted.contains(&id) && !edited.contains_key(&id);
                if is_here && is_edited(self.seed, table, id) == is_moved {
                    write_row(id, &[])?;
                }
            }
        }
        for (id, days) in edited.iter().filter(|(id, _)| !deleted.contains(id)) {
            write_row(*id, days)?;
        }
        (first_rows + 1..=first_rows + self.later.rows_added(table)).try_for_each(|id| write_row(id, &[]))
    }
}

/// What later days do to a table.
struct Changes {
    /// Rows by their id, with the days on which they are edited.
    edited: BTreeMap<u64, Vec<u64>>,
    deleted: BTreeSet<u64>,
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
