/**
 * Sealing of files, chunk by chunk, so that none is in memory as a whole and any range opens without the rest. Each file has a key of
 * its own, derived from the configured one and a random salt; with it a chunk's number can be its IV, and no two are the same. Number
 * and whether it is the last are in the IV, the file's context in what is authenticated: no chunk opens in another place or another
 * file, and none can be left out.
 */
import { createCipheriv, createDecipheriv, createHmac, createSecretKey, randomBytes, type KeyObject } from 'node:crypto';
import { KeyUnavailableError, SealBrokenError, type CodecKeys } from './sealer.ts';

/** Bytes of a chunk before sealing; the last one has fewer, and an empty file is one empty chunk. */
export const chunkBytes = 64 * 1_024;

/** Sealed bytes, wherever they are. */
export interface SealedSource {
  readonly size: number;
  /** From `start` up to `end` (exclusive), in order and in pieces of any size. */
  read(start: number, end: number): AsyncIterable<Uint8Array>;
}

/** Plain bytes, read where they are wanted. */
export interface OpenedChunks {
  readonly size: number;
  /**
   * From `start` up to `end` (exclusive), in pieces of at most one chunk; what lies outside the file is left out. Throws
   * SealBrokenError at the first chunk that does not open, and has handed out nothing of it.
   */
  read(start?: number, end?: number): AsyncIterable<Buffer>;
}

export interface ChunkSealer {
  /** The header, then each chunk. `context` says whose file it is; it opens under the same one only, and is not kept. */
  seal(bytes: AsyncIterable<Uint8Array>, context: string): AsyncIterable<Buffer>;
  /** Reads the header. Rejects with KeyUnavailableError for a key that is not configured, SealBrokenError for what is none of ours. */
  open(source: SealedSource, context: string): Promise<OpenedChunks>;
}

/** Header, always of one length: `GWC` 1 | length of the key id, 1 byte | key id, filled up to 64 | salt 32. */
const magic = Buffer.from('GWC\u0001', 'latin1');
const [keyIdBytes, saltBytes, tagBytes] = [64, 32, 16];
export const headerBytes = magic.length + 1 + keyIdBytes + saltBytes;
const sealedChunkBytes = chunkBytes + tagBytes;

/** Without reading anything. null: sealed files do not have this length. */
export function plainSizeOf(sealedSize: number): number | null {
  const body = sealedSize - headerBytes;
  if (body < tagBytes) return null;
  const chunks = Math.ceil(body / sealedChunkBytes);
  const last = body - (chunks - 1) * sealedChunkBytes;
  // an empty chunk stands alone
  return last < tagBytes + (chunks > 1 ? 1 : 0) ? null : body - chunks * tagBytes;
}

export function createChunkSealer(keys: CodecKeys): ChunkSealer {
  return {
    seal: async function* (bytes, context) {
      const header = newHeader(keys.primary);
      const key = fileKey(keys, header);
      yield header;
      let number = 0;
      for await (const { chunk, last } of chunksOf(bytes)) {
        const cipher = createCipheriv('aes-256-gcm', key, ivOf(number, last));
        cipher.setAAD(additionalData(header, context));
        yield Buffer.concat([cipher.update(chunk), cipher.final(), cipher.getAuthTag()]);
        number += 1;
      }
    },
    open: async (source, context) => {
      const size = plainSizeOf(source.size);
      if (size === null) throw new SealBrokenError('A sealed file was cut.');
      const header = await firstOf(source.read(0, headerBytes), headerBytes);
      if (!header.subarray(0, magic.length).equals(magic)) throw new SealBrokenError('A file was not sealed by this application.');
      const opener = { key: fileKey(keys, header), aad: additionalData(header, context), chunks: chunksIn(size) };
      return { size, read: (start = 0, end = size) => openRange(source, opener, Math.max(0, start), Math.min(end, size)) };
    },
  };
}

/** Seals nothing: for measuring what encryption costs. */
export const unsealedChunks: ChunkSealer = {
  seal: (bytes) => chunksAlone(bytes),
  open: (source) => Promise.resolve({
    size: source.size,
    read: (start = 0, end = source.size) => chunksAlone(source.read(Math.max(0, start), Math.min(end, source.size))),
  }),
};

async function* chunksAlone(bytes: AsyncIterable<Uint8Array>): AsyncIterable<Buffer> {
  for await (const { chunk } of chunksOf(bytes)) if (chunk.length > 0) yield chunk;
}

