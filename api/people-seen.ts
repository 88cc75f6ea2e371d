/**
 * Roles as the newest token of each person has them, on their way to the store. Nobody waits for it: a token is verified, and
 * its request goes on, also while the store is away.
 */
import type { PersonSeen } from '../stores/postgres/people.ts';

export interface PeopleSeenOptions {
  /** Stores some people at once, each of them once. */
  readonly store: (seen: readonly PersonSeen[]) => Promise<void>;
  readonly onFailure: (error: unknown) => void;
  readonly retryMs: number;
}

/** Waiting at most; beyond it the oldest is forgotten until that person's next token. */
const waitingMax = 10_000;
const batchMax = 500;

export class PeopleSeen {
  private readonly options: PeopleSeenOptions;
  private readonly waiting = new Map<string, PersonSeen>();
  private writing: Promise<void> = Promise.resolve();
  private isWriting = false;
  private isClosed = false;
  private retry: NodeJS.Timeout | undefined;

  constructor(options: PeopleSeenOptions) {
    this.options = options;
  }

  note(seen: PersonSeen): void {
    this.keep(seen);
    if (this.retry === undefined) this.write();
  }

  /** One more try for what waits. */
  async close(): Promise<void> {
    this.isClosed = true;
    clearTimeout(this.retry);
    this.write();
    await this.writing;
  }

  private keep(seen: PersonSeen): void {
    const known = this.waiting.get(seen.person);
    if (known !== undefined && known.issuedAt > seen.issuedAt) return;
    this.waiting.delete(seen.person);
    this.waiting.set(seen.person, seen);
    const [oldest] = this.waiting.keys();
    if (this.waiting.size > waitingMax && oldest !== undefined) this.waiting.delete(oldest);
  }

  private write(): void {
    this.retry = undefined;
    if (this.isWriting) return;
    this.isWriting = true;
    this.writing = this.writeAll();
  }

  private async writeAll(): Promise<void> {
    while (this.waiting.size > 0) {
      const batch = [...this.waiting.values()].slice(0, batchMax);
      for (const { person } of batch) this.waiting.delete(person);
      try {
        await this.options.store(batch);
      } catch (error) {
        this.options.onFailure(error);
        // what has come meanwhile may be newer
        const newer = [...this.waiting.values()];
        for (const seen of [...batch, ...newer]) this.keep(seen);
        this.later();
        break;
      }
    }
    this.isWriting = false;
  }

  private later(): void {
    if (this.isClosed) return;
    this.retry = setTimeout(() => { this.write(); }, this.options.retryMs);
    this.retry.unref();
  }
}
