// A plugin: the loop over the lines of one call.

import { Context } from "./context.js";
import { linesOf } from "./json.js";
import { Reject } from "./reject.js";
import { columnOf } from "./values.js";

/// What a plugin's module must export under the name `plugin`.
///
/// `transform` takes a row of `source` and a `Context`, and returns a row of one of `tables`, an array of such rows, or `null` for
/// no row.
export function definePlugin({ name, version, source, tables, transform }) {
  return {
    describe() {
      return {
        name,
        version,
        sourceTable: source.table,
        sourceColumns: source.sourceColumns(),
        lookups: source.lookups(),
        starTables: tables.map((table) => table.manifest()),
      };
    },

    transform(call, jsonLines) {
      const collected = new Map(tables.map((table) => [table, new Collected(table)]));
      const rejects = [];
      const lines = linesOf(jsonLines);
      for (let line = 0; line < lines.length; line++) {
        try {
          const rows = rowsOf(source, transform, lines[line], new Context(call, line));
          if (rows.some((row) => !collected.has(row.table))) {
            throw new Error("a row is of a table that is not among the plugin's");
          }
          const written = rows.map((row) => row.table.write(row.values));
          written.forEach((values, index) => collected.get(rows[index].table).add(values, line));
        } catch (error) {
          rejects.push(rejectOf(error, line));
        }
      }
      return { tables: [...collected.values()].map((rows) => rows.finish()), rejects };
    },
  };
}

/// The rows that the function makes of a line.
function rowsOf(source, transform, text, context) {
  if (text === undefined) {
    throw new Reject("utf8", "the line is not valid UTF-8");
  }
  const made = transform(source.read(text), context) ?? [];
  return Array.isArray(made) ? made : [made];
}

function rejectOf(error, line) {
  if (error instanceof Reject) {
    return { line, code: error.code, column: error.column, message: error.message };
  }
  if (error instanceof InternalError) {
    // Out of memory or stack: the host finds the line that takes so much, and says so.
    throw error;
  }
  if (!(error instanceof Error)) {
    return { line, code: "exception", message: `thrown: ${String(error)}` };
  }
  return { line, code: "exception", message: `${error.name}: ${error.message} (line ${error.lineNumber})` };
}

/// The rows that a call made for a star table, and the line of each.
class Collected {
  constructor(table) {
    this.fields = table.fields;
    this.columns = this.fields.map(() => []);
    this.lines = [];
  }

  add(written, line) {
    for (let index = 0; index < written.length; index++) {
      this.columns[index].push(written[index]);
    }
    this.lines.push(line);
  }

  finish() {
    const columns = this.fields.map((field, index) => columnOf(field, this.columns[index]));
    return { count: this.lines.length, columns, lines: new Uint32Array(this.lines) };
  }
}
