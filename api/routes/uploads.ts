import { createHash } from 'node:crypto';
import { z } from 'zod';
import { holds } from '../../domain/message.ts';
import type { UploadKind } from '../../domain/upload.ts';
import { listUploads } from '../../stores/postgres/uploads.ts';
import type { Call } from '../call.ts';
import { listed, readCursor } from '../cursor.ts';
import { readForm, type Form } from '../multipart.ts';
import { notFound, Problem } from '../problem.ts';
import { audited, created, empty, nothing, ok, route } from '../route.ts';
import type { Services } from '../services.ts';
import { checkVersion, incomingOf, keyedId, logReceived, senderOf, visibleUpload } from '../upload-access.ts';
import { kind, presentReceived, presentUpload, ReceivedWire, UploadWire, uploadParams } from '../upload-wire.ts';
import { clientId, listOf, paging, sessionParams, uuid } from '../wire.ts';

/** Of the form, in whichever order, before the file. */
const fields = ['kind', 'upload_id', 'sha256'] as const;
const uploadQuery = z.strictObject({ ...clientId, kind: kind.optional().meta({ description: 'Or as a field of the form' }) });
const UploadForm = z.object({
  kind: kind.optional(),
  upload_id: uuid.optional().meta({ description: 'Yours, a fresh one for each file: the same one again is the same upload' }),
  sha256: z.string().optional().meta({ description: 'SHA-256 of the file, hexadecimal: 422 checksum_mismatch when it is another' }),
  file: z.string().meta({ format: 'binary', description: 'With a filename. Behind all fields' }),
}).meta({ id: 'UploadForm' });

export const uploadRoutes = [
  route.post('/sessions/:session_id/uploads', {
    summary: 'Send a file in one request', access: ['user'], limits: ['api'], params: sessionParams, query: uploadQuery,
    raw: { type: 'multipart/form-data', schema: UploadForm, description: 'One file, and fields before it' },
    headers: { request: { 'Content-Digest': 'sha-256=:base64: of the file or of the whole body' } },
    answers: { 201: ReceivedWire, 200: ReceivedWire },
    problems: [
      'file_type_invalid', 'file_size_limit', 'session_photo_limit', 'session_document_limit', 'session_size_limit', 'burst_limit',
      'concurrent_limit', 'checksum_mismatch', 'upload_id_reused', 'upload_gone', 'wrong_state', 'precondition_failed', 'request_timeout',
    ],
    handler: async ({ params, query, call, services }) => {
      await checkVersion(services, call, params.session_id);
      const incoming = incomingOf(call);
      const digest = digestIn(incoming.header('content-digest'));
      const hash = digest === null ? null : createHash('sha256');
      const body = {
        contentType: incoming.header('content-type'), contentEncoding: incoming.header('content-encoding'), bytes: incoming.bytes,
        chunks: incoming.body, hash,
      };
      // of the content: by RFC 9530 that is the whole body, and most who send it mean the file
      const isDeclared = (sha256: Uint8Array): boolean => (
        digest === null || digest.equals(sha256) || hash?.copy().digest().equals(digest) === true
      );
      return readForm(body, fields, (form) => received(services, call, { ...params, kind: query.kind, digest, isDeclared }, form));
    },
  }),
  route.get('/sessions/:session_id/uploads', {
    summary: 'Files of a session that are there, newest first', access: ['user'], limits: ['api'],
    audit: { action: 'upload.list', when: 'others' }, params: sessionParams, query: z.strictObject({ ...paging, ...clientId }),
    answers: { 200: listOf(UploadWire) },
    handler: async ({ params, query, call, services }) => {
      const { view } = await services.sessions.read(call.actor, params.session_id);
      if (view.owner !== call.actor.subject && !holds(call.actor, 'admin')) throw notFound();
      const page = await listUploads(
        services.stores.db, { tenant: call.actor.tenant, session_id: params.session_id },
        { limit: query.limit, after: readCursor(query.cursor) },
      );
      return audited(ok(listed(page, page.rows.map((row) => presentUpload(services.uploads, row)))), { owner: view.owner });
    },
  }),
  route.get('/sessions/:session_id/uploads/:upload_id', {
    summary: 'One file, and how far it is', access: ['user'], limits: ['api'], audit: { action: 'upload.read', when: 'others' },
    params: uploadParams, answers: { 200: UploadWire },
    handler: async ({ params, call, services }) => {
      const upload = await visibleUpload(services, call, params);
      return audited(ok(presentUpload(services.uploads, upload)), { owner: upload.owner });
    },
  }),
  route.delete('/sessions/:session_id/uploads/:upload_id', {
    summary: 'Delete a file: its bytes go, and its quota is free', access: ['user'], limits: ['api'],
    audit: { action: 'upload.delete', when: 'others' }, params: uploadParams, answers: { 204: nothing },
    handler: async ({ params, call, services }) => {
      const upload = await visibleUpload(services, call, params);
      const deleted = await services.uploads.delete(senderOf(call), upload);
      if (deleted === null) throw notFound();
      return audited(empty(204), { owner: upload.owner });
    },
  }),
];

