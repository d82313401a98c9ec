// Exact decimal numbers.

/// An exact decimal number: 3.40 is 340n of scale 2. Money never goes through a number of JavaScript, which is a float.
export class Decimal {
  constructor(unscaled, scale) {
    this.unscaled = unscaled;
    this.scale = scale;
  }

  /// The sum with another number of the same scale.
  plus(other) {
    if (other.scale !== this.scale) {
      throw new TypeError(`can't add a decimal of scale ${other.scale} to one of scale ${this.scale}`);
    }
    return new Decimal(this.unscaled + other.unscaled, this.scale);
  }

  /// The product with an integer.
  times(factor) {
    return new Decimal(this.unscaled * BigInt(factor), this.scale);
  }

  toString() {
    const digits = String(this.unscaled < 0n ? -this.unscaled : this.unscaled).padStart(this.scale + 1, "0");
    const point = digits.length - this.scale;
    const fraction = this.scale > 0 ? `.${digits.slice(point)}` : "";
    return `${this.unscaled < 0n ? "-" : ""}${digits.slice(0, point)}${fraction}`;
  }
}

/// The most digits of any decimal.
const DIGITS_MAX = 38;

/// The number that a JSON number stands for, without its point at `scale`; `undefined` where it has digits that the scale has no
/// room for, or more than any decimal.
export function unscaledOf(text, scale) {
  const plain = /^(-?\d{1,20})(?:\.(\d{1,20}))?$/.exec(text);
  if (plain !== null && (plain[2] === undefined || plain[2].length <= scale)) {
    return BigInt(plain[1] + (plain[2] ?? "").padEnd(scale, "0"));
  }
  const [, sign, whole, fraction = "", exponent = "0"] = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text);
  const significant = (whole + fraction).replace(/0+$/, "");
  const digits = significant.replace(/^0+/, "");
  if (digits === "") {
    return 0n;
  }
  const zeros = Number(exponent) - fraction.length + (whole.length + fraction.length - significant.length) + scale;
  if (zeros < 0 || digits.length + zeros > DIGITS_MAX) {
    return undefined;
  }
  return BigInt(sign + digits + "0".repeat(zeros));
}
