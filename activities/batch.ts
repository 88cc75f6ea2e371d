/**
 * Gathers items of many callers and stores them together. A caller's promise settles only when the batch with its item is
 * stored. With `waitMs` 0 the first item starts a batch at once and the next one gathers while it is being stored.
 */
export interface BatchOptions<Item> {
  readonly waitMs: number;
  /** Items after which a batch goes at once. */
  readonly maxItems: number;
  readonly store: (items: readonly Item[]) => Promise<void>;
}

interface Waiting<Item> { readonly item: Item; readonly done: () => void; readonly failed: (error: unknown) => void }

export class Batch<Item> {
  private readonly options: BatchOptions<Item>;
  private waiting: Waiting<Item>[] = [];
  private timer: NodeJS.Timeout | null = null;
  private storing: Promise<void> | null = null;

  constructor(options: BatchOptions<Item>) {
    this.options = options;
  }

  /** Resolves when the item is stored; rejects with the store's error, and then nothing is known about the item. */
  add(item: Item): Promise<void> {
    return new Promise((done, failed) => {
      this.waiting.push({ item, done, failed });
      if (this.waiting.length >= this.options.maxItems) this.go();
      else this.timer ??= setTimeout(() => { this.go(); }, this.options.waitMs);
    });
  }

  private go(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    if (this.storing !== null || this.waiting.length === 0) return;
    const batch = this.waiting.splice(0, this.options.maxItems);
    this.storing = this.storeAll(batch).finally(() => {
      this.storing = null;
      if (this.waiting.length > 0) this.go();
    });
  }

  private async storeAll(batch: readonly Waiting<Item>[]): Promise<void> {
    try {
      await this.options.store(batch.map((one) => one.item));
      for (const waiting of batch) waiting.done();
    } catch (error) {
      for (const waiting of batch) waiting.failed(error);
    }
  }
}
