/** Where the tag at the beginning of an MP3 ends; 0 without one. */
import type { FileWindow } from '../file-window.ts';

export async function afterTag(window: FileWindow): Promise<number> {
  const header = await window.upTo(0, 10);
  if (header.length < 10 || header.toString('latin1', 0, 3) !== 'ID3') return 0;
  // seven bits a byte, so that no length looks like a frame
  const length = header.subarray(6, 10).reduce((sum, byte) => sum * 128 + (byte & 0x7f), 0);
  const footer = ((header[5] ?? 0) & 0x10) === 0 ? 0 : 10;
  return Math.min(window.size, 10 + length + footer);
}
