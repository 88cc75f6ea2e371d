/**
 * What stands in for a field of a flow file that is wrong, so that the rest of its question or rule can still be checked and
 * all mistakes come at once. A stand-in is never part of a flow: a file with a mistake is refused.
 */
import type { z } from 'zod';

/** A part of the file; its `wrong` fields (`min`, `options.0.label`) hold stand-ins, and their mistakes are noted. */
export interface Part<T> { readonly data: T; readonly wrong: ReadonlySet<string> }

/**
 * The value to go on with in the place of a wrong one; undefined leaves the field out. `place` has * for positions, as in
 * options.*.label.
 */
export type StandIns = (place: string, value: unknown, at: number) => unknown;

/** A copy of a part with stand-ins for what its issues name. Null when the part as a whole is no map of fields. */
export function mended(value: unknown, issues: readonly z.core.$ZodIssue[], standIns: StandIns): Part<object> | null {
  if (!isFields(value)) return null;
  const data = structuredClone(value);
  const wrong = new Set<string>();
  for (const issue of issues) {
    const path = issue.path.map(String);
    const parent = within(data, issue.code === 'unrecognized_keys' ? path : path.slice(0, -1));
    if (issue.code === 'unrecognized_keys') {
      for (const key of issue.keys) {
        wrong.add([...path, key].join('.'));
        if (parent !== null) delete parent[key];
      }
      continue;
    }
    wrong.add(path.join('.'));
    const field = path.at(-1);
    if (field === undefined || parent === null) continue;
    const place = issue.path.map((part) => (typeof part === 'number' ? '*' : String(part))).join('.');
    const standIn = standIns(place, parent[field], Number(issue.path.findLast((part) => typeof part === 'number') ?? 0));
    if (standIn === undefined) delete parent[field];
    else parent[field] = standIn;
  }
  return { data, wrong };
}

function within(data: Record<string, unknown>, path: readonly string[]): Record<string, unknown> | null {
  let at: unknown = data;
  for (const part of path) at = isObject(at) && Object.hasOwn(at, part) ? at[part] : undefined;
  return isObject(at) ? at : null;
}

function isFields(value: unknown): value is Record<string, unknown> {
  return isObject(value) && !Array.isArray(value);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
