/**
 * Temporal's payloads, sealed: inputs, results, messages, memo, failures and summaries. Ids, names and search attributes are not
 * payloads. Everything that is carried comes through here, so here its bound is asserted, and it is compressed first.
 */
import { readFileSync } from 'node:fs';
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import type { Payload, PayloadCodec } from '@temporalio/common';
import { bounds } from '../domain/bounds.ts';
import { SealBrokenError, type Sealer } from '../encryption/sealer.ts';
import { parseWorkflowId } from '../workflows/workflow-ids.ts';

/** Read by Temporal's tools, which show such payloads as encrypted and ask the codec endpoint. */
const encryptedEncoding = 'binary/encrypted';
const keyIdField = 'encryption-key-id';
/** Whose it is, in clear and part of what is authenticated: an admin may have the payloads of the own tenant opened. */
const tenantField = 'gangway-tenant';
/** The workflow it stands in, in clear and authenticated too: the audit log tells whose was read. Older ones have none. */
const workflowField = 'gangway-workflow';

type Context = Parameters<PayloadCodec['encode']>[1];

/** `tenant` is its key in workflow ids (tenantKey), '' for nobody's; `workflow` an id, null where it is not told. */
export interface SealedFor { readonly keyId: string; readonly tenant: string; readonly workflow: string | null }

/** Whose payload this is and which key opens it, or null for one that is not ours. */
export function sealedFor(payload: Payload): SealedFor | null {
  const { metadata } = payload;
  const keyId = metadata?.[keyIdField];
  const tenant = metadata?.[tenantField];
  if (metadata?.['encoding'] == null || keyId == null || tenant == null || text(metadata['encoding']) !== encryptedEncoding) return null;
  const workflow = metadata[workflowField];
  return { keyId: text(keyId), tenant: text(tenant), workflow: workflow == null ? null : text(workflow) };
}

/** The engine would refuse it, and a workflow that carries it would fail again and again. Says how large it is, never what it says. */
export class PayloadTooLargeError extends Error {
  override readonly name = 'PayloadTooLargeError';
}

export function createPayloadCodec(sealer: Sealer): PayloadCodec {
  return {
    // async, so that what they throw is a rejection
    encode: async (payloads, context) => payloads.map((payload) => {
      checkCarried(payload, context);
      return sealPayload(sealer, payload, tenantOf(context) ?? '', context?.workflowId ?? null);
    }),
    decode: async (payloads, context) => payloads.map((payload) => {
      const sealed = sealedFor(payload);
      const tenant = tenantOf(context);
      // what is nobody's may stand in anybody's: the argument of an Update that an operator has typed into the Web UI
      if (sealed !== null && tenant !== null && sealed.tenant !== tenant && sealed.tenant !== '') {
        throw new SealBrokenError('A payload of one tenant stands in a workflow of another.');
      }
      return openPayload(sealer, payload);
    }),
  };
}

/** Passes through what is not ours. Throws KeyUnavailableError, SealBrokenError. */
export function openPayload(sealer: Sealer, payload: Payload): Payload {
  const sealed = sealedFor(payload);
  if (sealed === null) return payload;
  return unpack(sealer.open(payload.data ?? new Uint8Array(), contextOf(sealed)));
}

function checkCarried({ data }: Payload, context: Context): void {
  const bytes = data?.length ?? 0;
  if (bytes <= bounds.payload) return;
  const whose = context?.workflowId === undefined ? '' : ` of ${context.workflowId}`;
  throw new PayloadTooLargeError(`A payload${whose} has ${bytes} bytes, and ${bounds.payload} are carried at most.`);
}

/** `tenant`: its key, '' for nobody's. Passes through what is sealed, and everything where there is no key. */
export function sealPayload(sealer: Sealer, payload: Payload, tenant: string, workflow: string | null): Payload {
  if (sealer.primary === null || sealedFor(payload) !== null) return payload;
  return {
    metadata: {
      encoding: Buffer.from(encryptedEncoding), [keyIdField]: Buffer.from(sealer.primary), [tenantField]: Buffer.from(tenant),
      ...(workflow === null ? {} : { [workflowField]: Buffer.from(workflow) }),
    },
    data: sealer.seal(pack(payload), contextOf({ tenant, workflow })),
  };
}

