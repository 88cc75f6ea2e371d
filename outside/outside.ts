/** The way out: signed requests to somebody else's systems, each system behind a breaker of its own. */
import { guardedPost, judgePost } from './breakers/guarded-post.ts';
import type { OutsideBreaker } from './breakers/outside-breaker.ts';
import type { Breakers } from './breakers/registry.ts';
import { createPost, type Post, type PosterOptions } from './request.ts';

export interface OutsideOptions {
  readonly breakers: Breakers;
  /** Whether requests may go to http:// and to private addresses. */
  readonly allowPrivate: boolean;
  /** Epoch milliseconds, for signatures. */
  readonly now: () => number;
  /** Names to addresses; the system's by default. */
  readonly resolve?: PosterOptions['resolve'] | undefined;
}

export interface Receiver {
  /** Names its breaker. */
  readonly name: string;
  /** null: requests are not signed, for a receiver whose address is its secret. */
  readonly secret: string | null;
  readonly timeoutMs: number;
  readonly maxAnswerBytes: number;
}

export class Outside {
  private readonly options: OutsideOptions;

  constructor(options: OutsideOptions) {
    this.options = options;
  }

  get breakers(): Breakers { return this.options.breakers; }
  get allowPrivate(): boolean { return this.options.allowPrivate; }

  /** Requests to one receiver. Once for each: two breakers of one name are a fault. */
  receiver({ name, secret, timeoutMs, maxAnswerBytes }: Receiver): { readonly post: Post; readonly breaker: OutsideBreaker } {
    const { breakers, ...rest } = this.options;
    const breaker = breakers.outside({ name, timeoutMs, judge: judgePost });
    return { breaker, post: guardedPost(breaker, createPost({ secret, timeoutMs, maxAnswerBytes, ...rest })) };
  }
}
