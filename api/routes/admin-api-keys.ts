import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { roles as allRoles } from '../../domain/message.ts';
import { personOf } from '../../domain/person.ts';
import { insertApiKey, listApiKeys, readApiKey, revokeApiKey, rotateApiKey, type ApiKeyRow } from '../../stores/postgres/api-keys.ts';
import { makeKey } from '../api-key.ts';
import { listed, readCursor } from '../cursor.ts';
import { notFound, Problem } from '../problem.ts';
import { audited, created, ok, route } from '../route.ts';
import { rule } from '../validation.ts';
import { clientId, listOf, paging, time, uuid } from '../wire.ts';

/** Nobody gives away more than they have: admins make keys, and an admin is all of these. */
export const grantable = allRoles.filter((role) => role !== 'platform');
const roles = z.array(z.enum(grantable));

const ApiKeyWire = z.object({
  key_id: uuid, name: z.string(), roles, created_by: z.string().meta({ description: 'The credential it was made with' }),
  person: z.string().nullable().meta({ description: 'The human it acts for, as tenant/subject; null: nobody knows, and it is 401' }),
  created_at: time, expires_at: time.nullable(),
  last_used_at: time.nullable().meta({ description: 'At most 5 minutes behind' }), revoked_at: time.nullable(),
}).meta({ id: 'ApiKey' });

const ShownKey = ApiKeyWire.extend({
  key: z.string().nullable().meta({ description: 'Shown once, here. null in a repeat by Idempotency-Key: rotate a key that was lost' }),
}).meta({ id: 'ShownApiKey' });

const CreateRequest = z.strictObject({
  name: z.string().trim().min(1).max(128),
  roles: roles.min(1).refine(
    (given) => new Set(given).size === given.length, rule('named_twice', 'must not name a role twice', 'Name each role once.'),
  ),
  expires_at: z.iso.datetime({ offset: true }).optional(),
}).meta({ id: 'ApiKeyRequest' });

const weekSeconds = 604_800;
const RotateRequest = z.strictObject({
  overlap_seconds: z.number().int().min(0).max(weekSeconds).default(0).meta({
    description: 'How long the secret before this one counts on',
  }),
}).meta({ id: 'ApiKeyRotation' });

const keyParams = z.object({ key_id: uuid });

export const apiKeyRoutes = [
  route.post('/admin/api-keys', {
    summary: 'Make an API key; it is shown once', access: ['admin'], limits: ['api'], audit: 'api_key.create',
    query: z.strictObject(clientId),
    body: CreateRequest, answers: { 201: ShownKey }, example: { name: 'nightly report', roles: ['analyst'] }, shownOnce: ['key'],
    handler: async ({ body, call, services }) => {
      const expiresAt = body.expires_at ?? null;
      // written so that what cannot be read as a time is refused too
      if (expiresAt !== null && !(Date.parse(expiresAt) > services.now())) throw notToCome();
      const keyId = randomUUID();
      const { key, hash } = makeKey(keyId);
      const row = await insertApiKey(services.stores.db, {
        key_id: keyId, tenant: call.actor.tenant, name: body.name, roles: body.roles, secret_hash: hash, created_by: call.actor.subject,
        person: personOf(call.actor), expires_at: expiresAt,
      });
      const details = { name: row.name, roles: row.roles.join(','), expires_at: row.expires_at?.toISOString() ?? null };
      return audited(created({ ...present(row), key }), { target: `key:${keyId}`, details });
    },
  }),
  route.get('/admin/api-keys', {
    summary: 'API keys of the tenant, newest first, without their secrets', access: ['admin'], limits: ['api'], audit: 'api_key.list',
    query: z.strictObject({ ...paging, ...clientId }), answers: { 200: listOf(ApiKeyWire) },
    handler: async ({ query, call, services }) => {
      const page = await listApiKeys(services.stores.db, call.actor.tenant, { limit: query.limit, after: readCursor(query.cursor) });
      return ok(listed(page, page.rows.map(present)));
    },
  }),
  route.delete('/admin/api-keys/:key_id', {
    summary: 'Revoke an API key: the very next request with it is 401; a second time changes nothing',
    access: ['admin'], limits: ['api'], audit: 'api_key.revoke', params: keyParams,
    query: z.strictObject({ ...clientId, reason: z.string().max(1_000).optional() }), answers: { 200: ApiKeyWire },
    handler: async ({ params, call, services }) => {
      const row = await revokeApiKey(services.stores.db, call.actor.tenant, params.key_id);
      if (row === null) throw notFound();
      return audited(ok(present(row)), { details: { name: row.name } });
    },
  }),
  route.post('/admin/api-keys/:key_id/rotate', {
    summary: 'A new secret for an API key, which keeps its id, roles and expiry; shown once', access: ['admin'], limits: ['api'],
    audit: 'api_key.rotate',
    params: keyParams, query: z.strictObject(clientId),
    body: RotateRequest, answers: { 200: ShownKey }, example: { overlap_seconds: 3_600 }, problems: ['wrong_state'], shownOnce: ['key'],
    handler: async ({ params, body, call, services }) => {
      if (await readApiKey(services.stores.db, call.actor.tenant, params.key_id) === null) throw notFound();
      const { key, hash } = makeKey(params.key_id);
      const row = await rotateApiKey(services.stores.db, call.actor.tenant, params.key_id, hash, body.overlap_seconds);
      if (row === null) throw new Problem('wrong_state', 'A key that was revoked or has expired cannot be rotated. Make a new one.');
      return audited(ok({ ...present(row), key }), { details: { name: row.name, overlap_seconds: body.overlap_seconds } });
    },
  }),
];

function notToCome(): Problem {
  const message = 'expires_at is no time to come.';
  return new Problem('invalid_request', message, {
    errors: [{ pointer: '/expires_at', code: 'invalid_value', message, fix: 'Give a time to come, or leave it out.' }],
  });
}

function present(row: ApiKeyRow): z.input<typeof ApiKeyWire> {
  return {
    key_id: row.key_id, name: row.name, roles: row.roles.filter((role) => role !== 'platform'), created_by: row.created_by,
    person: row.person, created_at: row.created_at.toISOString(), expires_at: row.expires_at?.toISOString() ?? null,
    last_used_at: row.last_used_at?.toISOString() ?? null, revoked_at: row.revoked_at?.toISOString() ?? null,
  };
}
