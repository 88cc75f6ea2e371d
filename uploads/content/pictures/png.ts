/** PNG: its header, and a walk over its chunks up to the last one. */
import { BrokenFileError, type FileWindow } from '../file-window.ts';
import type { Dimensions } from './dimensions.ts';

/** 10 MB in chunks of 8 KB, as the common library writes them, are 1,280. */
const chunksMax = 100_000;
const endChunk = Buffer.from([0, 0, 0, 0, 0x49, 0x45, 0x4e, 0x44, 0xae, 0x42, 0x60, 0x82]);

export async function readPng(window: FileWindow): Promise<Dimensions> {
  const header = await window.at(8, 25);
  if (header.readUInt32BE(0) !== 13 || header.toString('latin1', 4, 8) !== 'IHDR') throw new BrokenFileError('It has no header.');
  const dimensions = { width: header.readUInt32BE(8), height: header.readUInt32BE(12) };
  if (!(await window.upTo(window.size - endChunk.length, endChunk.length)).equals(endChunk)) await walk(window);
  return dimensions;
}

/** Something comes after the end, or the end is missing. */
async function walk(window: FileWindow): Promise<void> {
  let at = 8;
  for (let chunk = 0; chunk < chunksMax; chunk += 1) {
    const header = await window.at(at, 8);
    at += 12 + header.readUInt32BE(0);
    if (at > window.size) break;
    if (header.toString('latin1', 4, 8) === 'IEND') return;
  }
  throw new BrokenFileError('The picture ends in the middle.');
}
