/** Whose upload it is, before anything of it is shown. */
import { derivedId } from '../domain/derived-id.ts';
import { holds } from '../domain/message.ts';
import { findUpload, type UploadRow } from '../stores/postgres/uploads.ts';
import type { Received } from '../uploads/accepting.ts';
import type { Sender } from '../uploads/ports.ts';
import type { Call } from './call.ts';
import type { Incoming } from './incoming.ts';
import { notFound, Problem } from './problem.ts';
import type { Services } from './services.ts';

export function senderOf({ actor, correlationId }: Call): Sender {
  return { actor, correlationId };
}

/** The id of an upload whose request has an Idempotency-Key: the same for its repeat. */
export function keyedId({ keyedRequest }: Call): string | null {
  return keyedRequest === null ? null : derivedId('upload', keyedRequest);
}

/** For operators: which upload, and never what it is called. */
export function logReceived({ log }: Services, call: Call, { upload, isNew }: Received): void {
  log.info({
    correlation_id: call.correlationId, tenant: upload.tenant, session_id: upload.session_id, upload_id: upload.upload_id,
    kind: upload.kind, size_bytes: upload.size_bytes, is_new: isNew,
  }, 'upload');
}

export function incomingOf({ incoming }: Call): Incoming {
  if (incoming === null) throw new Error('This route does not declare that it reads its body by itself.');
  return incoming;
}

/** One that is there, for its owner and admins; to all others it is as if there were none. */
export async function visibleUpload(
  services: Services, { actor }: Call, params: { readonly session_id: string; readonly upload_id: string },
): Promise<UploadRow> {
  const upload = await findUpload(services.stores.db, { tenant: actor.tenant, ...params });
  if (upload === null || (upload.owner !== actor.subject && !holds(actor, 'admin'))) throw notFound();
  if (upload.status === 'receiving' || upload.status === 'deleted') throw notFound();
  return upload;
}

/** 412 when the session has changed since the version that the caller goes on from. */
export async function checkVersion(services: Services, call: Call, sessionId: string): Promise<void> {
  if (call.ifMatch === null) return;
  const { view } = await services.sessions.read(call.actor, sessionId);
  if (!call.ifMatch.includes(view.version)) throw new Problem('precondition_failed', 'The session has changed. Read it again.');
}
