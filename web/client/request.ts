/** Requests of the web: to the address that it was loaded from, and nowhere else. */
import type { ProblemBody } from './contract.ts';
import { RequestProblem, unreachable, type Told } from './problem.ts';

export const base = '/api/v1/onboarding';
const timeoutMs = 30_000;

export interface Answer<Body> { readonly body: Body; readonly etag: string | null; readonly headers: Headers }

interface Sent {
  readonly body?: unknown;
  /** In place of a body of JSON. */
  readonly bytes?: Blob;
  readonly headers?: Readonly<Record<string, string>>;
  /** The same for each repeat of one act: it happens once. */
  readonly key?: string;
  readonly ifMatch?: string | null;
  readonly signal?: AbortSignal;
  /** How long an answer is waited for. */
  readonly patienceMs?: number;
}

type Method = 'GET' | 'HEAD' | 'POST' | 'PATCH' | 'DELETE';

export type Request = <Body>(method: Method, path: string, sent?: Sent) => Promise<Answer<Body>>;

/** What a request that finds nobody signed in does beside failing. */
let onSignedOut: () => void = () => undefined;
export function whenSignedOut(then: () => void): void {
  onSignedOut = then;
}

/** Requests under one credential. `path` below the base; throws RequestProblem. */
export function requester(credentials: RequestCredentials, own: (method: Method) => Readonly<Record<string, string>>): Request {
  return async <Body>(method: Method, path: string, sent: Sent = {}) => {
    const { body, bytes, key, ifMatch, signal, patienceMs = timeoutMs, headers: more = {} } = sent;
    const headers = new Headers({ accept: 'application/json', ...own(method), ...more });
    if (body !== undefined) headers.set('Content-Type', 'application/json');
    if (key !== undefined) headers.set('Idempotency-Key', key);
    if (ifMatch !== undefined && ifMatch !== null) headers.set('If-Match', ifMatch);
    const patience = AbortSignal.timeout(patienceMs);
    const content = bytes ?? (body === undefined ? undefined : JSON.stringify(body));
    const response = await fetch(`${base}${path}`, {
      method, headers, credentials, cache: 'no-store', redirect: 'error',
      signal: signal === undefined ? patience : AbortSignal.any([signal, patience]), ...(content === undefined ? {} : { body: content }),
    }).catch((error: unknown) => {
      if (signal?.aborted === true) throw error;
      throw unreachable();
    });
    const text = await response.text().catch(() => { throw unreachable(); });
    if (!response.ok) throw refused(response, text);
    return { body: (text === '' ? null : JSON.parse(text)) as Body, etag: response.headers.get('etag'), headers: response.headers };
  };
}

/** As the console, by its cookie. */
export const request = requester('same-origin', (method) => (method === 'GET' ? {} : { 'X-Gangway-Console': '1' }));

export async function get<Body>(path: string, signal?: AbortSignal): Promise<Body> {
  return (await request<Body>('GET', path, signal === undefined ? {} : { signal })).body;
}

function refused(response: Response, text: string): RequestProblem {
  // what answers HEAD has no body
  const isProblem = text !== '' && response.headers.get('content-type')?.includes('application/problem+json') === true;
  const correlationId = response.headers.get('x-correlation-id');
  const problem: Told = isProblem ? JSON.parse(text) as ProblemBody : {
    code: 'unknown', detail: `Gangway answered with status ${response.status}.`, errors: [], correlation_id: correlationId,
  };
  if (response.status === 401) onSignedOut();
  return new RequestProblem(response.status, problem);
}

/** `{a: 'x', b: undefined}` → `?a=x`. */
export function query(given: Readonly<Record<string, string | number | undefined>>): string {
  const entries = Object.entries(given).filter((entry): entry is [string, string | number] => entry[1] !== undefined && entry[1] !== '');
  const text = new URLSearchParams(entries.map(([name, value]) => [name, String(value)])).toString();
  return text === '' ? '' : `?${text}`;
}
