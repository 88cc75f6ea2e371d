/** Resumable uploads by tus 1.0 (https://tus.io/protocols/resumable-upload): creation, checksum, termination, expiration. */
import { z } from 'zod';
import { toProblem } from '../error-translation.ts';
import { Problem } from '../problem.ts';
import type { Call } from '../call.ts';
import { empty, nothing, route, type Answer } from '../route.ts';
import { checkVersion, incomingOf, keyedId, logReceived, senderOf } from '../upload-access.ts';
import { kind, uploadParams } from '../upload-wire.ts';
import { clientId, sessionParams, uuid } from '../wire.ts';
import type { UploadRow } from '../../stores/postgres/uploads.ts';

const version = '1.0.0';
const offsetType = 'application/offset+octet-stream';
const path = '/sessions/:session_id/uploads/resumable' as const;
const one = `${path}/:upload_id` as const;
const tusHeader = { 'Tus-Resumable': version };
const refusals = [
  'file_type_invalid', 'file_size_limit', 'session_photo_limit', 'session_document_limit', 'session_size_limit', 'burst_limit',
  'concurrent_limit', 'upload_gone', 'wrong_state', 'precondition_failed',
] as const;
const answer = { 'Tus-Resumable': version, 'Upload-Offset': 'Bytes that have come', 'Upload-Expires': 'When it ends' };

export const resumableUploadRoutes = [
  route.options(path, {
    summary: 'What of tus is spoken here', access: ['user'], limits: ['api'], params: sessionParams, answers: { 204: nothing },
    handler: ({ services }) => Promise.resolve(empty(204, {
      ...tusHeader, 'Tus-Version': version, 'Tus-Extension': 'creation,checksum,termination,expiration', 'Tus-Checksum-Algorithm': 'sha256',
      'Tus-Max-Size': String(services.uploads.limits.fileBytes),
    })),
  }),
  route.post(path, {
    summary: 'Begin a file that is sent in parts (tus creation)', access: ['user'], limits: ['api'], params: sessionParams,
    query: z.strictObject({ ...clientId, kind: kind.optional().meta({ description: 'Or in Upload-Metadata' }) }),
    raw: { type: offsetType, schema: z.string().meta({ format: 'binary' }), description: 'Empty: bytes come by PATCH' },
    headers: {
      request: {
        'Tus-Resumable': version, 'Upload-Length': 'Bytes of the file',
        'Upload-Metadata': 'filename, filetype, kind, upload_id: each name and its value in base64, comma-separated',
      },
      answer: { ...answer, Location: 'Where its bytes go' },
    },
    answers: { 201: nothing }, problems: [...refusals, 'upload_id_reused'],
    handler: ({ params, query, call, services }) => spoken(call, async () => {
      await checkVersion(services, call, params.session_id);
      if ((incomingOf(call).bytes ?? 1) > 0) {
        throw badHeader(
          'Content-Length', 'no_body_here', 'An upload begins without bytes.', 'Send them by PATCH to the address in Location.',
        );
      }
      const metadata = metadataIn(call.header('upload-metadata'));
      const upload = await services.uploads.resumable.begin(senderOf(call), {
        session_id: params.session_id, upload_id: uploadIdIn(metadata) ?? keyedId(call), bytes: lengthIn(call),
        kind: kindIn(query.kind ?? metadata.get('kind')),
        name: metadata.get('filename') ?? '', type: metadata.get('filetype') ?? '',
      });
      return empty(201, { ...stateOf(upload), Location: `${call.path}/${upload.upload_id}/` });
    }),
  }),
  route.head(one, {
    summary: 'How far it has come', access: ['user'], limits: ['api'], params: uploadParams, answers: { 200: nothing },
    headers: { request: { 'Tus-Resumable': version }, answer: { ...answer, 'Upload-Length': 'Bytes of the file' } },
    problems: ['upload_gone', 'precondition_failed'],
    handler: ({ params, call, services }) => spoken(call, async () => {
      const upload = await services.uploads.resumable.look(senderOf(call), { tenant: call.actor.tenant, ...params });
      return empty(200, { ...stateOf(upload), 'Upload-Length': String(upload.declared_bytes), 'Cache-Control': 'no-store' });
    }),
  }),
  route.patch(one, {
    summary: 'Go on from an offset; the last bytes are judged with all before them', access: ['user'], limits: ['api'],
    params: uploadParams,
    raw: { type: offsetType, schema: z.string().meta({ format: 'binary' }), description: 'Bytes from Upload-Offset on' },
    headers: {
      request: {
        'Tus-Resumable': version, 'Upload-Offset': 'Bytes that have come',
        'Upload-Checksum': 'sha256 and the base64 of these bytes\' SHA-256',
      },
      answer: { ...answer, 'Content-Location': 'Of the last one: the upload that it has become' },
    },
    answers: { 204: nothing },
    problems: [
      ...refusals, 'offset_mismatch', 'payload_too_large', 'upload_locked', 'part_checksum_mismatch', 'unsupported_media_type',
      'request_timeout',
    ],
    handler: ({ params, call, services }) => spoken(call, async () => {
      const incoming = incomingOf(call);
      if (incoming.header('content-type') !== offsetType) {
        throw new Problem('unsupported_media_type', `Bytes of an upload come as Content-Type: ${offsetType}.`);
      }
      incoming.watched();
      const name = { tenant: call.actor.tenant, ...params };
      const { offset, expiresAt, received } = await services.uploads.resumable.add(senderOf(call), name, {
        offset: numberIn(call, 'Upload-Offset'), bytes: incoming.bytes, body: incoming.body(), signal: incoming.signal,
        sha256: checksumIn(call.header('upload-checksum')),
      });
      if (received !== null) logReceived(services, call, received);
      const more = received === null ? { 'Upload-Expires': expiresAt.toUTCString() } : {
        'Content-Location': `${call.path.replace(/\/resumable\/[^/]*$/, '')}/${received.upload.upload_id}/`,
      };
      return empty(204, { 'Upload-Offset': String(offset), ...more });
    }),
  }),
  route.delete(one, {
    summary: 'Give an unfinished file up (tus termination)', access: ['user'], limits: ['api'], params: uploadParams,
    answers: { 204: nothing }, headers: { request: { 'Tus-Resumable': version }, answer: tusHeader },
    problems: ['upload_gone', 'method_not_allowed', 'precondition_failed'],
    handler: ({ params, call, services }) => spoken(call, async () => {
      await services.uploads.resumable.cancel(senderOf(call), { tenant: call.actor.tenant, ...params });
      return empty(204);
    }),
  }),
];

