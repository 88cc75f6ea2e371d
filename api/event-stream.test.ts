/** The transport of streams by itself: slow readers, readers that go, and the end. */
import { createServer, type Server } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { afterEach, expect, test } from '@jest/globals';
import { until } from '../test/support/until.ts';
import { eventText, sendStream, streamHeaders, type Stream } from './event-stream.ts';
import { LiveReports, type Snapshot } from './live-reports.ts';

const closing: (() => void)[] = [];
afterEach(() => { for (const close of closing.splice(0)) close(); });

interface Served { readonly socket: Socket; readonly shutDown: () => void; readonly outcome: () => 'open' | 'ended' | 'failed' }

/** Serves one stream to a reader that has asked for it and reads nothing. */
async function serve(stream: Stream): Promise<Served> {
  const shutdown = new AbortController();
  let outcome: 'open' | 'ended' | 'failed' = 'open';
  const server: Server = createServer((_, response) => {
    for (const [name, value] of Object.entries(streamHeaders)) response.setHeader(name, value);
    sendStream(response, stream, { closing: shutdown.signal, heartbeatMs: 60_000 }).then(
      () => { outcome = 'ended'; }, () => { outcome = 'failed'; },
    );
  });
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  socket.on('error', () => undefined);
  socket.pause();
  socket.write('GET / HTTP/1.1\r\nHost: reader\r\n\r\n');
  closing.push(() => { socket.destroy(); server.closeAllConnections(); server.close(); });
  return { socket, shutDown: () => { shutdown.abort(); }, outcome: () => outcome };
}

const aborted = (signal: AbortSignal): Promise<void> => new Promise((resolve) => {
  signal.addEventListener('abort', () => { resolve(); }, { once: true });
});

test('a reader that does not read is cut off, however much there is to send', async () => {
  let sent = 0;
  const block = eventText({ id: 1, name: 'state', data: 'x'.repeat(64 * 1024) });
  const { outcome } = await serve(async (write, signal) => {
    // what the operating system holds for a socket on this machine is a few megabytes
    while (!signal.aborted && sent < 256 * 1024 * 1024) {
      write(block);
      sent += block.length;
      await new Promise((resolve) => { setImmediate(resolve); });
    }
  });
  await until('the stream has ended', () => outcome() === 'ended');
  expect(sent).toBeLessThan(64 * 1024 * 1024);
});

test('a reader that goes, and a shutdown, each end the stream', async () => {
  let open = 0;
  const endless: Stream = (_, signal) => {
    open += 1;
    return aborted(signal);
  };
  const left = await serve(endless);
  await until('the stream is open', () => open === 1);
  left.socket.destroy();
  await until('the stream has ended', () => left.outcome() === 'ended');
  const stopped = await serve(endless);
  await until('the stream is open', () => open === 2);
  stopped.shutDown();
  await until('the stream has ended', () => stopped.outcome() === 'ended');
});

test('a stream that fails closes its connection', async () => {
  const { socket, outcome } = await serve(() => Promise.reject(new Error('planted')));
  socket.resume();
  await until('the stream has failed', () => outcome() === 'failed');
  let ended = false;
  socket.once('end', () => { ended = true; });
  await until('the connection has ended', () => ended || socket.readableEnded || socket.destroyed);
});

test('a reader that lags is sent the newest, and not what it has missed', async () => {
  let made = 0;
  const live = new LiveReports({ places: { take: () => undefined }, everyMs: 0, onFailure: () => undefined, now: Date.now });
  const padding = 'x'.repeat(100_000);
  const produce = (): Promise<Snapshot> => {
    made += 1;
    return Promise.resolve({ id: String(made).padStart(9, '0'), data: { made, padding } });
  };
  const call = {
    actor: { tenant: 'acme', subject: 'cy', roles: [] }, onEnd: () => undefined, expiresAt: Infinity, stillCounts: () => Promise.resolve(true),
  };
  const { socket, outcome } = await serve(await live.follow(call, 'one', 'live', produce));
  // more than any socket holds
  await until('much was made', () => made > 2_000);
  let text = '';
  const seen = (): number[] => [...text.matchAll(/"made":(\d+)/g)].map(([, number]) => Number(number));
  const woken = made;
  socket.setEncoding('utf8').on('data', (chunk: string) => { text += chunk; });
  socket.resume();
  await until('it is up to date', () => (seen().at(-1) ?? 0) >= woken);
  expect(outcome()).toBe('open');
  expect(seen().filter((number) => number < woken).length).toBeLessThan(woken / 4);
  socket.destroy();
  await until('it has ended', () => outcome() === 'ended');
  // nobody reads: nothing is made
  const last = made;
  await new Promise((resolve) => { setImmediate(resolve); });
  await until('the last run is over', () => made <= last + 1);
});
