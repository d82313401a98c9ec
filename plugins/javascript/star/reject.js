// Why a line made no row.

/// A line that makes no row: throw it, and the others go on. `code` is a stable word for the reason (lower-case letters, digits
/// and hyphens), `column` the source column with the bad value, where it is one column's.
export class Reject extends Error {
  constructor(code, message, column) {
    super(message);
    this.code = code;
    this.column = column;
  }
}

/// A reject that says what was found and what was expected.
export function unexpected(code, found, expected) {
  const charsMax = 60;
  const text = String(found);
  return new Reject(code, `found \`${text.length > charsMax ? `${text.slice(0, charsMax)}…` : text}\`, expected ${expected}`);
}
