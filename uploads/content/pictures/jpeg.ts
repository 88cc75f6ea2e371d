/** JPEG: a walk over its segments up to the first scan, then the end mark. */
import { BrokenFileError, type FileWindow } from '../file-window.ts';
import type { Dimensions } from './dimensions.ts';

/** Real ones have some tens: metadata and profiles come in pieces of 64 KB. */
const segmentsMax = 1_000;
const endMark = Buffer.from([0xff, 0xd9]);
const startOfScan = 0xda;
/** C0 to CF begin a frame, but for tables (C4, C8, CC). */
const isFrame = (marker: number): boolean => marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
const standsAlone = (marker: number): boolean => marker === 0x01 || (marker >= 0xd0 && marker <= 0xd7);

export async function readJpeg(window: FileWindow): Promise<Dimensions> {
  let dimensions: Dimensions | null = null;
  let at = 2;
  for (let segment = 0; segment < segmentsMax; segment += 1) {
    const [prefix = 0, marker = 0] = await window.at(at, 2);
    if (prefix !== 0xff) throw new BrokenFileError('Its segments do not follow one another.');
    if (marker === 0xff || standsAlone(marker)) {
      at += marker === 0xff ? 1 : 2;
      continue;
    }
    if (marker === 0xd9) break;
    const length = (await window.at(at + 2, 2)).readUInt16BE(0);
    if (length < 2) throw new BrokenFileError('A segment of it has no length.');
    if (isFrame(marker)) {
      if (dimensions !== null) throw new BrokenFileError('It has two frames of different size.');
      const frame = await window.at(at + 5, 4);
      dimensions = { width: frame.readUInt16BE(2), height: frame.readUInt16BE(0) };
    }
    at += 2 + length;
    if (marker !== startOfScan) continue;
    if (dimensions === null) break;
    await findEnd(window, at);
    return dimensions;
  }
  throw new BrokenFileError('There is no picture in it.');
}

/** Within a scan FF is never followed by D9. What comes after the end is cut off by processing. */
async function findEnd(window: FileWindow, scan: number): Promise<void> {
  const tail = Math.max(scan, window.size - endMark.length);
  if (await window.indexOf(endMark, tail) < 0 && await window.indexOf(endMark, scan) < 0) {
    throw new BrokenFileError('The picture ends in the middle.');
  }
}
