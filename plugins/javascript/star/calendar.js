// Days, times of day and points in time. A day is the number of days since 1970-01-01 in the proleptic Gregorian calendar, in the
// years 1 to 9999, and a time of day is in microseconds: both are integers that a number of JavaScript holds exactly. Its own
// `Date` knows no microseconds, and is not used.

export const DAYS_MIN = -719_162;
export const DAYS_MAX = 2_932_896;
export const MICROS_PER_DAY = 86_400_000_000;

const MONTH_DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/// A point in time, UTC: a `date` in days and a `time` of that day in microseconds.
export class Timestamp {
  constructor(date, time) {
    this.date = date;
    this.time = time;
  }
}

/// The day of a year, month and day; `undefined` where there is no such day.
///
/// Source of the day count: "chrono-Compatible Low-Level Date Algorithms", Howard Hinnant.
export function daysOf(year, month, day) {
  const isLeap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
  const leapDay = isLeap && month === 2 ? 1 : 0;
  if (year < 1 || year > 9999 || month < 1 || month > 12 || day < 1 || day > MONTH_DAYS[month - 1] + leapDay) {
    return undefined;
  }
  // Years begin in March, so that the leap day comes last.
  const marchYear = month > 2 ? year : year - 1;
  const marchMonth = month > 2 ? month - 3 : month + 9;
  const dayOfYear = Math.floor((153 * marchMonth + 2) / 5) + day - 1;
  const leapDays = Math.floor(marchYear / 4) - Math.floor(marchYear / 100) + Math.floor(marchYear / 400);
  return marchYear * 365 + leapDays + dayOfYear - 719_468;
}

/// The year, month and day of a day.
export function yearMonthDay(days) {
  const shifted = days + 719_468;
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1_460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const marchMonth = Math.floor((5 * dayOfYear + 2) / 153);
  const day = dayOfYear - Math.floor((153 * marchMonth + 2) / 5) + 1;
  const month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9;
  return { year: era * 400 + yearOfEra + (month > 2 ? 0 : 1), month, day };
}

// The days of a table are few.
const knownDays = new Map();
const KNOWN_DAYS_MAX = 4_096;

/// The day of `YYYY-MM-DD`; `undefined` where the text is none.
export function parseDate(text) {
  const known = knownDays.get(text);
  if (known !== undefined) {
    return known;
  }
  const match = /^(\d{4})-(\d\d)-(\d\d)$/.exec(text);
  const days = match === null ? undefined : daysOf(Number(match[1]), Number(match[2]), Number(match[3]));
  if (days !== undefined && knownDays.size < KNOWN_DAYS_MAX) {
    knownDays.set(text, days);
  }
  return days;
}

const CLOCK = "([01]\\d|2[0-3]):([0-5]\\d):([0-5]\\d)(?:\\.(\\d{1,6}))?";
const TIME = new RegExp(`^${CLOCK}$`);
const TIMESTAMP = new RegExp(`^(.{10})[T ]${CLOCK}(?:Z|([+-])([01]\\d|2[0-3])(?::?([0-5]\\d))?)?$`);

/// The microseconds of `HH:MM:SS` and 0 to 6 digits of a fraction; `undefined` where the text is none.
export function parseTime(text) {
  const match = TIME.exec(text);
  return match === null ? undefined : microsOf(match[1], match[2], match[3], match[4]);
}

function microsOf(hour, minute, second, fraction) {
  const seconds = (Number(hour) * 60 + Number(minute)) * 60 + Number(second);
  return seconds * 1_000_000 + (fraction === undefined ? 0 : Number(fraction.padEnd(6, "0")));
}

/// The point in time of a date, `T` or a space, a time and perhaps `Z`, `+01`, `+0130` or `+01:30`; `undefined` where the text
/// is none.
export function parseTimestamp(text) {
  const match = TIMESTAMP.exec(text);
  const date = match === null ? undefined : parseDate(match[1]);
  if (date === undefined) {
    return undefined;
  }
  const time = microsOf(match[2], match[3], match[4], match[5]);
  if (match[6] === undefined) {
    return new Timestamp(date, time);
  }
  const offset = (Number(match[7]) * 60 + Number(match[8] ?? 0)) * 60_000_000;
  const shifted = match[6] === "+" ? time - offset : time + offset;
  const daysLater = Math.floor(shifted / MICROS_PER_DAY);
  const isInRange = date + daysLater >= DAYS_MIN && date + daysLater <= DAYS_MAX;
  return isInRange ? new Timestamp(date + daysLater, shifted - daysLater * MICROS_PER_DAY) : undefined;
}
