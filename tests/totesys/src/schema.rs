//! The eleven tables of the database: columns with their Postgres types, nullability and keys.

use std::fmt;
use std::str::FromStr;

/// A table of the ToteSys database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Table {
    /// Addresses, of counterparties and of deliveries.
    Address,
    /// The companies that are sold to and bought from.
    Counterparty,
    /// Three currencies by their ISO 4217 code.
    Currency,
    /// Departments of the company; their location can be null.
    Department,
    /// The people of the company.
    Staff,
    /// Four kinds of payment, of which two are used.
    PaymentType,
    /// The designs that are sold.
    Design,
    /// Orders that customers placed.
    SalesOrder,
    /// Orders that the company placed.
    PurchaseOrder,
    /// One row for each order of either kind.
    Transaction,
    /// One row for each transaction.
    Payment,
}

/// What a column of a [`Table`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// The name, in the database as in the lines.
    pub name: &'static str,
    /// The Postgres type.
    pub kind: ColumnType,
    /// Whether null is legal.
    pub nullable: bool,
    /// Its part in a key.
    pub key: Key,
}

/// The Postgres type of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnType {
    /// 32 bits, signed.
    Integer,
    /// Text of any length.
    Text,
    /// Text of three characters at most.
    Varchar3,
    /// Money: ten digits, two of them after the point.
    Numeric10_2,
    /// Milliseconds, without time zone.
    Timestamp3,
    /// True or false.
    Boolean,
    /// The enum of the quoted name.
    Enum {
        /// The type's name, which Postgres wants quoted.
        name: &'static str,
        /// Its values, in the order of the type.
        labels: &'static [&'static str],
    },
}

impl fmt::Display for ColumnType {
    /// Writes the type as Postgres' `format_type` does.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer => formatter.write_str("integer"),
            Self::Text => formatter.write_str("text"),
            Self::Varchar3 => formatter.write_str("character varying(3)"),
            Self::Numeric10_2 => formatter.write_str("numeric(10,2)"),
            Self::Timestamp3 => formatter.write_str("timestamp(3) without time zone"),
            Self::Boolean => formatter.write_str("boolean"),
            Self::Enum { name, .. } => write!(formatter, "\"{name}\""),
        }
    }
}

/// A column's part in a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// None.
    None,
    /// The primary key, filled from a sequence.
    Primary,
    /// Refers to the primary key of a table: on update cascade, on delete set null if nullable, else restrict.
    Foreign {
        /// The table referred to.
        table: Table,
        /// Whether each key may be referred to once only.
        unique: bool,
    },
}

/// A name that is no table's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownTable(String);

impl fmt::Display for UnknownTable {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "no table is called `{}`; there are", self.0)?;
        Table::ALL.iter().try_for_each(|table| write!(formatter, " {}", table.name()))
    }
}

impl std::error::Error for UnknownTable {}

impl FromStr for Table {
    type Err = UnknownTable;

    fn from_str(name: &str) -> Result<Self, UnknownTable> {
        Self::ALL.into_iter().find(|table| table.name() == name).ok_or_else(|| UnknownTable(name.to_owned()))
    }
}

impl Table {
    /// Every table, those referred to before those that refer to them.
    pub const ALL: [Self; 11] = [
        Self::Address,
        Self::Counterparty,
        Self::Currency,
        Self::Department,
        Self::Staff,
        Self::PaymentType,
        Self::Design,
        Self::SalesOrder,
        Self::PurchaseOrder,
        Self::Transaction,
        Self::Payment,
    ];

    /// The name in the database; `transaction` needs quotes in SQL.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::Counterparty => "counterparty",
            Self::Currency => "currency",
            Self::Department => "department",
            Self::Staff => "staff",
            Self::PaymentType => "payment_type",
            Self::Design => "design",
            Self::SalesOrder => "sales_order",
            Self::PurchaseOrder => "purchase_order",
            Self::Transaction => "transaction",
            Self::Payment => "payment",
        }
    }

    /// The columns in table order; the first is the primary key.
    pub const fn columns(self) -> &'static [Column] {
        match self {
            Self::Address => ADDRESS,
            Self::Counterparty => COUNTERPARTY,
            Self::Currency => CURRENCY,
            Self::Department => DEPARTMENT,
            Self::Staff => STAFF,
            Self::PaymentType => PAYMENT_TYPE,
            Self::Design => DESIGN,
            Self::SalesOrder => SALES_ORDER,
            Self::PurchaseOrder => PURCHASE_ORDER,
            Self::Transaction => TRANSACTION,
            Self::Payment => PAYMENT,
        }
    }
}

const fn column(name: &'static str, kind: ColumnType) -> Column {
    Column { name, kind, nullable: false, key: Key::None }
}

const fn nullable(column: Column) -> Column {
    Column { nullable: true, ..column }
}

const fn primary(name: &'static str) -> Column {
    Column { key: Key::Primary, ..column(name, ColumnType::Integer) }
}

const fn foreign(name: &'static str, table: Table) -> Column {
    Column { key: Key::Foreign { table, unique: false }, ..column(name, ColumnType::Integer) }
}

const fn foreign_unique(name: &'static str, table: Table) -> Column {
    Column { key: Key::Foreign { table, unique: true }, ..column(name, ColumnType::Integer) }
}

const CREATED_AT: Column = column("created_at", ColumnType::Timestamp3);
const LAST_UPDATED: Column = column("last_updated", ColumnType::Timestamp3);

