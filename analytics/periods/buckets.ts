/**
 * Hours, days, weeks and months of a time zone, over a period. Edges are worked out here and handed to ClickHouse as numbers, so that
 * there is one calendar and not two: of sessions in it `bucketOf` answers the start of the bucket that each is in.
 *
 * A day begins at the first instant of its date: it lasts 23, 24 or 25 hours (on Lord Howe 23.5 to 24.5), and in Cairo it may begin at
 * 01:00. An hour begins whenever the clocks show a full one, or jump into another: that which comes twice in autumn is two hours, and
 * where clocks are put back by half an hour, one of an hour and a half.
 */
import type { Period } from './period.ts';
import { stretches, type Stretch } from './zone.ts';

export const granularities = ['hourly', 'daily', 'weekly', 'monthly'] as const;
export type Granularity = (typeof granularities)[number];

export const weekStarts = ['monday', 'sunday', 'saturday'] as const;
export type WeekStart = (typeof weekStarts)[number];

/** What is counted in it are the sessions of [startMs, endMs): at the edges it is cut to the period. Epoch milliseconds. */
export interface Bucket {
  /** `2026-03-29T03:00+02:00`, `2026-03-29`, `2026-W13` or `2026-03`. */
  readonly label: string;
  readonly startMs: number;
  /** Exclusive. */
  readonly endMs: number;
  /** Cut by the period, or not over yet. */
  readonly partial: boolean;
}

export interface BucketsAsked {
  readonly granularity: Granularity;
  /** monday */
  readonly weekStart?: WeekStart | undefined;
  /** Epoch milliseconds. What ends later is partial. */
  readonly now: number;
}

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
/** The longest bucket is a month; a day more, since zones leave days out. */
const longestMs = 33 * dayMs;

/** All buckets that the period touches, in order, also empty ones. 400 days have 9,600 hours. */
export function bucketsIn(period: Period, { granularity, weekStart = 'monday', now }: BucketsAsked): readonly Bucket[] {
  const { startMs, endMs, timezone } = period;
  const calendar = calendars[granularity](weekStart);
  const starts = startsIn(stretches(startMs - longestMs, endMs + longestMs, timezone), calendar);
  const first = starts.findLastIndex(({ atMs }) => atMs <= startMs);
  return starts.slice(Math.max(0, first)).flatMap(({ atMs, wallMs, offsetMs }, index, rest) => {
    const next = rest[index + 1]?.atMs;
    if (next === undefined || atMs >= endMs) return [];
    return [{
      label: calendar.label(wallMs, offsetMs), startMs: Math.max(atMs, startMs), endMs: Math.min(next, endMs),
      partial: atMs < startMs || next > endMs || next > now,
    }];
  });
}

/** ClickHouse: of `column` (epoch milliseconds) the start of its bucket, epoch milliseconds. Bind `edges` as this gives them. */
export const bucketOf = (column: string): string => `roundDown(${column}, {edges:Array(Int64)})`;
export const edgesOf = (buckets: readonly Bucket[]): readonly number[] => buckets.map(({ startMs }) => startMs);

interface Start { readonly atMs: number; readonly wallMs: number; readonly offsetMs: number }

interface Calendar {
  /** How often to look, in milliseconds of the wall clock. */
  readonly every: number;
  /** Which bucket a wall-clock time is in; ascending. */
  readonly number: (wallMs: number) => number;
  /** Whether the same number begins again when the clocks come to its beginning a second time. */
  readonly repeats: boolean;
  readonly label: (wallMs: number, offsetMs: number) => string;
}

const calendars: Readonly<Record<Granularity, (weekStart: WeekStart) => Calendar>> = {
  hourly: () => ({ every: hourMs, number: (wall) => Math.floor(wall / hourMs), repeats: true, label: hourLabel }),
  daily: () => ({ every: dayMs, number: dayNumber, repeats: false, label: (wall) => iso(wall).slice(0, 10) }),
  weekly: (weekStart) => ({
    every: dayMs, number: (wall) => weekNumber(wall, weekStart), repeats: false, label: (wall) => weekLabel(wall, weekStart),
  }),
  monthly: () => ({ every: dayMs, number: monthNumber, repeats: false, label: (wall) => iso(wall).slice(0, 7) }),
};

function startsIn(all: readonly Stretch[], { every, number, repeats }: Calendar): readonly Start[] {
  const starts: Start[] = [];
  let newest = -Infinity;
  let before = -Infinity;
  for (const { fromMs, toMs, offsetMs } of all) {
    const [from, to] = [fromMs + offsetMs, toMs + offsetMs];
    const full = Math.ceil(from / every) * every;
    for (let wallMs = from; wallMs < to; wallMs = wallMs < full ? full : wallMs + every) {
      const now = number(wallMs);
      const begins = repeats ? now !== before || wallMs % every === 0 : now > newest;
      if (begins) starts.push({ atMs: wallMs - offsetMs, wallMs, offsetMs });
      before = now;
      newest = Math.max(newest, now);
    }
  }
  return starts;
}

function dayNumber(wallMs: number): number {
  return Math.floor(wallMs / dayMs);
}

/** 1 January 1970 was a Thursday, day 0. */
const firstWeekday: Readonly<Record<WeekStart, number>> = { monday: 4, sunday: 3, saturday: 2 };

function weekNumber(wallMs: number, weekStart: WeekStart): number {
  return Math.floor((dayNumber(wallMs) - firstWeekday[weekStart]) / 7);
}

/** As ISO 8601 says for Monday: a week is of the year in which most of its days lie, and the first such one is number 1. */
function weekLabel(wallMs: number, weekStart: WeekStart): string {
  const middle = (weekNumber(wallMs, weekStart) * 7 + firstWeekday[weekStart] + 3) * dayMs;
  const year = new Date(middle).getUTCFullYear();
  const week = 1 + Math.floor((middle - Date.UTC(year, 0, 1)) / (7 * dayMs));
  return `${year}-W${String(week).padStart(2, '0')}`;
}

function monthNumber(wallMs: number): number {
  const shown = new Date(wallMs);
  return shown.getUTCFullYear() * 12 + shown.getUTCMonth();
}

function hourLabel(wallMs: number, offsetMs: number): string {
  const minutes = Math.abs(Math.round(offsetMs / 60_000));
  const two = (value: number): string => String(value).padStart(2, '0');
  const offset = `${offsetMs < 0 ? '-' : '+'}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`;
  return `${iso(wallMs).slice(0, 16)}${offset}`;
}

function iso(wallMs: number): string {
  return new Date(wallMs).toISOString();
}
