/**
 * Files in a bucket of S3, or of whatever speaks its language. A file is sealed onto this machine's disk first: so its length and its
 * checksum are known before a byte is sent, which every such server understands, and a sender that leaves never touches the bucket.
 */
import { createHash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import {
  DeleteObjectCommand, GetObjectCommand, ListObjectsV2Command, PutObjectCommand, S3Client, S3ServiceException, type GetObjectCommandOutput,
} from '@aws-sdk/client-s3';
import { headerBytes, type ChunkSealer, type SealedSource } from '../../encryption/sealed-chunks.ts';
import { StoreUnavailableError } from '../unavailable.ts';
import { counting, hashing, heeding } from './bytes.ts';
import type { Incoming } from './incoming.ts';
import { checkKey } from './key.ts';
import type { FileStore, StoredFile } from './port.ts';

export interface S3Settings {
  readonly bucket: string;
  readonly region: string;
  /** null: Amazon's own of the region. */
  readonly endpoint: string | null;
  /** null: as the machine has them (environment, role of the instance). */
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string } | null;
  /** The bucket in the path, not in the name of the host: most servers other than Amazon's want it. */
  readonly forcePathStyle: boolean;
  /** Whether checksums that S3 does not ask for are sent and checked. Ours is sent always, and what is read is authenticated by its seal. */
  readonly checksums: 'WHEN_REQUIRED' | 'WHEN_SUPPORTED';
}

/** Of a connection, of silence on it, and of one request until its answer begins; a file of 10 MB has 60 s. */
const [connectMs, silenceMs, answerMs, sendMs] = [3_000, 10_000, 10_000, 60_000];
const [connections, tries, deletedAtOnce, listedAtOnce] = [50, 2, 16, 1_000];

/** `incoming`: folder of this machine that files go through. */
export function openS3(settings: S3Settings, incoming: Incoming, sealer: ChunkSealer): FileStore {
  const { bucket: Bucket } = settings;
  const client = clientOf(settings);
  const send = async (key: string, sealed: AsyncIterable<Uint8Array>, signal?: AbortSignal): Promise<void> => {
    const hash = createHash('sha256');
    const { path, size } = await incoming.receive(hashing(sealed, hash));
    try {
      await answered(client.send(new PutObjectCommand({
        Bucket, Key: key, Body: createReadStream(path), ContentLength: size, ChecksumSHA256: hash.digest('base64'),
        ContentType: 'application/octet-stream',
      }), { abortSignal: within(sendMs, signal) }));
      signal?.throwIfAborted();
    } finally {
      await incoming.remove(path);
    }
  };
  const remove = (Key: string): Promise<unknown> => answered(
    client.send(new DeleteObjectCommand({ Bucket, Key }), { abortSignal: within(answerMs) }),
  );
  return {
    put: async (key, bytes, signal) => {
      const counted = { size: 0 };
      await send(checkKey(key), sealer.seal(counting(heeding(bytes, signal), counted), key), signal);
      return counted;
    },
    open: async (key) => {
      const source = await sourceOf(client, Bucket, checkKey(key));
      return source === null ? null : sealer.open(source, key);
    },
    // one by one: a deletion of many needs a checksum on whose kind servers do not agree, and some have none
    delete: async (keys) => {
      keys.forEach(checkKey);
      for (let at = 0; at < keys.length; at += deletedAtOnce) await Promise.all(keys.slice(at, at + deletedAtOnce).map(remove));
    },
    list: (prefix) => listed(client, Bucket, prefix),
    checkWritable: async () => {
      const key = `checks/${randomUUID()}`;
      await send(key, sealer.seal(nothing(), key));
      await remove(key);
    },
    close: () => { client.destroy(); },
  };
}

function clientOf({ region, endpoint, credentials, forcePathStyle, checksums }: S3Settings): S3Client {
  return new S3Client({
    region, forcePathStyle, ...(endpoint === null ? {} : { endpoint }), ...(credentials === null ? {} : { credentials }),
    requestChecksumCalculation: checksums, responseChecksumValidation: checksums, maxAttempts: tries,
    // it would write of its own to stderr what reaches our log as the cause
    logger: { debug: ignore, info: ignore, warn: ignore, error: ignore },
    requestHandler: {
      connectionTimeout: connectMs, socketTimeout: silenceMs,
      httpAgent: { keepAlive: true, maxSockets: connections }, httpsAgent: { keepAlive: true, maxSockets: connections },
    },
  });
}

/** The header comes along with the question how large it is. */
async function sourceOf(client: S3Client, Bucket: string, Key: string): Promise<SealedSource | null> {
  const read = async (start: number, end: number): Promise<GetObjectCommandOutput | null> => ifThere(
    client.send(new GetObjectCommand({ Bucket, Key, Range: `bytes=${start}-${end - 1}` }), { abortSignal: within(answerMs) }),
  );
  const begins = await read(0, headerBytes);
  if (begins === null) return null;
  const header = await wholeOf(bodyOf(begins));
  return {
    size: Number(/\/(\d+)$/.exec(begins.ContentRange ?? '')?.[1] ?? begins.ContentLength ?? 0),
    read: async function* (start, end) {
      if (start === 0 && end === headerBytes) return yield header;
      const range = await read(start, end);
      if (range === null) throw new StoreUnavailableError('files', new Error('It was deleted while it was read.'));
      yield* bodyOf(range);
    },
  };
}

async function wholeOf(bytes: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of bytes) pieces.push(piece);
  return Buffer.concat(pieces);
}

async function* bodyOf({ Body: body }: GetObjectCommandOutput): AsyncIterable<Uint8Array> {
  if (!(body instanceof Readable)) return;
  const pieces = body[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await answered(pieces.next());
      if (next.done === true) return;
      yield next.value as Buffer;
    }
  } finally {
    // whoever leaves in the middle gives the connection back
    body.destroy();
  }
}

async function* listed(client: S3Client, Bucket: string, Prefix: string): AsyncIterable<StoredFile> {
  let token: string | undefined;
  do {
    const page = await answered(client.send(
      new ListObjectsV2Command({ Bucket, Prefix, MaxKeys: listedAtOnce, ContinuationToken: token }), { abortSignal: within(answerMs) },
    ));
    for (const { Key: key, LastModified: at } of page.Contents ?? []) {
      if (key !== undefined) yield { key, storedAt: at?.getTime() ?? 0 };
    }
    token = page.NextContinuationToken;
  } while (token !== undefined);
}

async function* nothing(): AsyncIterable<Uint8Array> {
  // an empty file is one chunk too
}

const ignore = (): void => undefined;

function within(timeMs: number, signal?: AbortSignal): AbortSignal {
  return signal === undefined ? AbortSignal.timeout(timeMs) : AbortSignal.any([AbortSignal.timeout(timeMs), signal]);
}

/** null for what is not there. */
async function ifThere<T>(work: Promise<T>): Promise<T | null> {
  return answered(work.catch((error: unknown) => {
    if (error instanceof S3ServiceException && error.$metadata.httpStatusCode === 404 && error.name === 'NoSuchKey') return null;
    throw error;
  }));
}

/** Whatever goes wrong with the bucket is that of a store that cannot answer now: people can only repeat, operators see the cause. */
async function answered<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw new StoreUnavailableError('files', error);
  }
}