const PAYMENT_TYPE_NAME: ColumnType = ColumnType::Enum {
    name: "PaymentTypeName",
    labels: &["SALES_RECEIPT", "SALES_REFUND", "PURCHASE_PAYMENT", "PURCHASE_REFUND"],
};
const TRANSACTION_TYPE: ColumnType = ColumnType::Enum { name: "TransactionType", labels: &["SALE", "PURCHASE"] };

const ADDRESS: &[Column] = &[
    primary("address_id"),
    column("address_line_1", ColumnType::Text),
    nullable(column("address_line_2", ColumnType::Text)),
    nullable(column("district", ColumnType::Text)),
    column("city", ColumnType::Text),
    column("postal_code", ColumnType::Text),
    column("country", ColumnType::Text),
    column("phone", ColumnType::Text),
    CREATED_AT,
    LAST_UPDATED,
];

const COUNTERPARTY: &[Column] = &[
    primary("counterparty_id"),
    column("counterparty_legal_name", ColumnType::Text),
    foreign("legal_address_id", Table::Address),
    nullable(column("commercial_contact", ColumnType::Text)),
    nullable(column("delivery_contact", ColumnType::Text)),
    CREATED_AT,
    LAST_UPDATED,
];

const CURRENCY: &[Column] =
    &[primary("currency_id"), column("currency_code", ColumnType::Varchar3), CREATED_AT, LAST_UPDATED];

const DEPARTMENT: &[Column] = &[
    primary("department_id"),
    column("department_name", ColumnType::Text),
    nullable(column("location", ColumnType::Text)),
    nullable(column("manager", ColumnType::Text)),
    CREATED_AT,
    LAST_UPDATED,
];

const STAFF: &[Column] = &[
    primary("staff_id"),
    column("first_name", ColumnType::Text),
    column("last_name", ColumnType::Text),
    foreign("department_id", Table::Department),
    column("email_address", ColumnType::Text),
    CREATED_AT,
    LAST_UPDATED,
];

const PAYMENT_TYPE: &[Column] =
    &[primary("payment_type_id"), column("payment_type_name", PAYMENT_TYPE_NAME), CREATED_AT, LAST_UPDATED];

const DESIGN: &[Column] = &[
    primary("design_id"),
    CREATED_AT,
    column("design_name", ColumnType::Text),
    column("file_location", ColumnType::Text),
    column("file_name", ColumnType::Text),
    LAST_UPDATED,
];

const SALES_ORDER: &[Column] = &[
    primary("sales_order_id"),
    CREATED_AT,
    LAST_UPDATED,
    foreign("design_id", Table::Design),
    foreign("staff_id", Table::Staff),
    foreign("counterparty_id", Table::Counterparty),
    column("units_sold", ColumnType::Integer),
    column("unit_price", ColumnType::Numeric10_2),
    foreign("currency_id", Table::Currency),
    column("agreed_delivery_date", ColumnType::Text),
    column("agreed_payment_date", ColumnType::Text),
    foreign("agreed_delivery_location_id", Table::Address),
];

const PURCHASE_ORDER: &[Column] = &[
    primary("purchase_order_id"),
    CREATED_AT,
    LAST_UPDATED,
    foreign("staff_id", Table::Staff),
    foreign("counterparty_id", Table::Counterparty),
    column("item_code", ColumnType::Text),
    column("item_quantity", ColumnType::Integer),
    column("item_unit_price", ColumnType::Numeric10_2),
    foreign("currency_id", Table::Currency),
    column("agreed_delivery_date", ColumnType::Text),
    column("agreed_payment_date", ColumnType::Text),
    foreign("agreed_delivery_location_id", Table::Address),
];

const TRANSACTION: &[Column] = &[
    primary("transaction_id"),
    column("transaction_type", TRANSACTION_TYPE),
    nullable(foreign_unique("sales_order_id", Table::SalesOrder)),
    nullable(foreign_unique("purchase_order_id", Table::PurchaseOrder)),
    CREATED_AT,
    LAST_UPDATED,
];

const PAYMENT: &[Column] = &[
    primary("payment_id"),
    CREATED_AT,
    LAST_UPDATED,
    foreign_unique("transaction_id", Table::Transaction),
    foreign("counterparty_id", Table::Counterparty),
    column("payment_amount", ColumnType::Numeric10_2),
    foreign("currency_id", Table::Currency),
    foreign("payment_type_id", Table::PaymentType),
    column("paid", ColumnType::Boolean),
    column("payment_date", ColumnType::Text),
    column("company_ac_number", ColumnType::Integer),
    column("counterparty_ac_number", ColumnType::Integer),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back_and_others_are_refused() {
        for table in Table::ALL {
            assert_eq!(Ok(table), table.name().parse());
        }
        let message = "orders".parse::<Table>().expect_err("no such table").to_string();
        assert!(message.starts_with("no table is called `orders`; there are address "), "{message}");
    }

    #[test]
    fn a_table_has_one_key_and_refers_to_tables_before_it() {
        for (position, table) in Table::ALL.into_iter().enumerate() {
            let columns = table.columns();
            assert_eq!(Key::Primary, columns[0].key);
            assert_eq!(1, columns.iter().filter(|column| column.key == Key::Primary).count());
            for column in columns {
                if let Key::Foreign { table: parent, .. } = column.key {
                    assert!(Table::ALL[..position].contains(&parent), "{} of {}", column.name, table.name());
                }
            }
        }
    }
}
