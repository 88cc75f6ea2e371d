/**
 * One POST to somebody else's server, signed: a deadline over all of it, a bound on the answer, no redirects, and only to
 * addresses that are allowed. node:http(s) rather than fetch: it takes a `lookup` of ours for each connection without
 * another dependency, and it never follows a redirect.
 */
import type { lookup as resolveName } from 'node:dns';
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { addressFault, ClosedAddressError, guardedLookup } from './address.ts';
import { signatureHeader, signatureOf } from './signing.ts';

export interface OutgoingRequest {
  readonly url: URL;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  /** Whether a 2xx is of use only with its body. Without it the status decides: what else the other side says is nobody's. */
  readonly readsBody?: boolean;
}

export interface OutgoingAnswer {
  readonly status: number;
  /** Empty where it is not read: of a request that did not ask for it, and of every status but 2xx. */
  readonly body: string;
  /** From Retry-After, milliseconds from now; null: none that can be read. */
  readonly retryAfterMs: number | null;
}

/** No answer, or none that may be read. Whether the request had its effect is unknown, except for `closed_address` and `breaker_open`. */
export class OutgoingRequestError extends Error {
  override readonly name = 'OutgoingRequestError';
  readonly reason: 'timeout' | 'connection' | 'too_large' | 'closed_address' | 'aborted' | 'breaker_open';
  constructor(reason: OutgoingRequestError['reason'], cause?: unknown) {
    super(`no usable answer: ${reason}`, { cause });
    this.reason = reason;
  }
}

export interface PosterOptions {
  /** null: not signed, for a receiver whose address is its secret. */
  readonly secret: string | null;
  readonly timeoutMs: number;
  /** Of an answer whose body is read; a longer one is `too_large`. Of others no more is taken. */
  readonly maxAnswerBytes: number;
  readonly allowPrivate: boolean;
  readonly now: () => number;
  /** Names to addresses; the system's by default. */
  readonly resolve?: typeof resolveName | undefined;
}

/** Resolves with any answer, whatever its status. Throws OutgoingRequestError. */
export type Post = (request: OutgoingRequest) => Promise<OutgoingAnswer>;

export function createPost(options: PosterOptions): Post {
  const lookup = guardedLookup(options.allowPrivate, options.resolve);
  // a connection for each request: each is checked anew, and none is found closed by the other side
  const agents = { http: new HttpAgent({ keepAlive: false, maxSockets: 32 }), https: new HttpsAgent({ keepAlive: false, maxSockets: 32 }) };
  return async ({ url, body, headers, signal, readsBody = false }) => {
    if (addressFault(url.href, options.allowPrivate) !== null) throw new OutgoingRequestError('closed_address');
    const secure = url.protocol === 'https:';
    const deadline = AbortSignal.timeout(options.timeoutMs);
    const settings: RequestOptions = {
      method: 'POST', lookup, agent: secure ? agents.https : agents.http,
      signal: signal === undefined ? deadline : AbortSignal.any([deadline, signal]),
      headers: {
        'content-type': 'application/json', accept: 'application/json', 'accept-encoding': 'identity', 'user-agent': 'gangway', ...headers,
        'content-length': Buffer.byteLength(body),
        ...(options.secret === null ? {} : { [signatureHeader]: signatureOf(options.secret, body, options.now()) }),
      },
    };
    try {
      const response = await answered(secure ? httpsRequest : httpRequest, url, settings, body);
      const status = response.statusCode ?? 0;
      const isRead = readsBody && status >= 200 && status < 300;
      if (!isRead) await drain(response, options.maxAnswerBytes);
      return {
        status, retryAfterMs: retryAfter(response.headers['retry-after'], options.now()),
        body: isRead ? await read(response, options.maxAnswerBytes) : '',
      };
    } catch (error) {
      if (error instanceof OutgoingRequestError) throw error;
      if (error instanceof ClosedAddressError) throw new OutgoingRequestError('closed_address', error);
      throw new OutgoingRequestError(deadline.aborted ? 'timeout' : signal?.aborted === true ? 'aborted' : 'connection', error);
    }
  };
}

function answered(request: typeof httpRequest, url: URL, settings: RequestOptions, body: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const sent = request(url, settings, resolve);
    sent.once('error', reject);
    sent.end(body);
  });
}

async function read(response: IncomingMessage, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    // leaving the loop closes the connection
    if (bytes > maxBytes) throw new OutgoingRequestError('too_large');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** The other side has answered: it may finish its sentence, for a while, and whatever becomes of that changes nothing. */
const drainMs = 1_000;

async function drain(response: IncomingMessage, maxBytes: number): Promise<void> {
  const enough = setTimeout(() => { response.destroy(); }, drainMs);
  try {
    let bytes = 0;
    for await (const chunk of response as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > maxBytes) break;
    }
  } catch {
    // broken off, by whomever
  } finally {
    clearTimeout(enough);
    response.destroy();
  }
}

/** Seconds or an HTTP date; what is neither, or lies in the past, says nothing. */
export function retryAfter(header: string | undefined, nowMs: number): number | null {
  if (header === undefined) return null;
  const ms = /^\d{1,9}$/.test(header.trim()) ? Number(header) * 1_000 : Date.parse(header) - nowMs;
  return Number.isFinite(ms) && ms >= 0 ? ms : null;
}
