/** The body of an import: of the right type, unpacked, and ended when it is too long or its sender is silent. */
import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import type { Incoming } from './incoming.ts';
import { Problem } from './problem.ts';

export const importType = 'application/x-ndjson';
const types: ReadonlySet<string> = new Set([importType, 'application/ndjson']);
/** Longest silence of a sender. */
const silentMs = 30_000;

/** Throws, before it reads anything, what can be known without: 415 and 413. `maxBytes` counts what it is unpacked to. */
export function importBody(incoming: Incoming, maxBytes: number): AsyncIterable<Uint8Array> {
  const [type = ''] = incoming.header('content-type').split(';');
  if (!types.has(type.trim().toLowerCase())) {
    throw new Problem('unsupported_media_type', `The body is not NDJSON. Send Content-Type: ${importType}, one event on each line.`);
  }
  const encoding = incoming.header('content-encoding').trim().toLowerCase();
  if (encoding !== '' && encoding !== 'identity' && encoding !== 'gzip') {
    throw new Problem('unsupported_media_type', 'The encoding of the body is not supported. Send it plain or with gzip.');
  }
  if ((incoming.bytes ?? 0) > maxBytes) throw tooLarge(maxBytes);
  incoming.watched();
  const sent = unlessSilent(incoming.body());
  return atMost(encoding === 'gzip' ? unpacked(sent) : sent, maxBytes);
}

function tooLarge(maxBytes: number): Problem {
  return new Problem(
    'payload_too_large',
    `The body is larger than ${maxBytes} bytes. Send the file in parts, in any order; what came before may come again.`,
  );
}

async function* atMost(chunks: AsyncIterable<Uint8Array>, maxBytes: number): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  for await (const chunk of chunks) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw tooLarge(maxBytes);
    yield chunk;
  }
}

/** Only the sender's time counts: not what it takes to put lines away. */
async function* unlessSilent(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const source = chunks[Symbol.asyncIterator]();
  for (;;) {
    const next = await soon(source.next());
    if (next.done === true) return;
    yield next.value;
  }
}

async function soon<T>(next: Promise<T>): Promise<T> {
  const silence = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    silence.reject(new Problem(
      'request_timeout', `Nothing came for ${silentMs / 1_000} seconds. Send the file again: what is there already does no harm.`,
    ));
  }, silentMs);
  try {
    return await Promise.race([next, silence.promise]);
  } finally {
    clearTimeout(timer);
  }
}

async function* unpacked(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const source = Readable.from(chunks);
  const gunzip = createGunzip();
  source.on('error', (error) => { gunzip.destroy(error); });
  source.pipe(gunzip);
  try {
    for await (const chunk of gunzip) yield chunk as Buffer;
  } catch (error) {
    if (!isBadGzip(error)) throw error;
    const said = 'The body is no whole gzip. Pack the file again, and send all of it: what is there already does no harm.';
    throw new Problem('invalid_request', said, { cause: error });
  } finally {
    source.destroy();
  }
}

function isBadGzip(error: unknown): boolean {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' && error.code.startsWith('Z_');
}
