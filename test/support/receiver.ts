/** Somebody else's server: takes signed POSTs, keeps them, and answers as a test tells it to. */
import { createHmac } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Body } from './person.ts';

export const secret = 'a secret for tests only';

export interface Received {
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly raw: string;
  readonly body: Body;
  readonly at: number;
}

/**
 * `close` ends the connection without an answer, `hang` never answers, `twice` sends the answer two times over; `unfinished` says
 * 200 and begins a body that never ends, `endless` one that goes on for ever, `cut` one that breaks off.
 */
export type Reaction = 'close' | 'hang' | 'twice' | 'unfinished' | 'endless' | 'cut' | {
  readonly status?: number; readonly body?: unknown; readonly headers?: Readonly<Record<string, string>>; readonly delayMs?: number;
};

export interface Receiver {
  readonly url: string;
  readonly port: number;
  readonly requests: Received[];
  close(): Promise<void>;
}

export async function startReceiver(react: (request: Received) => Reaction, port = 0): Promise<Receiver> {
  const requests: Received[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => { chunks.push(chunk); });
    request.on('end', () => {
      const raw = Buffer.concat(chunks).toString('utf8');
      const received: Received = { path: request.url ?? '', headers: request.headers, raw, body: JSON.parse(raw), at: Date.now() };
      requests.push(received);
      answer(react(received), response);
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  const taken = (server.address() as AddressInfo).port;
  return {
    url: `http://127.0.0.1:${taken}`, port: taken, requests,
    close: () => new Promise((resolve) => {
      server.close(() => { resolve(); });
      server.closeAllConnections();
    }),
  };
}

function answer(reaction: Reaction, response: ServerResponse): void {
  if (reaction === 'hang') return;
  if (reaction === 'close') {
    response.socket?.destroy();
    return;
  }
  if (reaction === 'twice') {
    const once = 'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}';
    response.socket?.end(once + once);
    return;
  }
  if (reaction === 'unfinished' || reaction === 'endless' || reaction === 'cut') {
    response.writeHead(200, { 'content-type': 'application/json' }).write('{"begun":');
    const more = (): void => { if (!response.destroyed) response.write('x'.repeat(100_000), () => { setImmediate(more); }); };
    if (reaction === 'endless') more();
    if (reaction === 'cut') setImmediate(() => { response.socket?.destroy(); });
    return;
  }
  const { status = 200, body = {}, headers = {}, delayMs = 0 } = reaction;
  const send = (): void => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(
      typeof body === 'string' ? body : JSON.stringify(body),
    );
  };
  if (delayMs === 0) send();
  else setTimeout(send, delayMs);
}

/** As a receiver checks it, from the documentation alone. */
export function isSigned({ headers, raw, at }: Received, key = secret): boolean {
  const [, seconds = '', signature = ''] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(String(headers['gangway-signature'])) ?? [];
  const expected = createHmac('sha256', key).update(`${seconds}.${raw}`).digest('hex');
  return signature === expected && Math.abs(at / 1_000 - Number(seconds)) < 300;
}

/** A system that configuration is applied to, as docs/change-target.md describes it. */
export class FakeSystem {
  /** By tenant and target. */
  readonly holds = new Map<string, Body>();
  /** What changed, in order: `apply type:key`, `undo type:key`. */
  readonly effects: string[] = [];
  /** Comes before the answer; what it returns is sent instead. `effect` does what the request asks for all the same. */
  fault: (request: Received, effect: () => void) => Reaction | null = () => null;
  private readonly done = new Set<string>();
  private readonly undone = new Set<string>();

  readonly react = (request: Received): Reaction => {
    let body: unknown = {};
    const effect = (): void => { body = this.act(request.body); };
    const fault = this.fault(request, effect);
    if (fault !== null) return fault;
    effect();
    return { body };
  };

  /** The first change is applied at once and answered so much later. Tells whether that has begun. */
  holdFirstApply(delayMs: number): () => boolean {
    let begun = false;
    this.fault = ({ body }, effect) => {
      if (body.action !== 'apply' || begun) return null;
      begun = true;
      effect();
      return { delayMs };
    };
    return () => begun;
  }

  at(tenant: string, target: string): Body { return this.holds.get(`${tenant} ${target}`) ?? null; }
  put(tenant: string, target: string, values: Body): void {
    if (values === null) this.holds.delete(`${tenant} ${target}`);
    else this.holds.set(`${tenant} ${target}`, values);
  }

  private act({ action, tenant, changes, targets, change }: Body): unknown {
    if (action === 'prepare' || action === 'read') {
      return { current: (changes ?? targets).map(({ target }: Body) => ({ target, values: this.at(tenant, target) })) };
    }
    const { change_id: id, target, before, after } = change;
    if (action === 'apply' && !this.done.has(id) && !this.undone.has(id)) {
      this.done.add(id);
      this.put(tenant, target, after);
      this.effects.push(`apply ${target}`);
    }
    if (action === 'undo' && !this.undone.has(id)) {
      this.undone.add(id);
      if (!this.done.has(id)) return {};
      this.put(tenant, target, before);
      this.effects.push(`undo ${target}`);
    }
    return {};
  }
}
