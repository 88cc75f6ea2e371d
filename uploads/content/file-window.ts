/** A stored file read at any place through one window, so that looking into it never takes more memory than the window. */
import type { StoredBytes } from '../../stores/files/port.ts';

export const windowBytes = 65_536;
/** Windows read: as often as the whole file takes four times over, and some more for the jumps in small ones. */
const readsFor = (size: number): number => 64 + 4 * Math.ceil(size / windowBytes);

/** Looks at what is in the window already: they are quick, and nothing else gets its turn meanwhile. */
const looksMax = 250_000;

/** The file is not what its own structure says. The message is for people. */
export class BrokenFileError extends Error {
  override readonly name = 'BrokenFileError';
}

export class FileWindow {
  readonly size: number;
  private readonly file: StoredBytes;
  private window: Buffer = Buffer.alloc(0);
  private start = 0;
  private readsLeft: number;
  private looksLeft = looksMax;
  /** What the store threw: libraries that read through here may swallow it. */
  private failure: unknown = null;

  constructor(file: StoredBytes) {
    this.file = file;
    this.size = file.size;
    this.readsLeft = readsFor(file.size);
  }

  /** All of these bytes, at most a window. Throws BrokenFileError when the file ends before. */
  async at(position: number, length: number): Promise<Buffer> {
    if (position < 0 || position + length > this.size) throw new BrokenFileError('The file ends in the middle.');
    if (length > windowBytes) throw new RangeError(`${length} bytes are more than a window.`);
    this.looksLeft -= 1;
    if (this.looksLeft < 0) throw tooIntricate();
    if (position < this.start || position + length > this.start + this.window.length) await this.move(position);
    return this.window.subarray(position - this.start, position - this.start + length);
  }

  /** As many of these bytes as there are. */
  async upTo(position: number, length: number): Promise<Buffer> {
    return this.at(Math.min(position, this.size), Math.max(0, Math.min(length, this.size - position)));
  }

  /** The place of the first occurrence from `from` on; -1: there is none. Reads on until it is found. */
  async indexOf(wanted: Buffer, from: number): Promise<number> {
    let at = from;
    while (at + wanted.length <= this.size) {
      const piece = await this.upTo(at, windowBytes);
      const found = piece.indexOf(wanted);
      if (found >= 0) return at + found;
      at += piece.length - wanted.length + 1;
    }
    return -1;
  }

  /** Throws what the store threw, if it did. */
  rethrow(): void {
    if (this.failure !== null) throw this.failure;
  }

  private async move(position: number): Promise<void> {
    this.readsLeft -= 1;
    if (this.readsLeft < 0) throw tooIntricate();
    const end = Math.min(position + windowBytes, this.size);
    const pieces: Buffer[] = [];
    try {
      for await (const piece of this.file.read(position, end)) pieces.push(piece);
    } catch (error) {
      this.failure = error;
      throw error;
    }
    const window = Buffer.concat(pieces);
    if (window.length !== end - position) throw this.failure = new Error('The store gave another number of bytes than it was asked for.');
    this.window = window;
    this.start = position;
  }
}

function tooIntricate(): BrokenFileError {
  return new BrokenFileError('The file is too intricate to be looked into.');
}
