/**
 * Reads of one thing by many at once: one runs, and all who come meanwhile share the next one. So each sees what happened before
 * it asked, nobody waits for more than two reads, and what is read is not flooded.
 */
interface Lane<T> { readonly running: Promise<T>; next: Promise<T> | null }

export class SharedReads<T> {
  private readonly lanes = new Map<string, Lane<T>>();

  read(key: string, work: () => Promise<T>): Promise<T> {
    const lane = this.lanes.get(key);
    if (lane === undefined) return this.begin(key, work);
    const begin = (): Promise<T> => this.begin(key, work);
    lane.next ??= lane.running.then(begin, begin);
    return lane.next;
  }

  private begin(key: string, work: () => Promise<T>): Promise<T> {
    const lane: Lane<T> = { running: work(), next: null };
    this.lanes.set(key, lane);
    const ended = (): void => { if (lane.next === null) this.lanes.delete(key); };
    lane.running.then(ended, ended);
    return lane.running;
  }
}
