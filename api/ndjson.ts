/** Lines of a body that may be of any length, in bounded memory: a line that is too long is passed over, and counted like any other. */

/** `number` counts from 1, blank lines too. `bytes` null: longer than was allowed. Blank lines are left out. */
export interface Line { readonly number: number; readonly bytes: Buffer | null }

const lineFeed = 0x0a;
const blank: ReadonlySet<number> = new Set([0x20, 0x09, 0x0d]);

/** The last line needs no end. `maxBytes` does not count the end of the line. */
export async function* linesOf(chunks: AsyncIterable<Uint8Array>, maxBytes: number): AsyncGenerator<Line> {
  let number = 1;
  let parts: Uint8Array[] = [];
  let size = 0;
  const take = (part: Uint8Array): void => {
    size += part.length;
    // of one that is too long nothing is kept
    if (size > maxBytes + 1) parts = [];
    else if (part.length > 0) parts.push(part);
  };
  const ended = (): Line | null => {
    const bytes = withoutReturn(Buffer.concat(parts));
    const line = { number, bytes: size > maxBytes + 1 || bytes.length > maxBytes ? null : bytes };
    number += 1;
    parts = [];
    size = 0;
    return line.bytes !== null && line.bytes.every((byte) => blank.has(byte)) ? null : line;
  };
  for await (const chunk of chunks) {
    let from = 0;
    for (let end = chunk.indexOf(lineFeed); end >= 0; end = chunk.indexOf(lineFeed, from)) {
      take(chunk.subarray(from, end));
      from = end + 1;
      const line = ended();
      if (line !== null) yield line;
    }
    take(chunk.subarray(from));
  }
  const last = ended();
  if (last !== null) yield last;
}

function withoutReturn(line: Buffer): Buffer {
  return line.at(-1) === 0x0d ? line.subarray(0, -1) : line;
}
