/** One line of an import: an event of another system's session, or what is wrong with it. */
import { isUtf8 } from 'node:buffer';
import { z } from 'zod';
import { derivedId } from '../../domain/derived-id.ts';
import type { Json } from '../../domain/json.ts';

/** An event of a session of another system. `at` is epoch milliseconds. */
export interface ImportedEvent {
  readonly session_id: string;
  readonly event: string;
  readonly at: number;
  /** As the other system names the person; null: it does not say. */
  readonly user: string | null;
  /** Values as text: what is no text is its JSON. */
  readonly properties: Readonly<Record<string, string>>;
}

export const lineFaults = [
  'line_too_long', 'malformed_text', 'malformed_json', 'missing_field', 'unknown_field', 'invalid_value', 'invalid_timestamp',
  'own_session', 'session_full', 'pseudonyms_unavailable',
] as const;
export type LineFault = (typeof lineFaults)[number];
export interface Rejected { readonly code: LineFault; readonly message: string }

/** Bytes of a line without its end. */
export const lineBytesMax = 65_536;
const propertiesMax = 100;
const depthMax = 8;

// as the names of a session's own events, which have no comma either: it separates the steps of a funnel
const name = /^[^\p{C}]{1,200}$/u;
const timestamp = z.iso.datetime({ offset: true });
const uuid = z.uuid();
const fields: ReadonlySet<string> = new Set(['session_id', 'event', 'timestamp', 'user', 'properties']);

/** `bytes` null: the line was too long to be kept. `now`: no event is later. */
export function readLine(bytes: Uint8Array | null, tenant: string, now: number): ImportedEvent | Rejected {
  if (bytes === null) return fault('line_too_long', `The line is longer than ${lineBytesMax} bytes. Give it fewer properties.`);
  if (!isUtf8(bytes)) return fault('malformed_text', 'The line is not UTF-8. Send the file as UTF-8.');
  // some programs begin a file with a mark of its encoding
  const value = jsonOf(Buffer.from(bytes).toString('utf8').replace(/^\uFEFF/, ''));
  if (value === undefined) {
    return fault('malformed_json', 'The line is no whole JSON value. Put one object on each line, and do not cut it.');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return fault('malformed_json', 'The line is no object. Put {"session_id", "event", "timestamp"} on each line.');
  }
  return eventOf(value as Given, tenant, now);
}

type Given = Readonly<Record<string, unknown>>;

function eventOf(line: Given, tenant: string, now: number): ImportedEvent | Rejected {
  const unknown = Object.keys(line).find((field) => !fields.has(field));
  if (unknown !== undefined) {
    return fault('unknown_field', `There is no field ${unknown.slice(0, 80)} in a line. Put what is yours into properties.`);
  }
  for (const field of ['session_id', 'event', 'timestamp'] as const) {
    if (line[field] === undefined) return fault('missing_field', `${field} is missing. Add it.`);
  }
  const sessionId = line['session_id'];
  if (!isName(sessionId)) return badName('session_id', '');
  const event = line['event'];
  if (!isName(event) || event.includes(',')) return badName('event', ' without a comma');
  const at = timeOf(line['timestamp']);
  if (at === null) {
    return fault('invalid_timestamp', 'timestamp is no time with its offset. Give one such as 2026-11-25T08:30:00.000Z.');
  }
  if (at < 0 || at > now) return fault('invalid_timestamp', `timestamp lies ${at < 0 ? 'before 1970' : 'in the future'}. Correct it.`);
  const user = line['user'] ?? null;
  if (user !== null && !isName(user)) return badName('user', ', or leave it out');
  const properties = propertiesOf(line['properties'] ?? {});
  if ('code' in properties) return properties;
  return { session_id: importedSessionId(tenant, sessionId), event, at, user, properties: properties.values };
}

/** A UUID as it is, in lower case; of any other id one that follows from it. */
export function importedSessionId(tenant: string, id: string): string {
  return uuid.safeParse(id).success ? id.toLowerCase() : derivedId('imported session', tenant, id);
}

function propertiesOf(given: unknown): { readonly values: Readonly<Record<string, string>> } | Rejected {
  const bad = (what: string): Rejected => fault('invalid_value', `properties ${what}`);
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    return bad('is no object. Give {"name": value}, or leave it out.');
  }
  const members = Object.entries(given as Readonly<Record<string, Json>>);
  if (members.length > propertiesMax) return bad(`has more than ${propertiesMax} members. Leave out what no report needs.`);
  const values: [string, string][] = [];
  for (const [member, value] of members) {
    if (!isName(member)) return bad(`has a name that is not 1 to 200 printable characters. Rename it.`);
    if (value === null) continue;
    if (isDeeper(value, depthMax)) return bad(`is nested deeper than ${depthMax} levels. Flatten it.`);
    values.push([member, typeof value === 'string' ? value : JSON.stringify(value)]);
  }
  if (values.some(([, value]) => !value.isWellFormed() || value.includes('\0'))) {
    return fault('malformed_text', 'properties holds U+0000 or half a character. Remove them.');
  }
  return { values: Object.fromEntries(values) };
}

function isDeeper(value: Json, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((member: Json) => isDeeper(member, levels - 1));
}

function isName(value: unknown): value is string {
  return typeof value === 'string' && name.test(value);
}

function badName(field: string, more: string): Rejected {
  return fault('invalid_value', `${field} is not 1 to 200 printable characters. Give such a text${more}.`);
}

function timeOf(value: unknown): number | null {
  if (typeof value !== 'string' || value.length > 40 || !timestamp.safeParse(value).success) return null;
  const at = Date.parse(value);
  return Number.isNaN(at) ? null : at;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function fault(code: LineFault, message: string): Rejected {
  return { code, message };
}
