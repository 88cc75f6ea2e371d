/**
 * Reads of one thing by many at once: all who ask together share one, and all who come while it runs share the next. So each sees
 * what happened before it asked, nobody waits for more than two reads, and what is read is not flooded.
 */
import { setImmediate as together } from 'node:timers/promises';

interface Lane<T> { begun: boolean; readonly running: Promise<T>; next: Promise<T> | null }

export class SharedReads<T> {
  private readonly lanes = new Map<string, Lane<T>>();

  read(key: string, work: () => Promise<T>): Promise<T> {
    const lane = this.lanes.get(key);
    if (lane === undefined) return this.begin(key, work);
    if (!lane.begun) return lane.running;
    const begin = (): Promise<T> => this.begin(key, work);
    lane.next ??= lane.running.then(begin, begin);
    return lane.next;
  }

  private begin(key: string, work: () => Promise<T>): Promise<T> {
    const running = together().then(() => {
      lane.begun = true;
      return work();
    });
    const lane: Lane<T> = { begun: false, running, next: null };
    this.lanes.set(key, lane);
    const ended = (): void => { if (lane.next === null) this.lanes.delete(key); };
    running.then(ended, ended);
    return running;
  }
}