interface Asked {
  readonly session_id: string;
  /** Of the query. */
  readonly kind: UploadKind | undefined;
  /** Declared of the content, or null; and whether a file of this hash is what was declared. */
  readonly digest: Buffer | null;
  readonly isDeclared: (sha256: Uint8Array) => boolean;
}

async function received(services: Services, call: Call, asked: Asked, { fields: given, file }: Form) {
  const chosen = kindOf(asked.kind, given['kind']);
  const key = call.keyedRequest;
  const uploadId = uploadIdOf(given['upload_id']) ?? keyedId(call);
  const incoming = incomingOf(call);
  const sha256 = sha256In(given['sha256']);
  incoming.watched();
  const result = await services.uploads.receive(senderOf(call), {
    session_id: asked.session_id, upload_id: uploadId, kind: chosen, name: file.name, type: file.type, bytes: file.length, resumable: false,
    sha256: sha256 ?? asked.digest,
  }, { bytes: file.bytes, signal: incoming.signal, sha256, isKeyed: key !== null, isDeclared: asked.isDeclared });
  logReceived(services, call, result);
  const answer = presentReceived(services.uploads, result.upload, result.use);
  if (result.isNew) return created(answer);
  const isReplay = key !== null && result.upload.upload_id === uploadId;
  return isReplay ? created(answer, { 'Idempotency-Replayed': 'true' }) : ok(answer);
}

function kindOf(queried: UploadKind | undefined, field: string | undefined): UploadKind {
  if (queried !== undefined && field !== undefined && queried !== field) {
    throw badField('/kind', 'two_kinds', 'The query and the form give different kinds.', 'Give the kind once.');
  }
  const result = kind.safeParse(queried ?? field);
  if (result.success) return result.data;
  const [code, message] = field === undefined ? ['missing_field', '/kind is missing.'] : ['invalid_value', 'There is no such kind.'];
  throw badField('/kind', code, message, `Use one of: ${kind.options.join(', ')}, in the query or in a field before the file.`);
}

function uploadIdOf(field: string | undefined): string | null {
  if (field === undefined) return null;
  const result = uuid.safeParse(field.toLowerCase());
  if (result.success) return result.data;
  throw badField('/upload_id', 'invalid_format', 'upload_id is no UUID.', 'Give a fresh UUID for each file, or leave it out.');
}

function sha256In(field: string | undefined): Buffer | null {
  if (field === undefined) return null;
  if (/^[0-9a-f]{64}$/i.test(field)) return Buffer.from(field, 'hex');
  throw badField('/sha256', 'invalid_format', 'sha256 is no SHA-256.', 'Give 64 hexadecimal digits, or leave it out.');
}

/** `sha-256=:…:` among others; null: there is none. */
function digestIn(header: string): Buffer | null {
  const base64 = /(?:^|,)\s*sha-256=:([A-Za-z0-9+/]{43}=):/.exec(header)?.[1];
  if (base64 !== undefined) return Buffer.from(base64, 'base64');
  if (!/(?:^|,)\s*sha-256\s*=/.test(header)) return null;
  throw badField(
    '/Content-Digest', 'invalid_format', 'Content-Digest holds no SHA-256.', 'Give sha-256=:base64 of 32 bytes:, or leave it out.',
  );
}

function badField(pointer: string, code: string, message: string, fix: string): Problem {
  return new Problem('invalid_request', message, { errors: [{ pointer, code, message, fix }] });
}
