/** What the other stores do not have yet of a session, with its size. The lists are the state's own. */
import type { Checkpoint } from './checkpoint.ts';
import { jsonBytes } from './json.ts';
import type { SessionEvent, SessionState } from './session-state.ts';

type Lists = SessionState['unsaved'];

export class Unsaved {
  private readonly lists: Lists;
  private size = 0;

  /** `lists` are changed in place. */
  constructor(lists: Lists) {
    this.lists = lists;
    for (const item of [...lists.events, ...lists.checkpoints]) this.size += sizeOf(item);
  }

  get bytes(): number { return this.size; }

  addEvent(event: SessionEvent): void {
    this.lists.events.push(event);
    this.size += sizeOf(event);
  }

  addCheckpoint(checkpoint: Checkpoint): void {
    this.lists.checkpoints.push(checkpoint);
    this.size += sizeOf(checkpoint);
  }

  /** The oldest of both, checkpoints first, within so many bytes; one item at least. */
  part(most: number): Lists {
    let bytes = 0;
    const within = <T>(items: readonly T[]): T[] => {
      const end = items.findIndex((item) => {
        bytes += sizeOf(item);
        return bytes > most;
      });
      return end < 0 ? [...items] : items.slice(0, end);
    };
    const checkpoints = within(this.lists.checkpoints);
    const events = checkpoints.length < this.lists.checkpoints.length ? [] : within(this.lists.events);
    if (checkpoints.length + events.length > 0) return { checkpoints, events };
    const first = this.lists.checkpoints.slice(0, 1);
    return { checkpoints: first, events: first.length > 0 ? [] : this.lists.events.slice(0, 1) };
  }

  remove(lastEvent: number, lastCheckpoint: number): void {
    const { events, checkpoints } = this.lists;
    const stored = [
      ...taken(events, ({ sequence }) => sequence <= lastEvent), ...taken(checkpoints, ({ version }) => version <= lastCheckpoint),
    ];
    for (const item of stored) this.size -= sizeOf(item);
  }
}

/** Takes those out of the beginning of a list. */
function taken<T>(items: T[], isStored: (item: T) => boolean): readonly T[] {
  const left = items.findIndex((item) => !isStored(item));
  return items.splice(0, left < 0 ? items.length : left);
}

/** With the comma that follows it. */
function sizeOf(item: unknown): number {
  return jsonBytes(item) + 1;
}
