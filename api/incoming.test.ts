/** Bodies that a handler reads by itself, over real connections. */
import { createServer, type Server } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, expect, test } from '@jest/globals';
import Koa from 'koa';
import { SenderGone } from '../uploads/failure.ts';
import { incomingOf, type Incoming } from './incoming.ts';

let server: Server | null = null;
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

async function serving(handle: (incoming: Incoming) => Promise<string>): Promise<() => Socket> {
  const app = new Koa();
  app.silent = true;
  app.use(async (ctx) => {
    const incoming = incomingOf(ctx);
    try {
      ctx.body = await handle(incoming);
    } finally {
      incoming.discard();
    }
  });
  const listening = createServer((request, response) => { void app.callback()(request, response); });
  server = listening;
  await new Promise<void>((resolve) => { listening.listen(0, '127.0.0.1', resolve); });
  const { port } = listening.address() as AddressInfo;
  return () => connect(port, '127.0.0.1').on('error', () => undefined);
}

const head = (bytes: number, more = ''): string => `POST / HTTP/1.1\r\nHost: x\r\nContent-Length: ${bytes}\r\n${more}\r\n`;

async function sizeOf(bytes: AsyncIterable<Uint8Array>): Promise<number> {
  let size = 0;
  for await (const chunk of bytes) size += chunk.length;
  return size;
}

test('a body comes whole, however it is cut', async () => {
  const open = await serving(async (incoming) => `${incoming.bytes} ${await sizeOf(incoming.body())}`);
  const socket = open();
  socket.write(head(1_000_000, 'Connection: close\r\n'));
  for (let at = 0; at < 10; at += 1) {
    socket.write(Buffer.alloc(100_000));
    await new Promise((resolve) => { setImmediate(resolve); });
  }
  expect(await text(socket)).toMatch(/1000000 1000000$/);
  const chunked = open();
  chunked.write('POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n5\r\nhello\r\n0\r\n\r\n');
  expect(await text(chunked)).toMatch(/null 5$/);
});

test('a sender that is still sending reads its answer, and the connection goes on with the next request', async () => {
  const open = await serving(async (incoming) => {
    for await (const chunk of incoming.body()) return `enough ${chunk.length > 0}`;
    return 'nothing';
  });
  const socket = open();
  const size = 20_000_000;
  socket.write(head(size));
  for (let at = 0; at < size; at += 1_000_000) socket.write(Buffer.alloc(1_000_000));
  socket.write('GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
  const answers = await text(socket);
  expect(answers.match(/HTTP\/1\.1 200/g)).toHaveLength(2);
  expect(answers).toMatch(/enough true[\s\S]*nothing$/);
});

test('a silent sender is left: whoever stops reading is not held by it', async () => {
  const open = await serving(async (incoming) => {
    const body = incoming.body();
    void sizeOf(body);
    await new Promise((resolve) => { setTimeout(resolve, 50); });
    return 'left';
  });
  const socket = open();
  socket.write(head(1_000));
  const answer = await new Promise<string>((resolve) => { socket.once('data', (chunk: Buffer) => { resolve(chunk.toString()); }); });
  expect(answer).toMatch(/left$/);
  socket.destroy();
});

test.each(['end', 'reset'] as const)('a sender that goes away (%s) is told to the reader and by the signal', async (how) => {
  const told = Promise.withResolvers<{ readonly error: unknown; readonly signal: AbortSignal }>();
  const open = await serving(async (incoming) => {
    const error: unknown = await sizeOf(incoming.body()).then(() => null, (reason: unknown) => reason);
    told.resolve({ error, signal: incoming.signal });
    return '';
  });
  const socket = open();
  socket.write(head(1_000_000));
  await new Promise<void>((resolve) => { socket.write(Buffer.alloc(10_000), () => { resolve(); }); });
  if (how === 'reset') socket.resetAndDestroy();
  else socket.destroy();
  const { error, signal } = await told.promise;
  expect(error).toBeInstanceOf(SenderGone);
  await new Promise((resolve) => { setImmediate(resolve); });
  expect(signal.aborted).toBe(true);
});
