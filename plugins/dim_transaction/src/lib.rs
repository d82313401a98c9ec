//! Transactions, each with the order that it belongs to.

use sdk::{Context, Reject, Source, Star};

/// A transaction as it stands in ToteSys.
#[derive(Source)]
#[source(table = "transaction")]
pub struct Transaction {
    transaction_id: i32,
    transaction_type: TransactionType,
    sales_order_id: Option<i32>,
    purchase_order_id: Option<i32>,
}

/// Which kind of order a transaction belongs to.
#[derive(Source, Clone, Copy)]
pub enum TransactionType {
    /// A sales order.
    Sale,
    /// A purchase order.
    Purchase,
}

/// What is paid for: an order, sold or bought.
#[derive(Star)]
#[star(dimension, key = "transaction_id")]
pub struct DimTransaction {
    /// The transaction.
    transaction_id: i32,
    /// `SALE` or `PURCHASE`.
    transaction_type: TransactionType,
    /// The order of a sale; null for a purchase, and where the order was deleted.
    sales_order_id: Option<i32>,
    /// The order of a purchase; null for a sale, and where the order was deleted.
    purchase_order_id: Option<i32>,
}

fn transform(transaction: &Transaction, _context: &Context<'_>) -> Result<DimTransaction, Reject> {
    Ok(DimTransaction {
        transaction_id: transaction.transaction_id,
        transaction_type: transaction.transaction_type,
        sales_order_id: transaction.sales_order_id,
        purchase_order_id: transaction.purchase_order_id,
    })
}

sdk::plugin!(transform: Transaction => DimTransaction);

#[cfg(test)]
#[test]
fn cases() {
    sdk::case::run::<Plugin>(env!("CARGO_MANIFEST_DIR"));
}
