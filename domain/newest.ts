/** The newest of a list of the state, within a number and bytes. The list itself stays a plain array. */
import { jsonBytes } from './json.ts';

export class Newest<T> {
  private readonly items: T[];
  private readonly most: { readonly count: number; readonly bytes: number };
  private bytes = 0;

  /** `items` is changed in place. */
  constructor(items: T[], most: { readonly count: number; readonly bytes: number }) {
    this.items = items;
    this.most = most;
    for (const item of items) this.bytes += sizeOf(item);
    this.drop();
  }

  /** Returns those that had to go. The newest one always stays. */
  add(item: T): readonly T[] {
    this.items.push(item);
    this.bytes += sizeOf(item);
    return this.drop();
  }

  private drop(): readonly T[] {
    let dropped = 0;
    while (this.items.length - dropped > 1 && (this.items.length - dropped > this.most.count || this.bytes > this.most.bytes)) {
      this.bytes -= sizeOf(this.items[dropped]);
      dropped += 1;
    }
    return this.items.splice(0, dropped);
  }
}

/** With the comma that follows it. */
function sizeOf(item: unknown): number {
  return jsonBytes(item) + 1;
}
