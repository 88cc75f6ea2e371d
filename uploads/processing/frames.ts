/**
 * What the child says on its way out: outputs, each begun, given in pieces and ended, and last the verdict. A frame is a byte for its
 * sort, four for its length, and its content.
 */

export const outputNames = ['clean', 'thumbnail'] as const;
export type OutputName = (typeof outputNames)[number];

/** unreadable: nobody could open it. processing_limit: it takes more memory, time or room than a file may. */
export const rejectReasons = ['unreadable', 'processing_limit'] as const;
export type RejectReason = (typeof rejectReasons)[number];

export type ProcessingVerdict =
  | { readonly verdict: 'clean'; readonly type: string; readonly width?: number; readonly height?: number }
  | { readonly verdict: 'rejected'; readonly reason: RejectReason };

export type Frame =
  | { readonly sort: 'begin'; readonly output: OutputName; readonly type: string }
  | { readonly sort: 'piece'; readonly bytes: Buffer }
  | { readonly sort: 'end' }
  | { readonly sort: 'verdict'; readonly verdict: ProcessingVerdict };

const sorts = ['begin', 'piece', 'end', 'verdict'] as const;
const headerBytes = 5;
export const pieceBytesMax = 65_536;

/** The child is ours and what it opens is not: what it says is checked like anybody's. */
export class FramesBrokenError extends Error {
  override readonly name = 'FramesBrokenError';
}

export function encodeFrame(frame: Frame): Buffer {
  const content = frame.sort === 'piece' ? frame.bytes : Buffer.from(JSON.stringify(frame));
  const header = Buffer.alloc(headerBytes);
  header[0] = sorts.indexOf(frame.sort);
  header.writeUInt32BE(content.length, 1);
  return Buffer.concat([header, content]);
}

/** Ends where the stream ends. Throws FramesBrokenError. */
export async function* framesIn(stream: AsyncIterable<Buffer>): AsyncGenerator<Frame> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const bytes of stream) {
    rest = rest.length === 0 ? bytes : Buffer.concat([rest, bytes]);
    for (let length = lengthOf(rest); rest.length >= headerBytes + length; length = lengthOf(rest)) {
      yield decode(rest[0] ?? 0, rest.subarray(headerBytes, headerBytes + length));
      rest = rest.subarray(headerBytes + length);
    }
  }
  if (rest.length > 0) throw new FramesBrokenError('It ended within a frame.');
}

/** Infinity: it is not there yet. */
function lengthOf(rest: Buffer): number {
  if (rest.length < headerBytes) return Infinity;
  const length = rest.readUInt32BE(1);
  if (length > pieceBytesMax) throw new FramesBrokenError(`A frame of ${length} bytes.`);
  return length;
}

function decode(sort: number, content: Buffer): Frame {
  if (sorts[sort] === 'piece') return { sort: 'piece', bytes: content };
  const said = objectIn(content);
  switch (sorts[sort]) {
    case 'begin': {
      const output = outputNames.find((name) => name === said['output']);
      if (output === undefined) throw new FramesBrokenError('An output that nobody knows.');
      return { sort: 'begin', output, type: textIn(said, 'type') };
    }
    case 'end': return { sort: 'end' };
    case 'verdict': return { sort: 'verdict', verdict: verdictIn(said['verdict']) };
    default: throw new FramesBrokenError('A sort of frame that nobody knows.');
  }
}

function verdictIn(said: unknown): ProcessingVerdict {
  const fields = asObject(said);
  if (fields['verdict'] === 'clean') {
    const [width, height] = [numberIn(fields, 'width'), numberIn(fields, 'height')];
    return { verdict: 'clean', type: textIn(fields, 'type'), ...(width !== null && { width }), ...(height !== null && { height }) };
  }
  const reason = rejectReasons.find((each) => each === fields['reason']);
  if (reason === undefined) throw new FramesBrokenError('A verdict that nobody knows.');
  return { verdict: 'rejected', reason };
}

function objectIn(content: Buffer): Readonly<Record<string, unknown>> {
  try {
    return asObject(JSON.parse(content.toString('utf8')));
  } catch (error) {
    throw new FramesBrokenError('A frame that is no JSON.', { cause: error });
  }
}

function asObject(said: unknown): Readonly<Record<string, unknown>> {
  if (typeof said !== 'object' || said === null) throw new FramesBrokenError('A frame that is no object.');
  return said as Readonly<Record<string, unknown>>;
}

function textIn(fields: Readonly<Record<string, unknown>>, name: string): string {
  const text = fields[name];
  if (typeof text !== 'string') throw new FramesBrokenError(`A frame without ${name}.`);
  return text;
}

function numberIn(fields: Readonly<Record<string, unknown>>, name: string): number | null {
  const number = fields[name];
  return typeof number === 'number' && Number.isSafeInteger(number) && number > 0 ? number : null;
}
