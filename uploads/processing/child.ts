/**
 * The child process: one picture comes in at stdin, what it becomes goes out at stdout in frames. It starts with no secrets in its
 * environment, writes no file, and may end at any moment: whoever started it knows what that means.
 */
import { Console } from 'node:console';
import { once } from 'node:events';
import { fileFamilies } from '../../domain/upload.ts';
import { encodeFrame, pieceBytesMax, type Frame, type RejectReason } from './frames.ts';

async function main(familyName = '', pixels = ''): Promise<void> {
  const family = fileFamilies.find((name) => name === familyName);
  if (family === undefined) throw new Error(`There is no family ${familyName}.`);
  // decoders complain on the console, and stdout is for frames: they are loaded when the console writes elsewhere
  globalThis.console = new Console(process.stderr);
  const { processPicture } = await import('./picture.ts');
  const bytes = await everything();
  const picture = await processPicture(bytes, family, Number(pixels)).catch((error: unknown) => reasonOf(error));
  if (typeof picture === 'string') {
    await say({ sort: 'verdict', verdict: { verdict: 'rejected', reason: picture } });
    return;
  }
  const { type, width, height, clean, thumbnail } = picture;
  for (const [output, content] of [['clean', clean], ['thumbnail', thumbnail]] as const) {
    await say({ sort: 'begin', output, type });
    for (let at = 0; at < content.length; at += pieceBytesMax) {
      await say({ sort: 'piece', bytes: content.subarray(at, at + pieceBytesMax) });
    }
    await say({ sort: 'end' });
  }
  await say({ sort: 'verdict', verdict: { verdict: 'clean', type, width, height } });
}

async function everything(): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of process.stdin as AsyncIterable<Buffer>) pieces.push(piece);
  return Buffer.concat(pieces);
}

/** Whatever a decoder throws is about the picture, but for having no memory: that is about the machine, and another try may help. */
function reasonOf(error: unknown): RejectReason {
  const message = error instanceof Error ? error.message : '';
  if (/out of memory|cannot allocate|allocation failed/i.test(message)) throw error;
  return /exceeds pixel limit/i.test(message) ? 'processing_limit' : 'unreadable';
}

async function say(frame: Frame): Promise<void> {
  if (!process.stdout.write(encodeFrame(frame))) await once(process.stdout, 'drain');
}

await main(...process.argv.slice(2));
