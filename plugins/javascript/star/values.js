// The types of columns: how each reads a value of JSON and writes one of the contract. `index.js` says which there are.

import { DAYS_MAX, DAYS_MIN, MICROS_PER_DAY, Timestamp, parseDate, parseTime, parseTimestamp } from "./calendar.js";
import { Decimal, unscaledOf } from "./decimal.js";
import { unexpected } from "./reject.js";

/// The most digits of which each number fits 64 bits.
const SHORT_PRECISION_MAX = 18;

const encoder = new TextEncoder();

/// A type: `read` makes a value of its JSON text, `write` checks a value of a star row and makes that of the contract, and
/// `values` makes the contract's values of those.
function type(contractType, { nullable = false, references, comment } = {}, { read, write, values, blank = 0 }) {
  return { contractType, nullable, references, comment, read, write, values, blank };
}

/// The text of a JSON text; `undefined` where the JSON is another value, or half a character.
function unquoted(raw) {
  if (!raw.startsWith('"')) {
    return undefined;
  }
  if (!raw.includes("\\")) {
    return raw.slice(1, -1);
  }
  const text = JSON.parse(raw);
  return text.isWellFormed() ? text : undefined;
}

/// Reads a JSON text by `parse`, which gives `undefined` for one that is no value.
function textReader(code, expected, parse) {
  return (raw) => {
    const text = unquoted(raw);
    if (text === undefined) {
      throw unexpected("type", raw, expected);
    }
    const value = parse(text);
    if (value === undefined) {
      throw unexpected(code, raw, expected);
    }
    return value;
  };
}

/// Writes an integer of `least` to `most`.
function integerWriter(least, most, expected, convert = (value) => value) {
  return (value) => {
    if (!Number.isInteger(value)) {
      throw unexpected("type", value, expected);
    }
    if (value < least || value > most) {
      throw unexpected("range", value, expected);
    }
    return convert(value);
  };
}

export function boolean(options) {
  const expected = "true or false";
  return type({ tag: "boolean" }, options, {
    read(raw) {
      if (raw !== "true" && raw !== "false") {
        throw unexpected("type", raw, expected);
      }
      return raw === "true";
    },
    write(value) {
      if (typeof value !== "boolean") {
        throw unexpected("type", value, expected);
      }
      return value;
    },
    values: (written) => ({ tag: "boolean", val: bitmap(written) }),
  });
}

export function int32(options) {
  const [least, most] = [-2_147_483_648, 2_147_483_647];
  const expected = "an integer of 32 bits, -2147483648 to 2147483647";
  return type({ tag: "int32" }, options, {
    read(raw) {
      const value = Number(raw);
      // A pattern costs more than the whole rest; a zero with a sign needs it.
      if (String(value) !== raw && !/^-?\d+$/.test(raw)) {
        throw unexpected("type", raw, expected);
      }
      if (value < least || value > most) {
        throw unexpected("range", raw, expected);
      }
      return value;
    },
    write: integerWriter(least, most, expected),
    values: (written) => ({ tag: "int32", val: new Int32Array(written) }),
  });
}

export function int64(options) {
  const expected = "an integer of 64 bits, -9223372036854775808 to 9223372036854775807";
  const fits = (value) => BigInt.asIntN(64, value) === value;
  return type({ tag: "int64" }, options, {
    read(raw) {
      if (!/^-?\d+$/.test(raw)) {
        throw unexpected("type", raw, expected);
      }
      // More digits need not be converted.
      if (raw.length > 20 || !fits(BigInt(raw))) {
        throw unexpected("range", raw, expected);
      }
      return BigInt(raw);
    },
    write(value) {
      if (typeof value !== "bigint") {
        throw unexpected("type", value, `a bigint: ${expected}`);
      }
      if (!fits(value)) {
        throw unexpected("range", value, expected);
      }
      return value;
    },
    values: (written) => ({ tag: "int64", val: new BigInt64Array(written) }),
    blank: 0n,
  });
}

export function float64(options) {
  const expected = 'a number, or "NaN", "Infinity" or "-Infinity"';
  return type({ tag: "float64" }, options, {
    read(raw) {
      if (["\"NaN\"", "\"Infinity\"", "\"-Infinity\""].includes(raw)) {
        return Number(raw.slice(1, -1));
      }
      if (!/^[-\d]/.test(raw)) {
        throw unexpected("type", raw, expected);
      }
      if (!Number.isFinite(Number(raw))) {
        throw unexpected("range", raw, "a number that 64 bits can hold");
      }
      return Number(raw);
    },
    write(value) {
      if (typeof value !== "number") {
        throw unexpected("type", value, "a number");
      }
      return value;
    },
    values: (written) => ({ tag: "float64", val: new Float64Array(written) }),
  });
}

