/**
 * What a session tells the other stores: all of its state in the first copy of a run, and then only what has become different, from
 * which the archive puts the next state together. A copy goes on from the one before by its name, which is a hash of what that one
 * told and so of all before it: it can be put on no other, neither on one of an old backup nor on one that went another way since.
 */
import { newestKept } from './bounds.ts';
import { hashOf, type Checkpoint } from './checkpoint.ts';
import { sameValue, type Json } from './json.ts';
import type { SessionView } from './message.ts';
import { Newest } from './newest.ts';
import type { AnswerEntry, SessionEvent, SessionState } from './session-state.ts';
import type { UploadNote } from './upload.ts';

/** Everything of a session that one copy stores. */
export interface SessionCopies {
  readonly state: SessionState;
  readonly view: SessionView;
  /** What the other stores do not have yet, as much of it as one copy takes. */
  readonly events: readonly SessionEvent[];
  readonly checkpoints: readonly Checkpoint[];
}

/** The same as it is told. */
export type ToldCopies = SessionCopies | (Omit<SessionCopies, 'state'> & {
  /** Names of the copy before this one, and of this one. */
  readonly after: string;
  readonly copy: string;
  readonly changes: StateChanges;
});

/** Of lists whose items are added, replaced and dropped, never changed in place; null: as it was. */
interface ListChanges<T> {
  /** So many went from its beginning, and so many that followed are there still. */
  readonly dropped: number;
  readonly kept: number;
  /** Of those, by their place now. */
  readonly replaced: readonly (readonly [at: number, item: T])[];
  readonly added: readonly T[];
}
interface RecordChanges<T> { readonly set: Readonly<Record<string, T>>; readonly gone: readonly string[] }

/** Without what follows from the events and checkpoints that are told beside it. */
export interface StateChanges {
  readonly answers: ListChanges<AnswerEntry> | null;
  readonly seen: ListChanges<SessionState['seen'][number]> | null;
  readonly ui_states: ListChanges<SessionState['ui_states'][number]> | null;
  readonly uploads: ListChanges<UploadNote> | null;
  readonly stages: RecordChanges<number> | null;
  readonly asked: RecordChanges<number> | null;
  readonly former: RecordChanges<number> | null;
  /** Of the other members those that are different, each whole. */
  readonly members: Partial<SessionState>;
}

/** Told otherwise than as members. */
const apart: ReadonlySet<string> = new Set([
  'answers', 'seen', 'ui_states', 'uploads', 'stages', 'asked', 'former', 'recent', 'checkpoints', 'unsaved', 'copy',
] satisfies readonly (keyof SessionState)[]);

/** Which copy a run has told last. It is not carried along: the first one of each run is whole, so that its history is enough. */
export class LastCopy {
  private last: SessionState | null = null;

  /** Gives the state the name of this copy. */
  next(state: SessionState, view: SessionView, { events, checkpoints }: SessionState['unsaved']): ToldCopies {
    const news = { view, events, checkpoints };
    if (this.last === null) {
      state.copy = hashOf(asJson({ ...state, unsaved: null }));
      this.last = remembered(state);
      return { ...news, state: { ...state, unsaved: { events: [], checkpoints: [] } } };
    }
    const changes = changesBetween(this.last, state);
    const after = state.copy;
    state.copy = hashOf(asJson({ after, changes, events, checkpoints }));
    this.last = remembered(state);
    return { ...news, after, copy: state.copy, changes };
  }

  /** It is nowhere to go on from: the next one is whole. */
  forget(): void { this.last = null; }
}

