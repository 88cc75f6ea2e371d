/** Closing a port: what was read is answered, what was never asked ends at once, and what never ends has a deadline. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { expect, test } from '@jest/globals';
import { Port } from './port.ts';

const asked = 'GET / HTTP/1.1\r\nHost: here\r\n\r\n';

interface Opened { readonly port: Port; readonly number: number; readonly answers: (() => void)[] }

/** Requests wait for their turn in `answers`. */
async function opened(): Promise<Opened> {
  const answers: (() => void)[] = [];
  const port = new Port((_, response) => { answers.push(() => { response.end('heard'); }); }, () => undefined);
  return { port, number: await port.open('127.0.0.1', 0), answers };
}

async function connected(number: number): Promise<{ socket: Socket; text: () => string; ended: Promise<unknown> }> {
  const socket = connect(number, '127.0.0.1');
  let text = '';
  socket.on('data', (chunk: Buffer) => { text += chunk.toString(); });
  const ended = new Promise((resolve) => {
    socket.once('error', (error: NodeJS.ErrnoException) => { resolve(error.code); });
    socket.once('close', () => { resolve('closed'); });
  });
  await once(socket, 'connect');
  return { socket, text: () => text, ended };
}

async function turns(what: () => boolean): Promise<void> {
  for (const deadline = performance.now() + 5_000; !what() && performance.now() < deadline;) {
    await new Promise((resolve) => { setTimeout(resolve, 5); });
  }
  expect(what()).toBe(true);
}

test('a request under way is answered whole after the port is closed, and one that comes on a kept connection just then as well', async () => {
  const { port, number, answers } = await opened();
  const [slow, kept] = [await connected(number), await connected(number)];
  slow.socket.write(asked);
  kept.socket.write(asked);
  await turns(() => answers.length === 2);
  answers[1]?.();
  await turns(() => kept.text().includes('heard'));
  const closed = port.close(20_000);
  for (let refusal; refusal !== 'ECONNREFUSED';) {
    refusal = await connected(number).then(() => '', ({ code }: NodeJS.ErrnoException) => code);
  }
  kept.socket.write(asked);
  await turns(() => answers.length === 3);
  answers[0]?.();
  answers[2]?.();
  await closed;
  expect([await slow.ended, await kept.ended]).toEqual(['closed', 'closed']);
  expect([slow.text().split('heard').length, kept.text().split('heard').length]).toEqual([2, 3]);
});

test('connections without a request hold nobody up: idle ones and those that were never used end within seconds, not at the deadline', async () => {
  const { port, number, answers } = await opened();
  const [idle, silent] = [await connected(number), await connected(number)];
  idle.socket.write(asked);
  await turns(() => answers.length === 1);
  answers[0]?.();
  await turns(() => idle.text().includes('heard'));
  const began = performance.now();
  await port.close(30_000);
  expect(performance.now() - began).toBeLessThan(10_000);
  expect([await idle.ended, await silent.ended]).toEqual(['closed', 'closed']);
});

test('a request that never ends is cut at the deadline', async () => {
  const { port, number, answers } = await opened();
  const stuck = await connected(number);
  stuck.socket.write(asked);
  await turns(() => answers.length === 1);
  await port.close(50);
  expect(await stuck.ended).toMatch(/closed|ECONNRESET/);
});
