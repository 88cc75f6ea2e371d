/**
 * WebM: its tracks, all of which must be sound. A browser that records sound alone writes the same container as for video; only the
 * tracks tell.
 */
import { BrokenFileError, type FileWindow } from '../file-window.ts';

/** `end` null: unknown, as a recorder that streams writes it. */
interface Element { readonly id: number; readonly start: number; readonly end: number | null }

const [ebml, segment, cluster, tracks, trackEntry, trackType] = [0x1a45dfa3, 0x18538067, 0x1f43b675, 0x1654ae6b, 0xae, 0x83];
const sound = 2;
const elementsMax = 10_000;

export async function checkWebm(window: FileWindow): Promise<void> {
  const header = await elementAt(window, 0);
  if (header.id !== ebml || header.end === null) throw new BrokenFileError('It has no header.');
  const body = await elementAt(window, header.end);
  if (body.id !== segment) throw new BrokenFileError('There is no recording in it.');
  if (body.end !== null && body.end > window.size) throw new BrokenFileError('The recording ends in the middle.');
  const types: number[] = [];
  // what stands behind the first cluster may be tracks again, in another order than recorders write
  for await (const element of elementsIn(window, body.start, body.end ?? window.size)) {
    if (element.id === tracks && element.end !== null) types.push(...await trackTypes(window, element.start, element.end));
    if (element.id === cluster && element.end === null) break;
  }
  if (types.length === 0) throw new BrokenFileError('There is no sound in it.');
  if (types.some((type) => type !== sound)) throw new BrokenFileError('It holds a video track.');
}

async function trackTypes(window: FileWindow, start: number, end: number): Promise<number[]> {
  const types: number[] = [];
  for await (const entry of elementsIn(window, start, end)) {
    if (entry.id !== trackEntry || entry.end === null) continue;
    for await (const field of elementsIn(window, entry.start, entry.end)) {
      if (field.id === trackType) types.push((await window.at(field.start, 1))[0] ?? 0);
    }
  }
  return types;
}

async function* elementsIn(window: FileWindow, start: number, end: number): AsyncGenerator<Element> {
  let at = start;
  for (let count = 0; at < end; count += 1) {
    if (count === elementsMax) throw new BrokenFileError('It is too intricate to be looked into.');
    const element = await elementAt(window, at);
    if (element.end !== null && element.end > end) throw new BrokenFileError('The recording ends in the middle.');
    yield element;
    if (element.end === null) return;
    at = element.end;
  }
}

async function elementAt(window: FileWindow, at: number): Promise<Element> {
  const head = await window.upTo(at, 12);
  const idLength = leadingZeros(head[0] ?? 0) + 1;
  const sizeLength = leadingZeros(head[idLength] ?? 0) + 1;
  if (idLength > 4 || sizeLength > 8 || head.length < idLength + sizeLength) throw new BrokenFileError('Its structure is broken.');
  const size = head.subarray(idLength, idLength + sizeLength);
  // the length's own mark does not count; all ones is no length
  const value = size.reduce((sum, byte, index) => sum * 256n + BigInt(index === 0 ? byte & (0xff >> sizeLength) : byte), 0n);
  const start = at + idLength + sizeLength;
  const unknown = value === (1n << BigInt(7 * sizeLength)) - 1n;
  return { id: head.readUIntBE(0, idLength), start, end: unknown ? null : start + Number(value) };
}

function leadingZeros(byte: number): number {
  return Math.clz32(byte) - 24;
}
