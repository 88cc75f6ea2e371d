/**
 * Pictures go through a child process of their own, so that a decoder that crashes, hangs or takes all memory takes nothing else with
 * it. Documents and recordings are handed on as they came: nobody can say of every reader what may be taken from them.
 */
import { join } from 'node:path';
import type { FileFamily } from '../../domain/upload.ts';
import type { StoredBytes } from '../../stores/files/port.ts';
import { familyFacts } from '../content/families.ts';
import { startBounded, type BoundedChild, type ChildBounds } from './bounded-child.ts';
import { FramesBrokenError, framesIn, type Frame, type ProcessingVerdict } from './frames.ts';
import { ProcessingFailedError, type StoreOutput, type UploadProcessing } from './port.ts';
import { places } from './places.ts';

export interface ProcessingSettings extends ChildBounds {
  /** Children at once. */
  readonly parallel: number;
  /** Of a picture, decoded. */
  readonly pixels: number;
}

/** Bytes of all outputs of one file: a photo of 50 megapixels that is all noise has some 40 MB as JPEG. */
const outputBytesMax = 64 * 1_024 * 1_024;
const pictures: ReadonlySet<FileFamily> = new Set(['jpeg', 'png', 'webp', 'heic']);
const ownProgram = join(import.meta.dirname, 'child.ts');

/** `program`: another child, for tests. */
export function createProcessing(settings: ProcessingSettings, program = ownProgram): UploadProcessing {
  const free = places(settings.parallel);
  return {
    process: async (input, { family }, store, signal) => {
      const { type } = familyFacts[family];
      if (!pictures.has(family)) {
        await store('clean', type, input.read());
        return { verdict: 'clean', type };
      }
      return free.take(signal, async () => {
        const child = startBounded([program, family, String(settings.pixels)], settings, signal);
        return throughChild(child, input, store, signal);
      });
    },
  };
}

async function throughChild(child: BoundedChild, input: StoredBytes, store: StoreOutput, signal: AbortSignal): Promise<ProcessingVerdict> {
  const fed = child.feed(input.read());
  // it may fail long before anybody waits for it, as when the file is deleted meanwhile: that must not end the process
  fed.catch(() => undefined);
  try {
    const verdict = await listen(framesIn(child.output), store);
    await fed;
    return verdict;
  } catch (error) {
    child.kill();
    const { over, said } = await child.ended;
    signal.throwIfAborted();
    if (over) return { verdict: 'rejected', reason: 'processing_limit' };
    // what the store threw, on either side, is its own
    await fed;
    if (!(error instanceof FramesBrokenError)) throw error;
    throw new ProcessingFailedError(`The child did not say what becomes of the picture: ${said}`, { cause: error });
  } finally {
    child.kill();
  }
}

async function listen(frames: AsyncGenerator<Frame>, store: StoreOutput): Promise<ProcessingVerdict> {
  const bytes = { left: outputBytesMax };
  for (;;) {
    const frame = await next(frames);
    if (frame.sort === 'verdict') return frame.verdict;
    if (frame.sort !== 'begin') throw new FramesBrokenError('A piece of nothing.');
    const pieces = piecesIn(frames, bytes);
    await store(frame.output, frame.type, pieces);
    if (!(await pieces.next()).done) throw new Error(`Not all of ${frame.output} was taken.`);
    if (bytes.left < 0) return { verdict: 'rejected', reason: 'processing_limit' };
  }
}

/** Of one output. Breaks off when the child does, so that nobody takes a part for the whole. */
async function* piecesIn(frames: AsyncGenerator<Frame>, bytes: { left: number }): AsyncGenerator<Uint8Array> {
  for (;;) {
    const frame = await next(frames);
    if (frame.sort === 'end') return;
    if (frame.sort !== 'piece') throw new FramesBrokenError('An output that does not end.');
    bytes.left -= frame.bytes.length;
    // the verdict follows: nothing is worth keeping
    if (bytes.left >= 0) yield frame.bytes;
  }
}

async function next(frames: AsyncGenerator<Frame>): Promise<Frame> {
  const { value, done } = await frames.next();
  if (done === true) throw new FramesBrokenError('It ended before its verdict.');
  return value;
}
