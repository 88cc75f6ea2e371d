/** MP3: after its tags, frames that follow one another. Two bytes make the signature of MP3, so more than one frame is looked at. */
import { BrokenFileError, type FileWindow } from '../file-window.ts';
import { afterTag } from './id3.ts';

/** Kilobits a second, by version (1; 2 and 2.5) and layer, at index 1 to 14. */
const rates: Readonly<Record<string, readonly number[]>> = {
  '1.1': [32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448],
  '1.2': [32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384],
  '1.3': [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
  '2.1': [32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256],
  '2.2': [8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
  '2.3': [8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
};
const hertz = [44_100, 48_000, 32_000] as const;
/** Padding between a tag and the first frame. */
const paddingMax = 65_536;
const framesSeen = 3;

export async function checkMpeg(window: FileWindow): Promise<void> {
  let at = await firstFrame(window, await afterTag(window));
  for (let frame = 0; frame < framesSeen; frame += 1) {
    if (frame > 0 && at >= window.size) return;
    const length = frameLength(await window.upTo(at, 4));
    if (length === null || (frame === 0 && at + length > window.size)) throw new BrokenFileError('There is no sound in it.');
    at += length;
  }
}

async function firstFrame(window: FileWindow, start: number): Promise<number> {
  const padding = await window.upTo(start, paddingMax);
  const at = padding.findIndex((byte) => byte !== 0);
  return start + Math.max(0, at);
}

/** Bytes; null: no frame begins so. */
function frameLength(header: Buffer): number | null {
  const [first = 0, second = 0, third = 0] = header;
  if (header.length < 4 || first !== 0xff || (second & 0xe0) !== 0xe0) return null;
  const [version, layer] = [(second >> 3) & 3, 4 - ((second >> 1) & 3)];
  const rate = rates[`${version === 3 ? 1 : 2}.${layer}`]?.[(third >> 4) - 1];
  const base = hertz[((third >> 2) & 3) as 0 | 1 | 2];
  if (version === 1 || rate === undefined || base === undefined) return null;
  const sampleRate = base / (version === 3 ? 1 : version === 2 ? 2 : 4);
  const padding = (third >> 1) & 1;
  if (layer === 1) return (Math.floor((12_000 * rate) / sampleRate) + padding) * 4;
  return Math.floor(((layer === 3 && version !== 3 ? 72_000 : 144_000) * rate) / sampleRate) + padding;
}
