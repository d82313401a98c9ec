// Rows of a star table.

import { Reject } from "./reject.js";

/// A star table: `row` makes one of its rows.
export class StarTable {
  constructor(kind, name, { key, comment, fields }) {
    this.kind = kind;
    this.name = name;
    this.key = [key].flat();
    this.comment = comment;
    this.names = Object.keys(fields);
    this.fields = Object.values(fields);
  }

  /// A row of the table, with a value for each field.
  row(values) {
    return { table: this, values };
  }

  /// The contract's values of a row, in the order of the fields.
  write(values) {
    const written = [];
    for (let index = 0; index < this.names.length; index++) {
      const name = this.names[index];
      written.push(writeField(name, this.fields[index], values[name]));
    }
    if (Object.keys(values).length !== this.names.length) {
      const odd = Object.keys(values).filter((name) => !this.names.includes(name));
      throw new TypeError(`a row of \`${this.name}\` has fields that there are not: ${odd.join(", ")}`);
    }
    return written;
  }

  manifest() {
    const fields = this.fields.map(({ contractType, nullable, references, comment }, index) => ({
      name: this.names[index],
      type: contractType,
      nullable,
      references: referenceOf(references),
      comment,
    }));
    return { name: this.name, kind: this.kind, key: this.key, fields, comment: this.comment };
  }
}

function writeField(name, field, value) {
  if (value === undefined) {
    throw new TypeError(`a row lacks the field \`${name}\``);
  }
  if (value === null) {
    if (field.nullable) {
      return null;
    }
    throw new Reject("null", `the plugin's value of the field \`${name}\`: found null in a field that must have a value`);
  }
  try {
    return field.write(value);
  } catch (error) {
    if (error instanceof Reject) {
      error.message = `the plugin's value of the field \`${name}\`: ${error.message}`;
    }
    throw error;
  }
}

function referenceOf(tableAndField) {
  if (tableAndField === undefined) {
    return undefined;
  }
  const [table, field] = tableAndField.split(".");
  return { table, field };
}