/// A decimal number of `precision` digits, `scale` of them behind the point. What does not fit is a reject, never rounded.
export function decimal(precision, scale, options) {
  const limit = 10n ** BigInt(precision);
  const expected = `a number of at most ${precision - scale} digits before and ${scale} behind the point`;
  const fits = (unscaled) => unscaled > -limit && unscaled < limit;
  const isShort = precision <= SHORT_PRECISION_MAX;
  return type({ tag: "decimal", val: { precision, scale } }, options, {
    read(raw) {
      if (!/^[-\d]/.test(raw)) {
        throw unexpected("type", raw, expected);
      }
      const unscaled = unscaledOf(raw, scale);
      if (unscaled === undefined || !fits(unscaled)) {
        throw unexpected("decimal", raw, expected);
      }
      return new Decimal(unscaled, scale);
    },
    write(value) {
      if (!(value instanceof Decimal)) {
        throw unexpected("type", value, "a Decimal");
      }
      const unscaled = value.scale === scale ? value.unscaled : unscaledOf(String(value), scale);
      if (unscaled === undefined || !fits(unscaled)) {
        throw unexpected("decimal", value, expected);
      }
      return unscaled;
    },
    values: (written) =>
      isShort
        ? { tag: "decimal64", val: new BigInt64Array(written) }
        : { tag: "decimal128", val: sixteenBytesEach(written) },
    blank: 0n,
  });
}

export function date(options) {
  const expected = 'a day of the years 1 to 9999 as "YYYY-MM-DD"';
  return type({ tag: "date" }, options, {
    read: textReader("date", expected, parseDate),
    write: integerWriter(DAYS_MIN, DAYS_MAX, "a number of days since 1970-01-01, in the years 1 to 9999"),
    values: (written) => ({ tag: "date", val: new Int32Array(written) }),
  });
}

export function time(options) {
  const expected = 'a time of day as "HH:MM:SS", with at most 6 digits of a fraction';
  return type({ tag: "time" }, options, {
    read: textReader("time", expected, parseTime),
    write: integerWriter(0, MICROS_PER_DAY - 1, "a number of microseconds since midnight", BigInt),
    values: (written) => ({ tag: "time", val: new BigInt64Array(written) }),
    blank: 0n,
  });
}

export function timestamp(options) {
  const expected =
    'a point in time as "YYYY-MM-DDTHH:MM:SS", with at most 6 digits of a fraction, in the years 1 to 9999';
  return type({ tag: "timestamp" }, options, {
    read: textReader("timestamp", expected, parseTimestamp),
    write(value) {
      if (!(value instanceof Timestamp)) {
        throw unexpected("type", value, "a Timestamp");
      }
      // The sum is beyond what a number holds exactly.
      return BigInt(value.date) * BigInt(MICROS_PER_DAY) + BigInt(value.time);
    },
    values: (written) => ({ tag: "timestamp", val: new BigInt64Array(written) }),
    blank: 0n,
  });
}

export function utf8(options) {
  return type({ tag: "utf8" }, options, {
    read: textReader("type", "a text", (text) => text),
    write(value) {
      if (typeof value !== "string" || !value.isWellFormed()) {
        throw unexpected("type", value, "a text");
      }
      return value;
    },
    values: (written) => ({ tag: "utf8", val: textColumn(written) }),
    blank: "",
  });
}

/// The contract's column of written values, with `null` for a null.
export function columnOf(field, written) {
  if (!field.nullable || !written.includes(null)) {
    return { values: field.values(written) };
  }
  const validity = bitmap(written.map((value) => value !== null));
  return { validity, values: field.values(written.map((value) => value ?? field.blank)) };
}

/// Bit i is that of row i, the lowest of a byte first.
function bitmap(bits) {
  const bytes = new Uint8Array(Math.ceil(bits.length / 8));
  bits.forEach((bit, index) => {
    if (bit) {
      bytes[index >> 3] |= 1 << (index & 7);
    }
  });
  return bytes;
}

/// In two's complement, the lowest byte first.
function sixteenBytesEach(numbers) {
  const words = new BigInt64Array(2 * numbers.length);
  numbers.forEach((number, index) => {
    words[2 * index] = BigInt.asIntN(64, number);
    words[2 * index + 1] = number >> 64n;
  });
  return new Uint8Array(words.buffer);
}

function textColumn(texts) {
  const encoded = texts.map((text) => encoder.encode(text));
  const offsets = new Int32Array(texts.length + 1);
  encoded.forEach((bytes, index) => {
    offsets[index + 1] = offsets[index] + bytes.length;
  });
  const bytes = new Uint8Array(offsets[texts.length]);
  encoded.forEach((part, index) => bytes.set(part, offsets[index]));
  return { offsets, bytes };
}
