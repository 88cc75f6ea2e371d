/**
 * The history of a session as reports read it: one character an event. Sessions with the same characters are worked out once,
 * and there are few of them: 3,009 histories of 150,000 sessions where it was measured, so that a GROUP BY over them takes a
 * twentieth of the time of a GROUP BY over events.
 */
import { isOwnEventName } from '../domain/event-names.ts';

/** An event as far as its name goes. */
export interface NamedEvent {
  readonly event: string;
  /** '' where it is about no question. */
  readonly question_id: string;
  readonly properties: Readonly<Record<string, string>>;
}

/** One event of a history: its key (`keyOf`) and when, epoch milliseconds. */
export interface Moment { readonly key: string; readonly at: number }

/**
 * The name under which a funnel's step finds an event: the stage for the reaching of one, so that our own sessions and imported
 * ones are alike; else its own. What a client calls like something of the service's is the client's: `client:completed`.
 */
export function nameOf({ event, properties }: Pick<NamedEvent, 'event' | 'properties'>): string {
  if (properties['origin'] === 'client' && isOwnEventName(event)) return `client:${event}`;
  return event === 'stage_reached' ? properties['stage'] ?? event : event;
}

/** The name, with the question where there is one: `question_answered:expected_users`. */
export function keyOf(event: NamedEvent): string {
  return event.question_id === '' ? nameOf(event) : `${nameOf(event)}:${event.question_id}`;
}

/** Symbols are code points from here on, in the order in which a tenant's keys came. */
export const firstSymbol = 0x100;
/** Keys of one tenant that get a symbol of their own. What comes later is `foreign`, and found among the events only. */
export const symbolsMax = 20_000;
/** Of a key without a symbol. */
export const foreign = '?';
/** Between events of different milliseconds: within one the order is free. */
export const later = '|';

/** Number of a key, counted from 0 → its symbol: one UTF-16 unit, since the last one is far below the surrogates. */
export function symbolOf(number: number): string {
  return String.fromCharCode(firstSymbol + number);
}

/** A history in the session's row. Both are empty when it is not known as a whole: its events tell more. */
export interface Trail {
  readonly trail: string;
  /** Epoch ms of each group of events between two `later`. */
  readonly trail_ms: readonly number[];
}

/** By time; within a millisecond by symbol, so that what may have any order has one. */
export function trailOf(history: readonly Moment[], symbols: ReadonlyMap<string, string>): Trail {
  const groups = new Map<number, string[]>();
  for (const { key, at } of history) {
    const symbol = symbols.get(key) ?? foreign;
    const group = groups.get(at);
    if (group === undefined) groups.set(at, [symbol]);
    // the same thing in the same millisecond is one event
    else if (symbol === foreign || !group.includes(symbol)) group.push(symbol);
  }
  const times = [...groups.keys()].toSorted((a, b) => a - b);
  return { trail: times.map((at) => (groups.get(at) ?? []).toSorted().join('')).join(later), trail_ms: times };
}

/** What a session went through question by question. The arrays have one entry for each question that was shown, in that order. */
export interface Questions {
  readonly questions: readonly string[];
  /** From the first time it was shown to the first answer after that; -1: none was accepted. */
  readonly question_ms: readonly number[];
  /** How often it was put again: after a refusal, a question back, help. */
  readonly question_repeats: readonly number[];
  /** The one shown last, if it was not answered since; ''. */
  readonly last_question: string;
}

const again: ReadonlySet<string> = new Set(['answer_refused', 'question_clarified', 'help_given', 'question_not_skipped']);
const answer: ReadonlySet<string> = new Set(['question_answered', 'answer_amended']);

/** `history` in the session's own order. */
export function questionsOf(history: readonly Moment[]): Questions {
  const shown = new Map<string, { at: number; ms: number; repeats: number }>();
  let last = '';
  for (const { key, at } of history) {
    const colon = key.indexOf(':');
    const [name, id] = colon < 0 ? [key, ''] : [key.slice(0, colon), key.slice(colon + 1)];
    if (id === '') continue;
    const question = shown.get(id);
    if (name === 'question_shown') {
      last = id;
      if (question === undefined) shown.set(id, { at, ms: -1, repeats: 0 });
    } else if (question !== undefined && again.has(name)) {
      question.repeats += 1;
    } else if (answer.has(name)) {
      if (last === id) last = '';
      if (question?.ms === -1) question.ms = Math.max(at - question.at, 0);
    }
  }
  const all = [...shown.values()];
  return {
    questions: [...shown.keys()], question_ms: all.map(({ ms }) => ms), question_repeats: all.map(({ repeats }) => repeats),
    last_question: last,
  };
}
