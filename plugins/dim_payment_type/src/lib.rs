//! Payment types.

use sdk::{Context, Reject, Source, Star};

/// A payment type as it stands in ToteSys.
#[derive(Source)]
#[source(table = "payment_type")]
pub struct PaymentType {
    payment_type_id: i32,
    payment_type_name: PaymentTypeName,
}

/// Whether money comes in or goes out, and why.
#[derive(Source, Clone, Copy)]
pub enum PaymentTypeName {
    /// A customer pays.
    SalesReceipt,
    /// A customer is paid back.
    SalesRefund,
    /// A supplier is paid.
    PurchasePayment,
    /// A supplier pays back.
    PurchaseRefund,
}

/// A type of payment.
#[derive(Star)]
#[star(dimension, key = "payment_type_id")]
pub struct DimPaymentType {
    /// The type.
    payment_type_id: i32,
    /// `SALES_RECEIPT`, `SALES_REFUND`, `PURCHASE_PAYMENT` or `PURCHASE_REFUND`.
    payment_type_name: PaymentTypeName,
}

fn transform(payment_type: &PaymentType, _context: &Context<'_>) -> Result<DimPaymentType, Reject> {
    Ok(DimPaymentType {
        payment_type_id: payment_type.payment_type_id,
        payment_type_name: payment_type.payment_type_name,
    })
}

sdk::plugin!(transform: PaymentType => DimPaymentType);

#[cfg(test)]
#[test]
fn cases() {
    sdk::case::run::<Plugin>(env!("CARGO_MANIFEST_DIR"));
}
