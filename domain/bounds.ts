/**
 * How much is carried at once. Whatever crosses the engine has to stay below its 2 MB a payload and 4 MB a call, or a workflow
 * fails for ever; so everything that is carried has a bound here, in bytes of JSON as UTF-8, before compression and sealing
 * (which add 200 bytes to what does not compress). docs/limits.md shows the same numbers.
 */
import { jsonBytes } from './json.ts';
import { MessageRejected } from './message.ts';

const KB = 1_024;

/**
 * What a session knows, part by part: what of it may grow is refused at the door, or its oldest goes (the archive keeps all).
 * Together they are the state that continues in the next run and is archived.
 */
export const stateParts = {
  /** The log of answers with ids of messages, superseded ones included: 422 `session_full` beyond. */
  answers: 512 * KB,
  /** Where former values of closed questions stand in the log. */
  former: 16 * KB,
  /** A proposal's rationales are cut to fit; one that is larger still fails its task. */
  proposal: 128 * KB,
  /** Its changes are those of the proposal; reasons have 48 KB. */
  decision: 176 * KB,
  /** The newest, 50 at most. */
  checkpoints: 64 * KB,
  ui_states: 72 * KB,
  /** What repeats of messages that are no answers are told: the newest, 2,000 at most. */
  seen: 192 * KB,
  /** The newest events, 50 at most, for streams that come back. */
  recent: 64 * KB,
  /** 120 at most: those that are gone make room. */
  uploads: 40 * KB,
  /** Events and checkpoints that the archive does not have yet. */
  unsaved: 256 * KB,
  /** Ids, counters, the context of the client. */
  rest: 32 * KB,
} as const;

export const bounds = {
  /** One payload of the engine, whatever it is: its own limit is 2,048 KB. Asserted where payloads are sealed. */
  payload: 1_984 * KB,
  /** All of stateParts together. */
  state: 1_552 * KB,
  /** Events and checkpoints that one copy takes along, beside the state or its changes. */
  flush: 256 * KB,
  /** The rules of a flow, which go along with the state into the next run. */
  rules: 256 * KB,
  /** One message to a session: 10 at most are under way, and a call of the engine takes 4 MB. */
  message: 128 * KB,
  /** Answers that a resume hands back with its outcome; more are read by a query, since 10 outcomes may go in one call. */
  resumed: 64 * KB,
  /** Reasons of a decision. */
  reasons: 48 * KB,
  client_context: 4 * KB,
  /** Values that a person is asked to choose from; more are not named. */
  offered: 4 * KB,
  ui_state: 8 * KB,
  /** Input of a task that is parked, also an amended one. */
  task_input: 640 * KB,
  /** Attempts of a parked task: the newest, 200 at most. */
  task_history: 256 * KB,
} as const;

export const counts = {
  checkpoints: 50, seen: 2_000, recent: 50, uploads: 120, task_history: 200, redrive_tasks: 1_000, remarks: 5,
} as const;

/** Of what a session keeps the newest of. */
export const newestKept = {
  checkpoints: { count: counts.checkpoints, bytes: stateParts.checkpoints }, recent: { count: counts.recent, bytes: stateParts.recent },
} as const;

/**
 * Who may still add to what is unsaved, by its bytes. While the archive is away client events and checkpoints by hand stop
 * first, then answers and the like; what is left is for cancelling, decisions and what the session itself has to record.
 */
export const unsavedUpTo = { recordings: 128 * KB, messages: 224 * KB } as const;

/** Code points of texts that are kept in a session or task. */
export const textMax = { reason: 1_000, label: 200, actor: 128, remark: 60, upload_reason: 40 } as const;

/** Of a text that came past the API, which checks lengths itself. */
export function firstOf(text: string, codePoints: number): string {
  return text.length <= codePoints ? text : Array.from(text).slice(0, codePoints).join('');
}

/** Throws payload_too_large. */
export function checkSize(message: { readonly body: unknown }): void {
  const bytes = jsonBytes(message.body);
  if (bytes <= bounds.message) return;
  throw new MessageRejected('payload_too_large', `A message to a session has at most ${bounds.message} bytes, and this one has ${bytes}.`);
}
