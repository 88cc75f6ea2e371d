/** One name for all ways to ask a report the same thing: what answers of reports are kept under. */
import { createHash } from 'node:crypto';
import { canonicalJson, type Json } from '../../domain/json.ts';
import type { Period } from '../periods/period.ts';

/** Another number forgets all that is kept: when a figure is worked out in another way, or a table of ClickHouse changes. */
export const reportsVersion = 3;

export interface ReportParameters {
  /** Pattern of the route, and its method. */
  readonly report: string;
  readonly period: KeyedPeriod;
  /** As they are used, not as they were written: checked, defaults filled in, names matched. `undefined` is as good as absent. */
  readonly parameters: Readonly<Record<string, unknown>>;
}

/** An end that was not given is now, and a start that was not given so many days before it: the same for all who ask within minutes. */
export interface KeyedPeriod {
  /** Epoch milliseconds. */
  readonly start: number | { readonly days: number };
  readonly end: number | 'now';
  readonly timezone: string;
}

export function keyedPeriod(
  given: { readonly start_date?: string | undefined; readonly end_date?: string | undefined }, period: Period, days: number,
): KeyedPeriod {
  return {
    start: given.start_date === undefined ? { days } : period.startMs,
    end: given.end_date === undefined ? 'now' : period.endMs,
    timezone: period.timezone,
  };
}

/** 43 characters. */
export function reportKey(asked: ReportParameters): string {
  // without what is undefined
  const given = JSON.parse(JSON.stringify({ ...asked, version: reportsVersion })) as Json;
  return createHash('sha256').update(canonicalJson(given)).digest('base64url');
}
