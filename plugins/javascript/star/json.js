// The exact reading of a line: each column's own JSON text, so that no number becomes a float on the way.

import { Reject, unexpected } from "./reject.js";

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/// The lines of a call: a text each, and `undefined` for one that is not UTF-8.
export function linesOf(bytes) {
  try {
    const lines = decoder.decode(bytes).split("\n");
    if (lines.at(-1) === "") {
      lines.pop();
    }
    return lines;
  } catch {
    return linesOneByOne(bytes);
  }
}

function linesOneByOne(bytes) {
  const lines = [];
  for (let start = 0; start < bytes.length; ) {
    const feed = bytes.indexOf(10, start);
    const end = feed < 0 ? bytes.length : feed;
    try {
      lines.push(decoder.decode(bytes.subarray(start, end)));
    } catch {
      lines.push(undefined);
    }
    start = end + 1;
  }
  return lines;
}

/// The members of a JSON object in their order: pairs of a key and a value's JSON text.
export function membersOf(text) {
  let value;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new Reject("json", `not valid JSON: ${error.message}`);
  }
  if (value === null || typeof value !== "object" || Array.isArray(value)) {
    throw unexpected("json", text, "a JSON object");
  }
  // It is valid, so that only the ends of keys and values are to be found.
  const members = [];
  const token = /[ \t\n\r]*("(?:[^"\\]|\\.)*"|[[\]{},:]|[^ \t\n\r"[\]{},:]+)/y;
  let depth = 0;
  let key;
  let valueStart = 0;
  for (let match = token.exec(text); match !== null; match = token.exec(text)) {
    const found = match[1];
    if (depth === 1 && (found === "," || found === "}") && key !== undefined) {
      members.push([key, text.slice(valueStart, token.lastIndex - 1).trim()]);
      key = undefined;
    }
    if (found === "{" || found === "[") {
      depth += 1;
    } else if (found === "}" || found === "]") {
      depth -= 1;
    } else if (depth === 1 && key === undefined && found.startsWith('"')) {
      key = JSON.parse(found);
      if (!key.isWellFormed()) {
        throw new Reject("json", "not valid JSON: a key has half a character");
      }
      token.lastIndex = text.indexOf(":", token.lastIndex) + 1;
      valueStart = token.lastIndex;
    }
  }
  return members;
}

const TEXT = '"[^"\\\\\\x00-\\x1f]*"';
const NUMBER = "-?(?:0|[1-9][0-9]*)(?:\\.[0-9]+)?(?:[eE][+-]?[0-9]+)?";

/// The shape of lines whose members are those of a line before: most lines of a table are of one shape, and one pattern reads
/// them. It takes a part of valid JSON only, and what it does not take is read by `membersOf`.
export class Shape {
  /// `undefined` where the line's members are not plain, or a key comes twice.
  static learn(members, names) {
    const keys = members.map(([key]) => key);
    const isPlain = keys.every((key) => /^\w+$/.test(key)) && new Set(keys).size === keys.length;
    return isPlain ? new Shape(members, names) : undefined;
  }

  constructor(members, names) {
    const parts = members.map(([key, raw]) => {
      const value = raw.startsWith('"') ? `${TEXT}|null` : /^[-\d]/.test(raw) ? `${NUMBER}|null` : `${TEXT}|${NUMBER}|true|false|null`;
      return `"${key}":${names.includes(key) ? `(${value})` : `(?:${value})`}`;
    });
    this.pattern = new RegExp(`^\\{${parts.join(",")}\\}$`);
    const captured = members.map(([key]) => key).filter((key) => names.includes(key));
    // What no group holds is `undefined`.
    this.groups = names.map((name) => (captured.includes(name) ? captured.indexOf(name) + 1 : captured.length + 1));
  }

  /// The JSON text of each name's value, `undefined` where there is none; `undefined` at all for a line of another shape.
  read(text) {
    const match = this.pattern.exec(text);
    if (match === null) {
      return undefined;
    }
    const raws = [];
    for (let index = 0; index < this.groups.length; index++) {
      raws.push(match[this.groups[index]]);
    }
    return raws;
  }
}
