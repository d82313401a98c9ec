//! Where a line stands in its table.

use crate::bindings::star::transform::types;
use crate::reject::Reject;

/// Where the line that is being transformed stands.
#[derive(Clone, Debug)]
pub struct Context<'a> {
    call: &'a types::Context,
    line: u32,
}

impl<'a> Context<'a> {
    /// The context of the line with index `line` in a call.
    #[must_use]
    pub fn new(call: &'a types::Context, line: u32) -> Self {
        Self { call, line }
    }

    /// The source table.
    #[must_use]
    pub fn table(&self) -> &str {
        &self.call.table
    }

    /// The sequence id of the packet, 1 or more.
    #[must_use]
    pub fn sequence(&self) -> u64 {
        self.call.sequence
    }

    /// The number of this record in its table, 1 or more, in the order of arrival over all packets.
    #[must_use]
    pub fn record(&self) -> u64 {
        self.call.first_record + u64::from(self.line)
    }

    /// The number of this record as an integer of 32 bits.
    ///
    /// # Errors
    /// A reject with the code `record-number` when the table has more than 2,147,483,647 records.
    #[inline]
    pub fn record_id(&self) -> Result<i32, Reject> {
        i32::try_from(self.record()).map_err(|_| {
            Reject::new("record-number", format!("record {} does not fit an integer of 32 bits", self.record()))
        })
    }

    /// The index of the line in its packet, from 0.
    #[must_use]
    pub fn line(&self) -> u64 {
        self.call.first_line + u64::from(self.line)
    }

    /// The index of the line in this call, from 0.
    #[doc(hidden)]
    #[must_use]
    pub fn line_in_call(&self) -> u32 {
        self.line
    }
}
