// Rows of a source table.

import { Shape, membersOf } from "./json.js";
import { Reject, unexpected } from "./reject.js";

/// A source table, and the columns of it that a plugin reads. Of several bad ones the first is the reason of the reject.
export class Source {
  constructor(table, columns) {
    this.table = table;
    this.names = Object.keys(columns);
    this.columns = Object.values(columns);
  }

  /// The row that a line, or a nested object, holds.
  read(text) {
    const raws = this.shape?.read(text) ?? this.readAnyShape(text);
    const row = {};
    for (let index = 0; index < raws.length; index++) {
      row[this.names[index]] = readColumn(this.names[index], this.columns[index], raws[index]);
    }
    return row;
  }

  readAnyShape(text) {
    const members = membersOf(text);
    const raws = this.names.map(() => undefined);
    for (const [key, raw] of members) {
      const index = this.names.indexOf(key);
      if (index >= 0 && raws[index] !== undefined) {
        throw new Reject("duplicate-column", "the column comes twice in the line", key);
      }
      if (index >= 0) {
        raws[index] = raw;
      }
    }
    this.shape = Shape.learn(members, this.names) ?? this.shape;
    return raws;
  }

  sourceColumns() {
    const columns = this.names.map((name, index) => ({ name, column: this.columns[index] }));
    const own = columns.filter(({ column }) => column.source === undefined);
    return own.map(({ name, column }) => ({ name, type: column.contractType, nullable: column.nullable }));
  }

  lookups() {
    const lookups = this.columns.filter(({ source }) => source !== undefined);
    return lookups.map(({ source, column, key }) => ({
      table: source.table,
      sourceColumn: column,
      key,
      columns: source.sourceColumns(),
    }));
  }
}

function readColumn(name, column, raw) {
  if (raw === undefined || raw === "null") {
    if (column.nullable) {
      return null;
    }
    throw raw === undefined
      ? new Reject("missing-column", "the line has no such column", name)
      : new Reject("null", "found null in a column that must have a value", name);
  }
  try {
    return column.read(raw);
  } catch (error) {
    if (error instanceof Reject) {
      error.column = error.column === undefined ? name : `${name}.${error.column}`;
    }
    throw error;
  }
}

/// The row of another table, which the host joins into the line: the one whose `key` the `column` of this table refers to. It
/// stands under the other table's name.
export function lookup(source, { column, key, nullable = false }) {
  return {
    source,
    column,
    key,
    nullable,
    read(raw) {
      if (!raw.startsWith("{")) {
        throw unexpected("json", raw, "a JSON object");
      }
      return source.read(raw);
    },
  };
}
