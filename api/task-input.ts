/**
 * The input of a parked task as an operator sees it: its shape, and whatever is no person's. Everything else is a mask that
 * says of which type it is and where it stands, so that a mask that comes back stands for what it masks, wherever it was moved.
 *
 * - Shown: numbers and booleans beside the named fields, and texts under names that hold ids and names of our own.
 * - Masked: every other text, and everything below a name that is not known to hold fields of ours (answers, before, after ...).
 *   What is not known here is masked, so that a new task shows too little at first, not too much.
 */
import { isList, type Json } from '../domain/json.ts';
import type { Mistake } from '../domain/message.ts';

const shownTexts: ReadonlySet<string> = new Set([
  'approval_id', 'changeset_id', 'correlation_id', 'event', 'event_id', 'id', 'language', 'operation', 'provider', 'recommendation_id',
  'session_id', 'status', 'target_type', 'task_id', 'tenant',
]);
/** Hold fields of ours, or lists of them. */
const shownFields: ReadonlySet<string> = new Set(['changes', 'flow']);

type Replace = (value: string | number | boolean, pointer: string) => Json;

export function maskedInput(input: Json): Json {
  return walked(input, '', true, false, maskOf);
}

/**
 * The amended input with what its masks stand for. A text that begins like a mask and is none of this input's is a mistake, so
 * that no mask is ever stored as a value.
 */
export function unmaskedInput(amended: Json, original: Json): { readonly input: Json; readonly mistakes: readonly Mistake[] } {
  const hidden = new Map<Json, Json>();
  walked(original, '', true, false, (value, pointer) => {
    hidden.set(maskOf(value, pointer), value);
    return value;
  });
  const mistakes: Mistake[] = [];
  const input = walked(amended, '', false, false, (value, pointer) => {
    if (typeof value !== 'string' || !value.startsWith(dots)) return value;
    const found = hidden.get(value);
    if (found !== undefined) return found;
    mistakes.push({
      pointer, code: 'unknown_mask', message: 'This begins like a masked value, and is none of this task.',
      fix: 'Send the masked value exactly as it was shown, or a value of your own.',
    });
    return value;
  });
  return { input, mistakes };
}

const dots = '•••';

function maskOf(value: string | number | boolean, pointer: string): string {
  return `${dots} ${typeof value} ${pointer}`;
}

/**
 * `ours`: what is under this name consists of fields of ours. `shown`: a text under this name is no person's. Bounded by the
 * depth of bodies.
 */
function walked(value: Json, pointer: string, ours: boolean, shown: boolean, replace: Replace): Json {
  if (value === null) return null;
  if (typeof value !== 'object') return ours && (shown || typeof value !== 'string') ? value : replace(value, pointer);
  if (isList(value)) return value.map((item, at) => walked(item, `${pointer}/${at}`, ours, shown, replace));
  return Object.fromEntries(Object.entries(value).map(([key, member]) => {
    const nested = typeof member === 'object' && member !== null;
    const below = `${pointer}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`;
    return [key, walked(member, below, ours && (!nested || shownFields.has(key)), shownTexts.has(key), replace)];
  }));
}
