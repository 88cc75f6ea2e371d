/** WAV: a format and data that are all there. Recorders that stream leave the lengths at 0 or at their greatest. */
import { BrokenFileError, type FileWindow } from '../file-window.ts';

const chunksMax = 1_000;
const unknownLengths = new Set([0, 0xffffffff]);

export async function checkWav(window: FileWindow): Promise<void> {
  let hasFormat = false;
  let at = 12;
  for (let count = 0; count < chunksMax && at < window.size; count += 1) {
    const header = await window.at(at, 8);
    const [type, length] = [header.toString('latin1', 0, 4), header.readUInt32LE(4)];
    if (type === 'fmt ') hasFormat = true;
    if (type === 'data') {
      if (!hasFormat) break;
      if (!unknownLengths.has(length) && at + 8 + length > window.size) throw new BrokenFileError('The recording ends in the middle.');
      return;
    }
    at += 8 + length + (length % 2);
  }
  throw new BrokenFileError('There is no sound in it.');
}