interface Opener { readonly key: KeyObject; readonly aad: Buffer; readonly chunks: number }

async function* openRange(source: SealedSource, opener: Opener, start: number, end: number): AsyncIterable<Buffer> {
  // of an empty file its one chunk is opened all the same: it says that it is the whole
  if (start >= end && !(start === 0 && plainSizeOf(source.size) === 0)) return;
  const first = Math.floor(start / chunkBytes);
  const afterLast = Math.max(first + 1, Math.ceil(end / chunkBytes));
  const sealed = source.read(headerBytes + first * sealedChunkBytes, Math.min(source.size, headerBytes + afterLast * sealedChunkBytes));
  let number = first;
  for await (const { chunk } of chunksOf(sealed, sealedChunkBytes)) {
    const plain = openChunk(opener, chunk, number);
    const at = number * chunkBytes;
    const wanted = plain.subarray(Math.max(0, start - at), Math.max(0, end - at));
    if (wanted.length > 0) yield wanted;
    number += 1;
  }
  if (number < afterLast) throw new SealBrokenError('A sealed file was cut while it was read.');
}

function openChunk({ key, aad, chunks }: Opener, sealed: Buffer, number: number): Buffer {
  if (sealed.length < tagBytes) throw new SealBrokenError('A sealed file was cut while it was read.');
  const decipher = createDecipheriv('aes-256-gcm', key, ivOf(number, number === chunks - 1));
  decipher.setAAD(aad);
  decipher.setAuthTag(sealed.subarray(sealed.length - tagBytes));
  try {
    return Buffer.concat([decipher.update(sealed.subarray(0, sealed.length - tagBytes)), decipher.final()]);
  } catch (error) {
    throw new SealBrokenError(`Chunk ${number} of a sealed file does not open in this place.`, { cause: error });
  }
}

function chunksIn(size: number): number {
  return Math.max(1, Math.ceil(size / chunkBytes));
}

/** The same bytes in pieces of one size, of which only the last is shorter; one empty piece when there are none. */
async function* chunksOf(bytes: AsyncIterable<Uint8Array>, size = chunkBytes): AsyncIterable<{ chunk: Buffer; last: boolean }> {
  let filling = Buffer.alloc(size);
  let filled = 0;
  for await (const piece of bytes) {
    let taken = 0;
    while (taken < piece.length) {
      // only now is it known that the full one is not the last
      if (filled === size) {
        yield { chunk: filling, last: false };
        [filling, filled] = [Buffer.alloc(size), 0];
      }
      const part = piece.subarray(taken, taken + size - filled);
      filling.set(part, filled);
      [taken, filled] = [taken + part.length, filled + part.length];
    }
  }
  yield { chunk: filling.subarray(0, filled), last: true };
}

async function firstOf(bytes: AsyncIterable<Uint8Array>, length: number): Promise<Buffer> {
  for await (const { chunk } of chunksOf(bytes, length)) {
    if (chunk.length === length) return chunk;
  }
  throw new SealBrokenError('A sealed file was cut.');
}

function newHeader(keyId: string): Buffer {
  const header = Buffer.alloc(headerBytes);
  magic.copy(header);
  header[magic.length] = keyId.length;
  header.write(keyId, magic.length + 1, 'latin1');
  randomBytes(saltBytes).copy(header, headerBytes - saltBytes);
  return header;
}

/** Throws KeyUnavailableError. */
function fileKey(keys: CodecKeys, header: Buffer): KeyObject {
  const idAt = magic.length + 1;
  const keyId = header.toString('latin1', idAt, idAt + Math.min(header[magic.length] ?? 0, keyIdBytes));
  const key = keys.byId.get(keyId);
  if (key === undefined) throw new KeyUnavailableError(keyId);
  return createSecretKey(createHmac('sha256', key).update('gangway file 1').update(header.subarray(headerBytes - saltBytes)).digest());
}

/** Number of the chunk, and 1 for the last one. */
function ivOf(number: number, last: boolean): Buffer {
  const iv = Buffer.alloc(12);
  iv.writeUIntBE(number, 5, 6);
  iv[11] = last ? 1 : 0;
  return iv;
}

function additionalData(header: Buffer, context: string): Buffer {
  return Buffer.concat([header, Buffer.from(`gangway file 1\n${context}`)]);
}