/** null: not known here, or nobody's. Then only the platform role may have it opened. */
function tenantOf(context: Context): string | null {
  return context?.workflowId === undefined ? null : parseWorkflowId(context.workflowId)?.tenant ?? null;
}

/** No name of a tenant holds a line feed: neither part can be read as the other. */
const contextOf = ({ tenant, workflow }: Pick<SealedFor, 'tenant' | 'workflow'>): string => (
  workflow === null ? `payload:${tenant}` : `payload:${tenant}\n${workflow}`
);

/** Among the sealed metadata of payloads from before a dictionary was used: how their data was compressed. */
const compressionField = 'gangway-compression';
const zstd = 'zstd';
/**
 * First byte of what was packed with the first dictionary; all else begins with the length of its metadata, whose first byte is 0.
 * What our payloads have in common is in the dictionary once and for all, so that also a short one becomes a third. Its bytes never
 * change: another one would be another file and another first byte.
 */
const withDictionary1 = 1;
const dictionary1 = readFileSync(new URL('payload-dictionary-1.txt', import.meta.url));
/** Of 22. More pays for what is short, and for longer JSON takes five times as long for a few percent. */
const levelOf = (bytes: number): number => (bytes <= 32 * 1_024 ? 6 : 3);

/** Compressed, if that is shorter: length of the metadata, 4 bytes | metadata as JSON of base64 | data. */
function pack(payload: Payload): Buffer {
  const entries = Object.entries(payload.metadata ?? {}).map(([name, value]): [string, string] => [
    name, Buffer.from(value).toString('base64'),
  ]);
  const metadata = Buffer.from(JSON.stringify(Object.fromEntries(entries)));
  const length = Buffer.alloc(4);
  length.writeUInt32BE(metadata.length);
  const whole = Buffer.concat([length, metadata, payload.data ?? new Uint8Array()]);
  const params = { [constants.ZSTD_c_compressionLevel]: levelOf(whole.length), [constants.ZSTD_c_contentSizeFlag]: 0 };
  const smaller = zstdCompressSync(whole, { params, dictionary: dictionary1 });
  return smaller.length + 1 < whole.length ? Buffer.concat([Buffer.of(withDictionary1), smaller]) : whole;
}

function unpack(bytes: Buffer): Payload {
  return bytes[0] === withDictionary1 ? unpackWhole(decompressed(bytes.subarray(1), dictionary1)) : unpackWhole(bytes);
}

function unpackWhole(bytes: Buffer): Payload {
  const end = 4 + bytes.readUInt32BE(0);
  const { [compressionField]: compression, ...metadata } = JSON.parse(bytes.subarray(4, end).toString('utf8')) as Record<string, string>;
  if (compression !== undefined && compression !== zstd) {
    throw new SealBrokenError(`A payload is compressed in a way that is not known: ${compression.slice(0, 20)}.`);
  }
  return {
    metadata: Object.fromEntries(
      Object.entries(metadata).map(([name, value]): [string, Uint8Array] => [name, Buffer.from(value, 'base64')]),
    ),
    data: compression === undefined ? bytes.subarray(end) : decompressed(bytes.subarray(end)),
  };
}

/** Beside the data of a payload: what its metadata takes at most. */
const metadataMax = 4_096;

/** Sealed by us, so no bomb is expected; what grows beyond anything that was carried is broken all the same. */
function decompressed(data: Buffer, dictionary?: Buffer): Buffer {
  try {
    return zstdDecompressSync(data, { maxOutputLength: bounds.payload + metadataMax, ...(dictionary === undefined ? {} : { dictionary }) });
  } catch (error) {
    throw new SealBrokenError('A payload cannot be decompressed, or is larger than any that is carried.', { cause: error });
  }
}

/** Of no bytes protobuf makes a plain array: the tenant of what is nobody's. */
function text(bytes: Uint8Array): string {
  return bytes.length === 0 ? '' : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8');
}

/** Every payload of a message of Temporal's, however deep it stands. */
export function* payloadsIn(message: unknown): Generator<Payload> {
  const waiting: unknown[] = [message];
  while (waiting.length > 0) {
    const value = waiting.pop();
    if (typeof value !== 'object' || value === null || value instanceof Uint8Array) continue;
    if ('metadata' in value && 'data' in value && value.data instanceof Uint8Array) yield value as Payload;
    else waiting.push(...Object.values(value));
  }
}
