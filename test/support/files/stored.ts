/** A file in memory as the store would give it, and how it was read. */
import type { StoredBytes } from '../../../stores/files/port.ts';

export interface WatchedBytes extends StoredBytes {
  /** Bytes that were read in all, and at most in one call. */
  readonly bytesRead: () => number;
  readonly longestRead: () => number;
}

const chunk = 65_536;

export function storedBytes(content: Uint8Array): WatchedBytes {
  const bytes = Buffer.from(content);
  let [total, longest] = [0, 0];
  return {
    size: bytes.length, bytesRead: () => total, longestRead: () => longest,
    read: async function* read(start = 0, end = bytes.length) {
      let here = 0;
      for (let at = start; at < end; at += chunk) {
        await Promise.resolve();
        const piece = Buffer.from(bytes.subarray(at, Math.min(at + chunk, end)));
        total += piece.length;
        here += piece.length;
        longest = Math.max(longest, here);
        yield piece;
      }
    },
  };
}

/** A store that breaks off. */
export function brokenBytes(size: number, error: Error): StoredBytes {
  return {
    size,
    // oxlint-disable-next-line require-yield -- it never comes to that
    read: async function* read() {
      await Promise.resolve();
      throw error;
    },
  };
}

export async function allOf(bytes: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of bytes) pieces.push(piece);
  return Buffer.concat(pieces);
}
