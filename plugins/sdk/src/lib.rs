//! Write a star-schema transform as one function from a source row to a star row.
//!
//! ```text
//! JSON line ──► Source struct ──► your function ──► Star struct ──► columns
//!      shape-predicting reader        │                 derive(Star)
//!      (serde_json where it misses)   └── Err(Reject): the line makes no row, the others go on
//! ```
//!
//! ```
//! use sdk::{Context, Decimal, Reject, Source, Star};
//!
//! #[derive(Source)]
//! #[source(table = "payment")]
//! struct Payment {
//!     payment_id: i32,
//!     payment_amount: Decimal<10, 2>,
//! }
//!
//! /// What was paid.
//! #[derive(Star)]
//! #[star(fact, key = "payment_record_id")]
//! struct FactPayment {
//!     payment_record_id: i32,
//!     payment_id: i32,
//!     payment_amount: Decimal<10, 2>,
//! }
//!
//! fn transform(payment: &Payment, context: &Context) -> Result<FactPayment, Reject> {
//!     Ok(FactPayment {
//!         payment_record_id: context.record_id()?,
//!         payment_id: payment.payment_id,
//!         payment_amount: payment.payment_amount,
//!     })
//! }
//!
//! sdk::plugin!(transform: Payment => FactPayment);
//! ```
//!
//! | module | what it holds |
//! |---|---|
//! | [`source`] | what a source row is, and the exact reading of a line by serde_json |
//! | [`shape`], [`cursor`] | the fast reading of lines that look like the line before |
//! | [`value`] | the types of columns: exact decimals, dates, times, text |
//! | [`star`], [`mod@column`] | what a star row is, and the columns that rows become |
//! | [`chunk`] | the loop over the lines of one call |
//! | [`reject`], [`context`] | why a line made no row; where it stands |
//! | [`log`] | a line for the host's log |
//! | [`case`] | the plugin's test cases: a folder each, with lines, expected rows and expected rejects |

extern crate self as sdk;

pub mod case;
pub mod chunk;
pub mod column;
pub mod context;
pub mod cursor;
pub mod log;
pub mod manifest;
pub mod reject;
pub mod shape;
pub mod source;
pub mod star;
pub mod value;

pub use context::Context;
pub use reject::Reject;
pub use sdk_derive::{Source, Star};
pub use source::Source;
pub use star::Star;
pub use value::{Date, Decimal, Time, Timestamp};

/// The contract's types, as `wit-bindgen` makes them.
#[expect(missing_docs, reason = "generated; `wit/` documents every item")]
#[allow(
    clippy::all,
    unsafe_code,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "generated code: it calls across the component boundary"
)]
pub mod bindings {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "transform",
        pub_export_macro: true,
        default_bindings_module: "::sdk::bindings",
        export_macro_name: "export_transform",
    });
}

/// Makes a crate a plugin: `sdk::plugin!(function: SourceType => StarType)`.
///
/// The function takes `&SourceType` and [`&Context`](Context) and returns `Result<StarType, Reject>`. In place of
/// `StarType` may stand `Option<StarType>` (some lines make no row), `Vec<StarType>` (a line makes several), or a tuple of
/// these (several star tables). The plugin has the name and the version of its crate.
#[macro_export]
macro_rules! plugin {
    ($transform:path : $source:ty => $rows:ty) => {
        #[doc(hidden)]
        pub struct Plugin;

        impl $crate::bindings::exports::star::transform::plugin::Guest for Plugin {
            fn describe() -> $crate::bindings::star::transform::types::Manifest {
                $crate::manifest::manifest::<$source, $rows>(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"))
            }

            fn transform(
                context: $crate::bindings::star::transform::types::Context,
                json_lines: ::std::vec::Vec<u8>,
            ) -> ::core::result::Result<
                $crate::bindings::star::transform::types::Output,
                $crate::bindings::star::transform::types::Failure,
            > {
                $crate::chunk::transform_chunk::<$source, <$rows as $crate::star::Rows>::Columns, _>(
                    &context,
                    &json_lines,
                    |source, context, columns| {
                        let rows: $rows = $transform(source, context)?;
                        $crate::star::Rows::append(rows, columns, context.line_in_call());
                        Ok(())
                    },
                )
            }
        }

        #[cfg(target_arch = "wasm32")]
        $crate::bindings::export_transform!(Plugin with_types_in $crate::bindings);
    };
}
