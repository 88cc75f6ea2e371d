/**
 * A child process that may have so much memory and time and no more. Node's own limits for workers do not bind what decoders take
 * outside its heap, and a limit on addresses (`ulimit -v`) breaks WebAssembly before it bounds anything: so its memory is watched.
 */
import { spawn } from 'node:child_process';
import { constants, setPriority } from 'node:os';
import { pipeline } from 'node:stream/promises';
import { peakMemory } from './peak-memory.ts';

export interface ChildBounds {
  /** Resident memory at its highest, bytes. */
  readonly memoryBytes: number;
  /** From its start to its end, milliseconds. */
  readonly timeMs: number;
}

export interface ChildEnd {
  /** It was ended for taking more than it may. */
  readonly over: boolean;
  /** How it ended and what it complained of, for operators. */
  readonly said: string;
}

export interface BoundedChild {
  readonly output: AsyncIterable<Buffer>;
  /** Resolves also when the child ends before it took everything. Throws what reading the bytes throws. */
  feed(bytes: AsyncIterable<Buffer>): Promise<void>;
  kill(): void;
  readonly ended: Promise<ChildEnd>;
}

const watchMs = 50;
const complaintMax = 2_000;
/** It reads what it is made of and loads decoders; files, other processes and our secrets are none of its business. */
const permissions = ['--permission', '--allow-fs-read=*', '--allow-addons', '--disable-warning=SecurityWarning'];
/** Decoders keep large pictures in files of their own unless told otherwise: none of these bytes may touch a disk. */
const environment = { VIPS_DISC_THRESHOLD: '64g', MALLOC_ARENA_MAX: '2', UV_THREADPOOL_SIZE: '2' };

/** `program`: a file and its arguments. */
export function startBounded(program: readonly string[], bounds: ChildBounds, signal: AbortSignal): BoundedChild {
  const child = spawn(process.execPath, [...permissions, ...program], { env: environment, stdio: ['pipe', 'pipe', 'pipe'] });
  let over = false;
  let complaint = '';
  const complained = new Promise<void>((resolve) => { child.stderr.once('close', resolve); });
  child.stderr.setEncoding('utf8').on('data', (text: string) => { complaint = (complaint + text).slice(0, complaintMax); });
  const kill = (): void => {
    child.kill('SIGKILL');
    child.stdout.destroy();
  };
  const tooMuch = (): void => {
    over = true;
    kill();
  };
  const timer = setTimeout(tooMuch, bounds.timeMs);
  const watch = setInterval(() => { void watchMemory(child.pid, bounds.memoryBytes, tooMuch); }, watchMs);
  signal.addEventListener('abort', kill, { once: true });
  const ended = new Promise<ChildEnd>((resolve) => {
    const end = (how: string): void => {
      clearTimeout(timer);
      clearInterval(watch);
      signal.removeEventListener('abort', kill);
      resolve({ over, said: `${how} ${complaint}`.trim() });
    };
    child.once('error', (error) => { end(error.message); });
    // not its 'close', which waits until somebody has read all that it wrote
    child.once('exit', (code, by) => { void complained.then(() => { end(`It ended with ${by ?? code}.`); }); });
  });
  // whoever waits for answers goes first
  if (child.pid !== undefined) tryToYield(child.pid);
  return { output: child.stdout as AsyncIterable<Buffer>, feed: (bytes) => feed(bytes, child.stdin), kill, ended };
}

async function feed(bytes: AsyncIterable<Buffer>, stdin: NodeJS.WritableStream): Promise<void> {
  let failed: unknown = null;
  const watched = async function* watched(): AsyncGenerator<Buffer> {
    try {
      yield* bytes;
    } catch (error) {
      failed = error;
      throw error;
    }
  };
  await pipeline(watched(), stdin).catch(() => undefined);
  if (failed !== null) throw failed;
}

async function watchMemory(pid: number | undefined, bytesMax: number, tooMuch: () => void): Promise<void> {
  const peak = pid === undefined ? null : await peakMemory(pid);
  if (peak !== null && peak > bytesMax) tooMuch();
}

function tryToYield(pid: number): void {
  try {
    setPriority(pid, constants.priority.PRIORITY_BELOW_NORMAL);
  } catch {
    // it has ended already, or this system lets nobody
  }
}