/** `stored`: what the archive has. null: they do not go on from it. Told again they change nothing. */
export function wholeCopies(told: ToldCopies, stored: SessionState | null): SessionCopies | null {
  if ('state' in told) return told;
  const { after, copy, changes, view, events, checkpoints } = told;
  if (stored?.copy === copy) return { state: stored, view, events, checkpoints };
  if (stored?.copy !== after) return null;
  const state: SessionState = {
    ...stored, ...changes.members, copy,
    answers: changedList(stored.answers, changes.answers), seen: changedList(stored.seen, changes.seen),
    ui_states: changedList(stored.ui_states, changes.ui_states), uploads: changedList(stored.uploads, changes.uploads),
    stages: changedRecord(stored.stages, changes.stages), asked: changedRecord(stored.asked, changes.asked),
    former: changedRecord(stored.former, changes.former),
    recent: withNewest(stored.recent, events, newestKept.recent, ({ sequence }) => sequence),
    checkpoints: withNewest(stored.checkpoints, checkpoints, newestKept.checkpoints, ({ version }) => version),
    unsaved: { events: [], checkpoints: [] },
  };
  return { state, view, events, checkpoints };
}

/** What is changed in place is copied. */
function remembered(state: SessionState): SessionState {
  return {
    ...state, answers: [...state.answers], seen: [...state.seen], ui_states: [...state.ui_states], uploads: [...state.uploads],
    stages: { ...state.stages }, asked: { ...state.asked }, former: { ...state.former },
  };
}

function changesBetween(before: SessionState, now: SessionState): StateChanges {
  const was = before as unknown as Readonly<Record<string, Json>>;
  return {
    answers: listChanges(before.answers, now.answers, ({ sequence }) => sequence),
    seen: listChanges(before.seen, now.seen, ([key]) => key),
    ui_states: listChanges(before.ui_states, now.ui_states, ([version]) => version),
    uploads: listChanges(before.uploads, now.uploads, ({ upload_id: id }) => id),
    stages: recordChanges(before.stages, now.stages), asked: recordChanges(before.asked, now.asked),
    former: recordChanges(before.former, now.former),
    members: Object.fromEntries(
      Object.entries(now).filter(([name, value]) => !apart.has(name) && !isSame(was[name], value)),
    ) as Partial<SessionState>,
  };
}

function listChanges<T>(before: readonly T[], now: readonly T[], keyOf: (item: T) => unknown): ListChanges<T> | null {
  const first = now[0];
  const at = first === undefined ? -1 : before.findIndex((item) => keyOf(item) === keyOf(first));
  const dropped = at < 0 ? before.length : at;
  const kept = Math.min(before.length - dropped, now.length);
  const replaced = now.slice(0, kept).flatMap((item, place) => (
    isSame(before[dropped + place], item) ? [] : [[place, item] as const]
  ));
  const added = now.slice(kept);
  return kept === before.length && replaced.length === 0 && added.length === 0 ? null : { dropped, kept, replaced, added };
}

function changedList<T>(before: readonly T[], changes: ListChanges<T> | null): T[] {
  if (changes === null) return [...before];
  const { dropped, kept, replaced, added } = changes;
  const list = before.slice(dropped, dropped + kept);
  for (const [at, item] of replaced) list[at] = item;
  return [...list, ...added];
}

type Counted = Readonly<Record<string, number>>;

function recordChanges(before: Counted, now: Counted): RecordChanges<number> | null {
  const set = Object.fromEntries(Object.entries(now).filter(([name, value]) => before[name] !== value));
  const gone = Object.keys(before).filter((name) => !Object.hasOwn(now, name));
  return gone.length === 0 && Object.keys(set).length === 0 ? null : { set, gone };
}

function changedRecord(before: Counted, changes: RecordChanges<number> | null): Record<string, number> {
  if (changes === null) return { ...before };
  const gone = new Set(changes.gone);
  return { ...Object.fromEntries(Object.entries(before).filter(([name]) => !gone.has(name))), ...changes.set };
}

/** As the session itself keeps them. Some of the news may be there already. */
function withNewest<T>(before: readonly T[], news: readonly T[], most: (typeof newestKept)['recent'], numberOf: (item: T) => number): T[] {
  const list = [...before];
  const last = list.at(-1);
  const newest = new Newest(list, most);
  for (const item of news) if (last === undefined || numberOf(item) > numberOf(last)) newest.add(item);
  return list;
}

/** A state is JSON, which its types do not say. */
function asJson(value: object): Json {
  return value as unknown as Json;
}

function isSame(one: unknown, other: unknown): boolean {
  return one === other || sameValue(one as Json, other as Json);
}