/** Every answer but that to OPTIONS says which tus is spoken, refusals too; a request that does not say it is refused. */
async function spoken(call: Call, work: () => Promise<Answer<null>>): Promise<Answer<null>> {
  try {
    if (call.header('tus-resumable') !== version) {
      throw new Problem('precondition_failed', `This door speaks tus ${version}.`, {
        headers: { 'Tus-Version': version }, errors: [{
          pointer: '/Tus-Resumable', code: 'unknown_version', message: 'Tus-Resumable is missing or names another version.',
          fix: `Send Tus-Resumable: ${version}.`,
        }],
      });
    }
    const done = await work();
    return { ...done, headers: { ...done.headers, ...tusHeader } };
  } catch (error) {
    const problem = toProblem(error);
    throw new Problem(problem.code, problem.message, {
      errors: problem.errors, members: problem.members, cause: problem.cause, headers: { ...problem.headers, ...tusHeader },
    });
  }
}

/** Of one that is whole nothing is missing, whatever became of it. */
function stateOf(upload: UploadRow): Record<string, string> {
  const isWhole = upload.status !== 'receiving';
  return {
    'Upload-Offset': String(isWhole ? upload.declared_bytes : upload.received_bytes),
    ...(isWhole ? {} : { 'Upload-Expires': upload.expires_at.toUTCString() }),
  };
}

function lengthIn(call: Call): number {
  if (call.header('upload-defer-length') !== '') {
    throw badHeader('Upload-Defer-Length', 'no_length', 'The length has to be known from the beginning.', 'Send Upload-Length.');
  }
  return numberIn(call, 'Upload-Length');
}

function numberIn(call: Call, name: string): number {
  const text = call.header(name);
  if (/^\d{1,15}$/.test(text)) return Number(text);
  const [code, what] = text === '' ? ['missing_field', 'missing'] : ['invalid_format', 'no number'];
  throw badHeader(name, code, `${name} is ${what}.`, 'Give a number of bytes.');
}

/** Names and values in base64 (UTF-8); a name alone has no value. */
function metadataIn(header: string): ReadonlyMap<string, string> {
  const entries = header.split(',', 20).map((entry) => entry.trim()).filter((entry) => entry !== '').map((entry): [string, string] => {
    const [name = '', value = '', ...more] = entry.split(' ');
    if (more.length > 0 || !/^[A-Za-z0-9+/_-]*={0,2}$/.test(value)) {
      throw badHeader('Upload-Metadata', 'invalid_format', 'Upload-Metadata cannot be read.', 'Give "name base64" pairs, comma-separated.');
    }
    return [name, Buffer.from(value, 'base64').toString('utf8')];
  });
  return new Map(entries);
}

function kindIn(given: string | undefined): z.output<typeof kind> {
  const result = kind.safeParse(given);
  if (result.success) return result.data;
  throw badHeader(
    'Upload-Metadata', given === undefined ? 'missing_field' : 'invalid_value', 'The kind is missing, or there is no such kind.',
    `Give kind in Upload-Metadata or in the query: ${kind.options.join(', ')}.`,
  );
}

function uploadIdIn(metadata: ReadonlyMap<string, string>): string | null {
  const given = metadata.get('upload_id');
  if (given === undefined) return null;
  const result = uuid.safeParse(given.toLowerCase());
  if (result.success) return result.data;
  throw badHeader('Upload-Metadata', 'invalid_format', 'upload_id is no UUID.', 'Give a fresh UUID for each file, or leave it out.');
}

function checksumIn(header: string): Buffer | null {
  if (header === '') return null;
  const [algorithm = '', value = ''] = header.split(' ');
  if (algorithm === 'sha256' && /^[A-Za-z0-9+/]{43}=$/.test(value)) return Buffer.from(value, 'base64');
  throw badHeader(
    'Upload-Checksum', 'unknown_checksum', 'Upload-Checksum is of no kind that is known here.', 'Give "sha256 base64", or leave it out.',
  );
}

function badHeader(name: string, code: string, message: string, fix: string): Problem {
  return new Problem('invalid_request', message, { errors: [{ pointer: `/${name}`, code, message, fix }] });
}
