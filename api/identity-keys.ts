/**
 * The public keys of the identity provider, fetched ahead of need: every few minutes, and sooner after a failure. No request
 * waits for that while keys are known. Only a token that was held against the keys of now is refused for good: one that cannot
 * be judged is no bad one.
 *
 * - The server away: keys that were fetched go on, until `outageMs` after the last success; then nobody can be judged.
 * - An unknown `kid` may be a new key: it is fetched anew, at most once in a cool-down. Within it nobody knows.
 */
import { createLocalJWKSet, errors, type CryptoKey, type FlattenedJWSInput, type JSONWebKeySet, type JWSHeaderParameters } from 'jose';

/** A token could not be judged. Repeating it later may. */
export class IdentityUnavailableError extends Error {
  override readonly name = 'IdentityUnavailableError';
  readonly retryAfterSeconds: number;
  constructor(retryAfterSeconds: number, cause?: unknown) {
    super('The keys of the identity provider are not known now.', { cause });
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

export interface IdentityKeysOptions {
  readonly url: string;
  /** How long fetched keys count without news. */
  readonly outageMs: number;
  readonly times?: { readonly refreshMs: number; readonly coolDownMs: number; readonly timeoutMs: number };
  readonly onFailure: (error: unknown) => void;
}

/** A key that was withdrawn counts for `refreshMs` at most while its server answers. */
const usualTimes = { refreshMs: 300_000, coolDownMs: 10_000, timeoutMs: 3_000 };
const bytesMax = 1_048_576;

type FindKey = (header: JWSHeaderParameters, token: FlattenedJWSInput) => Promise<CryptoKey>;

export class IdentityKeys {
  private readonly options: IdentityKeysOptions;
  private readonly times: NonNullable<IdentityKeysOptions['times']>;
  private known: { readonly find: FindKey; readonly at: number } | null = null;
  private fetching: Promise<void> | null = null;
  private failed = false;
  /** When the last try ended, by the monotonic clock. */
  private triedAt = -Infinity;
  private timer: NodeJS.Timeout | undefined;
  private readonly closing = new AbortController();

  constructor(options: IdentityKeysOptions) {
    this.options = options;
    this.times = options.times ?? usualTimes;
  }

  /** `serves`: tokens can be judged. `ok`: and the last fetch succeeded. */
  get state(): { readonly ok: boolean; readonly serves: boolean } {
    const serves = this.usable() !== null;
    return { ok: serves && !this.failed, serves };
  }

  /** Resolves after the first try, whatever came of it. From then on keys are kept fresh. */
  start(): Promise<void> {
    return this.fetched();
  }

  close(): Promise<void> {
    clearTimeout(this.timer);
    this.closing.abort();
    return this.fetching ?? Promise.resolve();
  }

  /** The key of a token, for jose. Throws JWKSNoMatchingKey when there is none, IdentityUnavailableError when nobody knows. */
  async find(header: JWSHeaderParameters, token: FlattenedJWSInput): Promise<CryptoKey> {
    const before = this.usable();
    const found = before === null ? null : await matching(before, header, token);
    if (found !== null) return found;
    const isNews = await this.news();
    const now = this.usable();
    const later = now === null ? null : await matching(now, header, token);
    if (later !== null) return later;
    if (isNews) throw new errors.JWKSNoMatchingKey();
    throw this.unavailable();
  }

  unavailable(cause?: unknown): IdentityUnavailableError {
    const leftMs = this.triedAt + this.times.coolDownMs - performance.now();
    return new IdentityUnavailableError(Math.max(1, Math.ceil(leftMs / 1_000)), cause);
  }

  private usable(): FindKey | null {
    return this.known !== null && performance.now() - this.known.at < this.options.outageMs ? this.known.find : null;
  }

  /** Whether keys were fetched after this was asked. One under way may have begun too early to know, but may help. */
  private async news(): Promise<boolean> {
    if (this.fetching !== null) {
      await this.fetching;
      return false;
    }
    if (performance.now() - this.triedAt < this.times.coolDownMs) return false;
    await this.fetched();
    return !this.failed;
  }

  private fetched(): Promise<void> {
    this.fetching ??= this.fetchOnce().finally(() => { this.fetching = null; });
    return this.fetching;
  }

  private async fetchOnce(): Promise<void> {
    clearTimeout(this.timer);
    try {
      const find = createLocalJWKSet(await this.download());
      this.known = { find, at: performance.now() };
      this.failed = false;
    } catch (error) {
      this.failed = true;
      if (!this.closing.signal.aborted) this.options.onFailure(error);
    }
    this.triedAt = performance.now();
    if (this.closing.signal.aborted) return;
    this.timer = setTimeout(() => { void this.fetched(); }, this.failed ? this.times.coolDownMs : this.times.refreshMs);
    this.timer.unref();
  }

  private async download(): Promise<JSONWebKeySet> {
    const signal = AbortSignal.any([AbortSignal.timeout(this.times.timeoutMs), this.closing.signal]);
    const response = await fetch(this.options.url, {
      signal, redirect: 'manual', headers: { accept: 'application/json, application/jwk-set+json' },
    });
    if (response.status !== 200) {
      await response.body?.cancel();
      throw new Error(`The key server answered with status ${response.status}.`);
    }
    const keys = JSON.parse(await text(response)) as JSONWebKeySet;
    // of nothing every token would be a bad one
    if (!Array.isArray(keys.keys) || keys.keys.length === 0) throw new Error('The key server answered without a key.');
    return keys;
  }
}

/** null: no such key. */
async function matching(find: FindKey, header: JWSHeaderParameters, token: FlattenedJWSInput): Promise<CryptoKey | null> {
  try {
    return await find(header, token);
  } catch (error) {
    if (error instanceof errors.JWKSNoMatchingKey) return null;
    throw error;
  }
}

async function text(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  const body: AsyncIterable<Uint8Array> | null = response.body;
  for await (const chunk of body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > bytesMax) throw new Error('The key server answered with more than a key set.');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
