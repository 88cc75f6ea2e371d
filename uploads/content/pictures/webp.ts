/** WebP: the size that its container says, and the dimensions of its first chunk in each of the three forms. */
import { BrokenFileError, type FileWindow } from '../file-window.ts';
import type { Dimensions } from './dimensions.ts';

const firstChunk = 12;

export async function readWebp(window: FileWindow): Promise<Dimensions> {
  const header = await window.at(0, 30);
  if (header.readUInt32LE(4) + 8 > window.size) throw new BrokenFileError('The picture ends in the middle.');
  const data = header.subarray(firstChunk + 8);
  switch (header.toString('latin1', firstChunk, firstChunk + 4)) {
    case 'VP8X': return { width: data.readUIntLE(4, 3) + 1, height: data.readUIntLE(7, 3) + 1 };
    case 'VP8L': return lossless(data);
    case 'VP8 ': return lossy(data);
    default: throw new BrokenFileError('There is no picture in it.');
  }
}

function lossless(data: Buffer): Dimensions {
  if (data[0] !== 0x2f) throw new BrokenFileError('Its header is broken.');
  const bits = data.readUInt32LE(1);
  return { width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1 };
}

/** Two bits beside each number say how it is scaled for display. */
function lossy(data: Buffer): Dimensions {
  if (data.readUIntBE(3, 3) !== 0x9d012a) throw new BrokenFileError('Its header is broken.');
  return { width: data.readUInt16LE(6) & 0x3fff, height: data.readUInt16LE(8) & 0x3fff };
}
