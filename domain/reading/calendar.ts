/** Days as text, YYYY-MM-DD, without a clock and a zone. */
import { isDate } from '../answer.ts';

const dayMs = 86_400_000;
/** Ten years; further ahead nobody counts in days. */
export const mostDays = 3_650;

export function dateOf(year: number, month: number, day: number): string | null {
  const date = `${String(year).padStart(4, '0')}-${twoDigits(month)}-${twoDigits(day)}`;
  return isDate(date) ? date : null;
}

export function dayAfter(date: string, days: number): string | null {
  if (!isDate(date) || Math.abs(days) > mostDays) return null;
  const moved = new Date(Date.parse(`${date}T00:00:00Z`) + days * dayMs).toISOString().slice(0, 10);
  return isDate(moved) ? moved : null;
}

/** Monday is 0. */
export function weekdayOf(date: string): number {
  return (new Date(`${date}T00:00:00Z`).getUTCDay() + 6) % 7;
}

export function partsOf(date: string): { readonly year: number; readonly month: number; readonly day: number } {
  const [year = 0, month = 0, day = 0] = date.split('-').map(Number);
  return { year, month, day };
}

function twoDigits(number: number): string {
  return String(number).padStart(2, '0');
}
