/** Any JSON value, as it travels over HTTP and through Temporal. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** Levels that `canonicalJson` and `sameValue` go down: far below where recursion would exhaust the stack. */
const maxJsonDepth = 100;

/** Deep equality of JSON, whatever the order of keys; false below 100 levels. */
export function sameValue(a: Json, b: Json): boolean {
  return equal(a, b, maxJsonDepth);
}

/**
 * JSON with sorted keys and no spaces (RFC 8785): equal values give equal text, so its hash names the value.
 * @throws RangeError below 100 levels.
 */
export function canonicalJson(value: Json): string {
  return canonical(value, maxJsonDepth);
}

function equal(a: Json, b: Json, levels: number): boolean {
  if (a === b) return true;
  if (a === null || b === null || typeof a !== 'object' || typeof b !== 'object' || levels === 0) return false;
  if (isList(a) || isList(b)) {
    if (!isList(a) || !isList(b) || a.length !== b.length) return false;
    return a.every((item, at) => equal(item, b[at] ?? null, levels - 1));
  }
  const keys = Object.keys(a);
  return (
    keys.length === Object.keys(b).length &&
    keys.every((key) => Object.hasOwn(b, key) && equal(a[key] ?? null, b[key] ?? null, levels - 1))
  );
}
function canonical(value: Json, levels: number): string {
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  if (levels === 0) throw new RangeError(`JSON nested more than ${maxJsonDepth} deep`);
  if (isList(value)) return `[${value.map((item) => canonical(item, levels - 1)).join(',')}]`;
  const fields = Object.keys(value).toSorted(byUnits);
  return `{${fields.map((key) => `${JSON.stringify(key)}:${canonical(value[key] ?? null, levels - 1)}`).join(',')}}`;
}

/** Bytes of a value's JSON in UTF-8. */
export function jsonBytes(value: unknown): number {
  return utf8Bytes(JSON.stringify(value) ?? '');
}

/** There is neither Buffer nor TextEncoder in a workflow. */
function utf8Bytes(text: string): number {
  let bytes = text.length;
  for (let at = 0; at < text.length; at += 1) {
    const unit = text.charCodeAt(at);
    // of a surrogate pair, four bytes, each half counts two; JSON escapes a lone one
    if (unit > 0x7f) bytes += unit > 0x7ff && (unit < 0xd800 || unit > 0xdfff) ? 2 : 1;
  }
  return bytes;
}

export function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}

function byUnits(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
