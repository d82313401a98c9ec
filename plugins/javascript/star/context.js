// Where a line stands in its table.

import { Reject } from "./reject.js";

/// Where the line that is being transformed stands. Numbers that may be large are bigints.
export class Context {
  constructor(call, line) {
    this.call = call;
    this.lineInCall = line;
  }

  /// The source table.
  get table() {
    return this.call.table;
  }

  /// The sequence id of the packet, 1 or more.
  get sequence() {
    return this.call.sequence;
  }

  /// The number of this record in its table, 1 or more, in the order of arrival over all packets.
  get record() {
    return this.call.firstRecord + BigInt(this.lineInCall);
  }

  /// The number of this record as a number, where it fits an integer of 32 bits; else the line is rejected.
  get recordId() {
    const record = this.record;
    if (record > 2_147_483_647n) {
      throw new Reject("record-number", `record ${record} does not fit an integer of 32 bits`);
    }
    return Number(record);
  }

  /// The index of the line in its packet, from 0.
  get line() {
    return this.call.firstLine + BigInt(this.lineInCall);
  }
}
