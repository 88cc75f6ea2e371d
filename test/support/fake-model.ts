/** A server that speaks chat completions and misbehaves as it is told, call by call. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What one call meets. The last one counts for all calls after it. */
export type Behaviour = (response: ServerResponse, request: ModelRequest) => void;

export interface ModelRequest {
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: {
    readonly model: string; readonly messages: readonly { readonly role: string; readonly content: string }[];
    readonly response_format?: { readonly json_schema: { readonly name: string; readonly schema: object } };
    readonly max_tokens?: number; readonly max_completion_tokens?: number;
  };
}

export interface FakeModel {
  /** As OPENAI_BASE_URL. */
  readonly url: string;
  /** Every call so far, with its prompt. */
  readonly calls: readonly ModelRequest[];
  /** Forgets the calls and behaves so from now on. */
  play(...behaviours: readonly Behaviour[]): void;
  close(): Promise<void>;
}

export async function startFakeModel(): Promise<FakeModel> {
  const calls: ModelRequest[] = [];
  let script: readonly Behaviour[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => { chunks.push(chunk); });
    request.on('end', () => {
      const call: ModelRequest = {
        path: request.url ?? '', headers: request.headers, body: JSON.parse(Buffer.concat(chunks).toString('utf8')) as ModelRequest['body'],
      };
      calls.push(call);
      const behaviour = script[Math.min(calls.length, script.length) - 1] ?? status(500);
      behaviour(response, call);
    });
  });
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`, calls,
    play: (...behaviours) => {
      calls.length = 0;
      script = behaviours;
    },
    close: () => new Promise<void>((resolve) => {
      server.close(() => { resolve(); });
      server.closeAllConnections();
    }),
  };
}

export function raw(code: number, headers: Readonly<Record<string, string>>, body: string): Behaviour {
  return (response) => { response.writeHead(code, headers).end(body); };
}

export function json(code: number, body: unknown, headers: Readonly<Record<string, string>> = {}): Behaviour {
  return raw(code, { 'content-type': 'application/json', ...headers }, JSON.stringify(body));
}

export function status(code: number, headers: Readonly<Record<string, string>> = {}): Behaviour {
  return json(code, { error: { message: 'as the test wants it' } }, headers);
}

const usage = { prompt_tokens: 40, completion_tokens: 9 };

/** A completion with this message; `more` replaces members of the completion, `finish_reason` of its choice. */
export function completion(message: object, more: object = {}, finish_reason = 'stop'): Behaviour {
  return json(200, {
    id: 'c', object: 'chat.completion', choices: [{ index: 0, finish_reason, message: { role: 'assistant', ...message } }], usage, ...more,
  });
}

/** A completion that says this text, or this value as JSON. */
export function says(content: unknown): Behaviour {
  return completion({ content: typeof content === 'string' ? content : JSON.stringify(content) });
}

/** Takes requests and answers none of them, until it is told how: so that a test decides when a call is over. */
export function held(): { readonly behaviour: Behaviour; readonly answer: (behaviour: Behaviour) => void } {
  const waiting: { readonly response: ServerResponse; readonly request: ModelRequest }[] = [];
  let said: Behaviour | null = null;
  return {
    behaviour: (response, request) => {
      if (said === null) waiting.push({ response, request });
      else said(response, request);
    },
    answer: (behaviour) => {
      said = behaviour;
      for (const { response, request } of waiting.splice(0)) behaviour(response, request);
    },
  };
}

/** Takes the request and never answers. */
export const hanging: Behaviour = () => undefined;

/** Sends the headers and a part of the body, and nothing more. */
export const stalling: Behaviour = (response) => { response.writeHead(200, { 'content-type': 'application/json' }).write('{"choices":['); };

/** Answers without end. */
export const flooding: Behaviour = (response) => {
  const pour = (): void => {
    while (!response.destroyed && response.write(' '.repeat(65_536)));
  };
  response.writeHead(200, { 'content-type': 'application/json' }).on('drain', pour);
  pour();
};

export const closing: Behaviour = (response) => {
  response.writeHead(200, { 'content-type': 'application/json' }).write('{"choices":[', () => { response.destroy(); });
};

/** What a call rejects with. */
// oxlint-disable-next-line typescript/no-explicit-any -- errors of many classes, compared at once
export async function failureOf(call: Promise<unknown>): Promise<any> {
  return call.then(() => { throw new Error('It did not fail.'); }, (error: unknown) => error);
}
