/** A client of clamd: one connection a file, INSTREAM, and a deadline. Its answers are read by clamd-answer.ts. */
import { connect, type Socket } from 'node:net';
import type { StoredBytes } from '../../stores/files/port.ts';
import { unknown, verdictOf } from './clamd-answer.ts';
import type { Scanner, ScanResult } from './scanner.ts';

export interface ClamdSettings {
  /** tcp://host:port or unix:///path. */
  readonly url: string;
  /** From the connection to the answer, milliseconds. */
  readonly timeoutMs: number;
}

/** The answer is a line. */
const answerMax = 4_096;
const defaultPort = 3_310;

export function clamdScanner({ url, timeoutMs }: ClamdSettings): Scanner {
  const where = addressOf(url);
  return {
    name: 'clamd',
    scan: async (bytes, signal) => {
      signal.throwIfAborted();
      const stream = { failed: null as unknown };
      const result = await ask(connect(where), bytes, { timeoutMs, signal, stream });
      signal.throwIfAborted();
      if (stream.failed !== null) throw stream.failed;
      return result;
    },
  };
}

function addressOf(url: string): { readonly path: string } | { readonly host: string; readonly port: number } {
  const { protocol, hostname, port, pathname } = new URL(url);
  if (protocol === 'unix:') return { path: decodeURIComponent(pathname) };
  return { host: hostname.replace(/^\[|\]$/g, ''), port: port === '' ? defaultPort : Number(port) };
}

interface Asking { readonly timeoutMs: number; readonly signal: AbortSignal; readonly stream: { failed: unknown } }

async function ask(socket: Socket, bytes: StoredBytes, { timeoutMs, signal, stream }: Asking): Promise<ScanResult> {
  const end = (): void => { socket.destroy(); };
  const timer = setTimeout(() => { socket.destroy(new Error('It took too long.')); }, timeoutMs);
  signal.addEventListener('abort', end, { once: true });
  const answered = answerOf(socket);
  try {
    // it may answer before it has everything, and then it reads no more
    await Promise.race([send(socket, bytes, stream), answered]);
    return stream.failed === null ? await answered : unknown('The file could not be read.');
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', end);
    end();
  }
}

/** Never rejects: whatever happens to the connection is about the scanner. */
function answerOf(socket: Socket): Promise<ScanResult> {
  return new Promise((resolve) => {
    let answer = '';
    let failure = '';
    const done = (whole: boolean): void => {
      resolve(failure !== '' && !whole ? unknown(failure) : verdictOf({ answer: answer.split('\0', 1)[0] ?? '', whole }));
    };
    socket.setEncoding('latin1').on('data', (text: string) => {
      answer += text;
      if (answer.includes('\0')) done(true);
      else if (answer.length > answerMax) socket.destroy(new Error('Its answer has no end.'));
    });
    socket.on('error', ({ code, message }: NodeJS.ErrnoException) => { failure = code === undefined ? message : `It gave ${code}.`; });
    socket.on('close', () => { done(false); });
  });
}

/** Resolves when all is sent or the connection is gone. */
async function send(socket: Socket, bytes: StoredBytes, stream: { failed: unknown }): Promise<void> {
  const closed = new Promise<void>((resolve) => { socket.once('close', () => { resolve(); }); });
  const write = (data: Uint8Array): Promise<void> | undefined => {
    if (socket.destroyed || socket.write(data)) return undefined;
    return Promise.race([new Promise<void>((resolve) => { socket.once('drain', resolve); }), closed]);
  };
  await write(Buffer.from('zINSTREAM\0', 'latin1'));
  try {
    for await (const piece of bytes.read()) {
      if (socket.destroyed) return;
      const length = Buffer.alloc(4);
      length.writeUInt32BE(piece.length);
      socket.write(length);
      await write(piece);
    }
  } catch (error) {
    stream.failed = error;
    socket.destroy();
    return;
  }
  await write(Buffer.alloc(4));
}
