/** Idempotency-Key: the first answer again for the same body, 422 for another, 409 while the first is under way. */
import { createHash, randomUUID } from 'node:crypto';
import { canonicalJson, type Json } from '../domain/json.ts';
import type { Actor } from '../domain/message.ts';
import { beginKeyed, finishKeyed, releaseKeyed, type StoredAnswer } from '../stores/postgres/idempotency-keys.ts';
import { isSealed, sealedAs, type Sealer } from '../encryption/sealer.ts';
import type { Database } from '../stores/postgres/database.ts';
import { Problem } from './problem.ts';

export interface KeyedRequest { readonly actor: Actor; readonly path: string; readonly header: string; readonly body: unknown }

export interface IdempotencyTimes { readonly leaseSeconds: number; readonly keepHours: number }

/** Bare or quoted, 1-128 printable characters. */
export function readKey(header: string): string {
  const quoted = /^"(.*)"$/.exec(header);
  const key = quoted?.[1] ?? header;
  if (/^[\x21-\x7e](?:[\x20-\x7e]{0,126}[\x21-\x7e])?$/.test(key)) return key;
  throw new Problem('invalid_request', 'Idempotency-Key is not 1-128 printable characters.', {
    errors: [
      {
        pointer: '', code: 'malformed_key', message: 'Idempotency-Key is empty, too long or not printable.',
        fix: 'Send a fresh UUID for each new request.',
      },
    ],
  });
}

/** A hash of what the body says: order of members and white space do not count. */
export function bodyHash(body: unknown): string {
  return createHash('sha256').update(canonicalJson(body as Json)).digest('hex');
}

/** The id under which the effects of this request happen once. Nothing of the key itself is readable in it. */
export function operationOf(request: Omit<KeyedRequest, 'body'>): string {
  const { actor, path, header } = request;
  return createHash('sha256').update(JSON.stringify([actor.tenant, actor.subject, path, readKey(header)])).digest('hex').slice(0, 32);
}

/** Answers can repeat what a person said, so they are kept sealed, as base64 in a column of text. */
function sealed(sealer: Sealer, tenant: string, answer: StoredAnswer): StoredAnswer {
  return { ...answer, body: sealer.seal(Buffer.from(answer.body), sealedAs.keyedAnswer(tenant)).toString('base64') };
}

function opened(sealer: Sealer, tenant: string, answer: StoredAnswer): StoredAnswer {
  const bytes = Buffer.from(answer.body, 'base64');
  return isSealed(bytes) ? { ...answer, body: sealer.open(bytes, sealedAs.keyedAnswer(tenant)).toString('utf8') } : answer;
}

/** `work` runs at most once for a key at a time. Answers of 500 and above are not kept: their request may be tried again. */
export async function onceForKey(
  stores: { readonly db: Database; readonly sealer: Sealer }, request: KeyedRequest, times: IdempotencyTimes,
  work: () => Promise<StoredAnswer>,
): Promise<{ answer: StoredAnswer; replayed: boolean }> {
  const { db, sealer } = stores;
  const key = { tenant: request.actor.tenant, subject: request.actor.subject, path: request.path, key: readKey(request.header) };
  const token = randomUUID();
  const beginning = await beginKeyed(db, key, bodyHash(request.body), token, times);
  if (beginning.kind === 'done') return { answer: opened(sealer, key.tenant, beginning.answer), replayed: true };
  if (beginning.kind === 'other_body') {
    throw new Problem('idempotency_key_reused', 'This Idempotency-Key was used with another body. Use a fresh key for another request.');
  }
  if (beginning.kind === 'running') {
    throw new Problem('request_in_progress', 'The first request with this Idempotency-Key is still under way. Repeat in a moment.');
  }
  try {
    const answer = await work();
    if (answer.status >= 500) await releaseKeyed(db, key, token);
    else await finishKeyed(db, key, token, sealed(sealer, key.tenant, answer));
    return { answer, replayed: false };
  } catch (error) {
    // the lease ends by itself if this fails too
    await releaseKeyed(db, key, token).catch(() => undefined);
    throw error;
  }
}
