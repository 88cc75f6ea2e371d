/** Kinds of settings. A number cannot be declared without its greatest value, nor a timer with one that no timer can be. */
import { z } from 'zod';
import { urlFault } from './url-fault.ts';

interface Range { readonly min?: number; readonly max: number }

/** Node's timers take no longer one: beyond it they fire at once. */
const timerMsMax = 2 ** 31 - 1;

/** In digits alone: a blank is no zero. Its bounds are finite, and stand where it is declared. */
function whole(unit: string, fallback: number, { min = 1, max }: Range, description: string) {
  return digits(unit, { min, max }).default(fallback).meta({ description, unit });
}

export function digits(unit: string, { min = 1, max }: Range) {
  const message = `must be a whole number from ${min} to ${max}${unit === '' ? '' : `, ${unit}`}`;
  return z.string().regex(/^\d{1,15}$/, message).transform(Number).pipe(z.int().min(min, message).max(max, message));
}

/** For pauses, deadlines and intervals, which are timers. */
function timer(unit: string, unitMs: number) {
  return (fallback: number, range: Range, description: string) => {
    if (range.max * unitMs > timerMsMax) throw new RangeError(`${range.max} ${unit} is longer than a timer can be.`);
    return whole(unit, fallback, range, description);
  };
}

export const milliseconds = timer('milliseconds', 1);
export const seconds = timer('seconds', 1_000);
/** For ages, which are compared with the clock and are no timers. */
export const hours = (fallback: number, range: Range, description: string) => whole('hours', fallback, range, description);
export const days = (fallback: number, range: Range, description: string) => whole('days', fallback, range, description);
export const count = (fallback: number, range: Range, description: string) => whole('', fallback, range, description);

export const text = (description: string) => z.string().min(1).optional().describe(description);
export const secret = (description: string) => z.string().min(16, 'must have at least 16 characters').optional().describe(description);
export const flag = (description: string) => oneOf(['true', 'false']).default('false').describe(description);

export function oneOf<const T extends readonly string[]>(values: T) {
  return z.enum(values, `must be ${values.join(', ').replace(/, ([^,]*)$/, ' or $1')}`);
}

/** An address of one of the schemes, the first of which is the usual one. */
export function address(schemes: readonly [string, ...string[]], description: string) {
  return z.string().superRefine((given, context) => {
    const fault = urlFault(given, schemes);
    if (fault !== null) context.addIssue({ code: 'custom', message: fault });
  }).optional().describe(description);
}
