/** The boxes of HEIC and MP4: a length, four letters, and what is in them. */
import { BrokenFileError, type FileWindow } from './file-window.ts';

export interface Box {
  readonly type: string;
  /** Where its contents begin and end. */
  readonly start: number;
  readonly end: number;
}

/** A recording in fragments has some thousands. */
const boxesMax = 20_000;

/** All boxes from `start` to `end`, in order. One that reaches beyond is BrokenFileError: the file was cut. */
export async function* boxesIn(window: FileWindow, start: number, end: number): AsyncGenerator<Box> {
  let at = start;
  for (let count = 0; at < end; count += 1) {
    if (count === boxesMax) throw new BrokenFileError('It is too intricate to be looked into.');
    const box = await boxAt(window, at, end);
    if (box.end > end) throw new BrokenFileError('The file ends in the middle.');
    yield box;
    at = box.end;
  }
}

/** The boxes of a file. */
export function boxesOf(window: FileWindow): AsyncGenerator<Box> {
  return boxesIn(window, 0, window.size);
}

async function boxAt(window: FileWindow, at: number, end: number): Promise<Box> {
  const header = await window.at(at, 8);
  const [size, type] = [header.readUInt32BE(0), header.toString('latin1', 4, 8)];
  if (size === 0) return { type, start: at + 8, end };
  if (size !== 1) return sized(type, at, 8, size);
  return sized(type, at, 16, Number((await window.at(at + 8, 8)).readBigUInt64BE(0)));
}

function sized(type: string, at: number, header: number, size: number): Box {
  if (size < header) throw new BrokenFileError('Its structure is broken.');
  return { type, start: at + header, end: at + size };
}
