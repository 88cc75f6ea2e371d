/** One person at the API: a token, patience with 429 and 503, and a bound on everything. */
import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { z } from 'zod';
import { PlainError } from '../embedded/plain-error.ts';

export const base = '/api/v1/onboarding';

/** JSON under a key, a form that names itself (`upload_id`), or events, each of which names itself. */
type Sent = { readonly body: string; readonly key: string } | { readonly lines: string } | { readonly form: () => FormData };
export interface SentFile {
  readonly kind: 'photo' | 'document'; readonly name: string; readonly type: string; readonly content: Uint8Array;
}
export interface Reply { readonly status: number; readonly body: unknown }

const requestMs = 20_000;
const tries = 6;
/** Longest pause that is taken at the server's word, seconds. */
const pauseMaxSeconds = 90;

export class Client {
  private readonly url: string;
  /** null: without a credential. */
  private readonly token: string | null;
  private readonly stop: AbortSignal;

  constructor(url: string, token: string | null, stop: AbortSignal) {
    this.url = url;
    this.token = token;
    this.stop = stop;
  }

  /** Another device, with this credential or with none. */
  with(token: string | null): Client { return new Client(this.url, token, this.stop); }

  get(path: string): Promise<Reply> { return this.call('GET', path); }

  /** Repeats carry the same key, so that what was done is not done twice. */
  post(path: string, body: object): Promise<Reply> { return this.call('POST', path, { body: JSON.stringify(body), key: randomUUID() }); }

  /** Events as NDJSON: repeats are told from new ones. */
  importing(lines: string): Promise<Reply> { return this.call('POST', '/admin/analytics/import/', { lines }); }

  /** Repeats name the same upload, so that one file is sent once. */
  upload(path: string, { kind, name, type, content }: SentFile): Promise<Reply> {
    const uploadId = randomUUID();
    const form = (): FormData => {
      const data = new FormData();
      data.append('kind', kind);
      data.append('upload_id', uploadId);
      data.append('file', new Blob([Uint8Array.from(content)], { type }), name);
      return data;
    };
    return this.call('POST', path, { form });
  }

  /** Throws PlainError when the service is not there or stays busy, and the signal's reason when it was stopped. */
  private async call(method: 'GET' | 'POST', path: string, sent?: Sent): Promise<Reply> {
    let waited = 'does not answer';
    for (let left = tries; left > 0; left -= 1) {
      const reply = await this.once(method, path, sent);
      if (reply !== null && !asksToWait(reply)) return reply;
      waited = reply === null ? 'does not answer' : `asks to wait (${reply.status})`;
      if (left > 1) await pause((reply?.retrySeconds ?? 1) * 1_000, undefined, { signal: this.stop });
    }
    throw new PlainError(`The service ${waited} after ${tries} tries of ${method} ${path}.`);
  }

  /** null: no answer came. */
  private async once(method: string, path: string, sent?: Sent): Promise<Reply & { retrySeconds: number } | null> {
    this.stop.throwIfAborted();
    const { headers: content = {}, ...body } = sent === undefined ? {} : contentOf(sent);
    const credential = this.token === null ? {} : { authorization: `Bearer ${this.token}` };
    try {
      const response = await fetch(`${this.url}${base}${path}`, {
        method, signal: AbortSignal.any([this.stop, AbortSignal.timeout(requestMs)]), ...body,
        headers: { ...credential, ...content },
      });
      const asked = Number(response.headers.get('retry-after') ?? 1);
      const retrySeconds = Math.min(Number.isFinite(asked) ? Math.max(asked, 0.2) : 1, pauseMaxSeconds);
      return { status: response.status, body: await response.json(), retrySeconds };
    } catch {
      // a refused connection, a broken one or a time-out: the repeat tells
      this.stop.throwIfAborted();
      return null;
    }
  }
}

function contentOf(sent: Sent): { readonly body: string | FormData; readonly headers?: Readonly<Record<string, string>> } {
  if ('form' in sent) return { body: sent.form() };
  if ('lines' in sent) return { body: sent.lines, headers: { 'content-type': 'application/x-ndjson' } };
  return { body: sent.body, headers: { 'content-type': 'application/json', 'idempotency-key': sent.key } };
}

/** The body of a success. */
export async function expected(reply: Promise<Reply>, what: string): Promise<unknown> {
  const { status, body } = await reply;
  if (status < 300) return body;
  const problem = z.object({ code: z.string(), detail: z.string() }).safeParse(body);
  throw new PlainError(`Nobody could ${what}: ${status}${problem.success ? ` ${problem.data.code}, ${problem.data.detail}` : ''}`);
}

/** Also for the first sending of the same, which is still under way. */
function asksToWait({ status, body }: Reply): boolean {
  return status === 429 || status === 503 || (status === 409 && Reflect.get(Object(body), 'code') === 'request_in_progress');
}
