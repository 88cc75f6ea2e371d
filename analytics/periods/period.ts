/** Periods of reports: dates or date-times in a time zone, end exclusive, safe over changes of the clock. */
import { formatter, localInstant, wallClock } from './zone.ts';

export interface Period {
  /** Epoch milliseconds. */
  readonly startMs: number;
  /** Epoch milliseconds, exclusive. */
  readonly endMs: number;
  /** IANA name that ClickHouse knows too. */
  readonly timezone: string;
}

export interface PeriodProblem {
  readonly problem: { readonly pointer: string; readonly message: string };
}

export interface PeriodParameters {
  readonly start_date?: string | undefined;
  readonly end_date?: string | undefined;
  readonly timezone?: string | undefined;
}

const dayMs = 86_400_000;
const longestDays = 400;
export const longestPeriodMs = longestDays * dayMs;
/** ClickHouse's toStartOfDay wraps to 1970 after 2106. */
const latestMs = Date.UTC(2100, 0, 1);

/**
 * Reads `start_date`, `end_date`, `timezone` (UTC when absent). A date is its first instant in the time zone; a
 * date-time without offset is local time there; one with `Z` or an offset is what it says. Absent end: now. Absent
 * start: `defaultDays` times 24 hours before the end.
 */
export function readPeriod(parameters: PeriodParameters, now: number, defaultDays = 7): Period | PeriodProblem {
  const timezone = readTimezone(parameters.timezone ?? 'UTC');
  if (timezone === undefined) return problem('timezone', 'is not an IANA time zone such as Europe/Berlin');
  const end = readInstant('end_date', parameters.end_date, timezone, now);
  if (typeof end === 'object') return end;
  const start = readInstant('start_date', parameters.start_date, timezone, end - defaultDays * dayMs);
  if (typeof start === 'object') return start;
  if (start >= end) {
    return problem('start_date', 'must be before end_date, which is exclusive (and now when it is not given)');
  }
  if (wallClock(end, timezone) - wallClock(start, timezone) > longestDays * dayMs) {
    return problem('start_date', `must be at most ${longestDays} days before end_date`);
  }
  return { startMs: start, endMs: end, timezone };
}

export const earlierPeriods = ['previous', 'year'] as const;

/** previous: as long on the clock, and directly before. year: the same dates and hours a year before (of 29 February, 28). */
export function periodBefore({ startMs, endMs, timezone }: Period, which: (typeof earlierPeriods)[number]): Period {
  const [start, end] = [wallClock(startMs, timezone), wallClock(endMs, timezone)];
  if (which === 'previous') return { startMs: localInstant(start - (end - start), timezone), endMs: startMs, timezone };
  return { startMs: localInstant(yearBefore(start), timezone), endMs: localInstant(yearBefore(end), timezone), timezone };
}

function yearBefore(wall: number): number {
  const date = new Date(wall);
  const month = date.getUTCMonth();
  date.setUTCFullYear(date.getUTCFullYear() - 1);
  if (date.getUTCMonth() !== month) date.setUTCDate(0);
  return date.getTime();
}

/** Days on the clock: one that lasts 23 or 25 hours is one day. */
export function daysIn({ startMs, endMs, timezone }: Period): number {
  return (wallClock(endMs, timezone) - wallClock(startMs, timezone)) / dayMs;
}

function readInstant(
  name: keyof PeriodParameters, text: string | undefined, timezone: string, fallback: number,
): number | PeriodProblem {
  const instant = text === undefined ? fallback : instantOf(text, timezone);
  if (instant === undefined) return problem(name, 'is not a date (2026-03-29) or date-time (2026-03-29T10:00:00Z)');
  if (instant < 0 || instant >= latestMs) return problem(name, 'must lie in the years 1970 to 2099');
  return instant;
}

function problem(name: keyof PeriodParameters, message: string): PeriodProblem {
  return { problem: { pointer: `/${name}`, message: `${name} ${message}` } };
}

const dateTime =
  /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?(Z|[+-](?:0\d|1[0-4]):[0-5]\d)?)?$/i;

function instantOf(text: string, timezone: string): number | undefined {
  const match = dateTime.exec(text);
  if (match === null) return undefined;
  const numbers = match.slice(1, 7).map((part) => Number(part ?? 0));
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = numbers;
  const milliseconds = Number((match[7] ?? '').padEnd(3, '0').slice(0, 3));
  const local = Date.UTC(year, month - 1, day, hour, minute, second, milliseconds);
  // Date.UTC rolls 30 February over into March and reads the year 99 as 1999; a real date comes back as it went in.
  const written = `${match[1]}-${match[2]}-${match[3]}T${match[4] ?? '00'}:${match[5] ?? '00'}:${match[6] ?? '00'}`;
  if (new Date(local).toISOString().slice(0, 19) !== written) return undefined;
  return match[8] === undefined ? localInstant(local, timezone) : local - offsetMs(match[8]);
}

function offsetMs(offset: string): number {
  if (offset.toUpperCase() === 'Z') return 0;
  const sign = offset.startsWith('-') ? -1 : 1;
  return sign * (Number(offset.slice(1, 3)) * 60 + Number(offset.slice(4, 6))) * 60_000;
}

/**
 * One spelling for one zone, since ClickHouse minds capitals and the cache key must not differ. The engine answers old
 * names for some (Asia/Calcutta): a zone written in the usual capitals keeps its own.
 */
function readTimezone(name: string): string | undefined {
  if (!/^[a-z][a-z0-9_+\-/]{0,63}$/i.test(name)) return undefined;
  try {
    const resolved = formatter(name).resolvedOptions().timeZone;
    if (resolved === 'UTC' || resolved.toLowerCase() === name.toLowerCase()) return resolved;
    return /^[A-Z][A-Za-z]+(?:\/[A-Z][A-Za-z_-]+)+$/.test(name) ? name : resolved;
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}
