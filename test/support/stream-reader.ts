/** Reads server-sent events as they come. */
import { get, type IncomingMessage } from 'node:http';
import { base, type Body } from './person.ts';

export interface ReceivedEvent { readonly id: number; readonly name: string; readonly data: Body }

export interface StreamReader {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  /** Everything received so far, in order. */
  readonly events: readonly ReceivedEvent[];
  /** Everything received so far, as it came: of an error its body. */
  readonly text: () => string;
  readonly ended: () => boolean;
  close(): void;
}

/** Resolves with the first byte of the answer's headers. */
export async function readStream(
  url: string, sessionId: string, token: string,
  options: { readonly lastEventId?: string | undefined; readonly acceptEncoding?: string } = {},
): Promise<StreamReader> {
  const { lastEventId, acceptEncoding } = options;
  const headers = {
    authorization: `Bearer ${token}`, accept: 'text/event-stream', ...(lastEventId === undefined ? {} : { 'last-event-id': lastEventId }),
    ...(acceptEncoding === undefined ? {} : { 'accept-encoding': acceptEncoding }),
  };
  return openStream(`${url}${base}/sessions/${sessionId}/events/`, headers);
}

/** By an address as it is. */
export async function openStream(address: string, headers: Readonly<Record<string, string>>): Promise<StreamReader> {
  const { promise, resolve, reject } = Promise.withResolvers<StreamReader>();
  const request = get(address, { headers, agent: false }, (response) => {
    const events: ReceivedEvent[] = [];
    let text = '';
    let whole = '';
    let ended = false;
    response.setEncoding('utf8');
    response.on('data', (chunk: string) => {
      whole += chunk;
      text += chunk;
      const blocks = text.split('\n\n');
      text = blocks.pop() ?? '';
      events.push(...blocks.flatMap(eventOf));
    });
    const end = (): void => { ended = true; };
    response.on('end', end).on('close', end).on('error', end);
    resolve({
      status: response.statusCode ?? 0, headers: response.headers, events, text: () => whole, ended: () => ended,
      close: () => { request.destroy(); },
    });
  });
  request.on('error', reject);
  return promise;
}

function eventOf(block: string): ReceivedEvent[] {
  const fields = Object.fromEntries(block.split('\n').filter((line) => !line.startsWith(':')).map((line) => [
    line.slice(0, line.indexOf(':')), line.slice(line.indexOf(': ') + 2),
  ]));
  return fields['data'] === undefined ? [] : [
    { id: Number(fields['id']), name: fields['event'] ?? 'message', data: JSON.parse(fields['data']) },
  ];
}
