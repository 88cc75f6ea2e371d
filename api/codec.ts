/**
 * The codec endpoint: opens payloads for Temporal's tools. `POST /codec/{key}/decode` for the Web UI on this machine, which
 * sends neither token nor cookie; `POST /codec/decode` for admins (payloads of the own tenant) and the platform role (all).
 */
import { createHash, randomUUID, timingSafeEqual } from 'node:crypto';
import type { Context } from 'koa';
import type { Logger } from 'pino';
import { z } from 'zod';
import { holds, type Actor } from '../domain/message.ts';
import { personOf } from '../domain/person.ts';
import type { AuditEntry } from '../stores/postgres/audit.ts';
import type { Sealer } from '../encryption/sealer.ts';
import { openPayload, sealedFor, type SealedFor } from '../engine/payload-codec.ts';
import { isLoopback } from '../outside/peer.ts';
import { isHashedKey, tenantKey } from '../workflows/workflow-ids.ts';
import { bodyReader, type ReadBody } from './body.ts';
import { notFound, Problem } from './problem.ts';
import { validated } from './validation.ts';

export interface CodecOptions {
  readonly sealer: Sealer;
  /** Secret of the path for the Web UI; null: there is no such path. */
  readonly pathKey: string | null;
  /** Where the Web UI's page comes from, for example http://127.0.0.1:8233; null: no browser may ask. */
  readonly uiOrigin: string | null;
  /** Names of all tenants, for a payload that tells only the hash of a long one. */
  readonly tenants: () => Promise<readonly string[]>;
  /** Adds one entry to the audit log. */
  readonly audit: (entry: AuditEntry) => Promise<void>;
  readonly log: Logger;
}

/** What the server's pipeline does for this endpoint. */
export interface CodecGuards {
  /** The caller behind the request's credential, counted against its limits. Throws 401, 429. */
  readonly caller: () => Promise<Actor>;
  /** Counts a request that nobody vouches for. Throws 429. */
  readonly stranger: () => Promise<void>;
  readonly exempt: () => void;
}

/** A payload of Temporal's is at most 2 MB, a third more in base64. */
const maxBytes = 8 * 1_024 * 1_024;
const maxPayloads = 1_000;

const base64 = z.string();
const Payloads = z.looseObject({
  payloads: z.array(z.looseObject({ metadata: z.record(z.string().max(200), base64).optional(), data: base64.optional() }))
    .max(maxPayloads).optional(),
});
type WirePayload = NonNullable<z.output<typeof Payloads>['payloads']>[number];

export class CodecEndpoint {
  private readonly options: CodecOptions;
  private readonly readBody: ReadBody;

  constructor(options: CodecOptions) {
    this.options = options;
    this.readBody = bodyReader({ maxBytes, maxDepth: 8 });
  }

  /** Anything below /codec. The query string counts for nothing: the Web UI adds options of its own. */
  async handle(ctx: Context, guards: CodecGuards, correlationId: string): Promise<void> {
    this.allowOrigin(ctx);
    const [, key] = /^\/codec(?:\/([^/]+))?\/decode\/?$/.exec(ctx.path) ?? [null, undefined];
    const known = /^\/codec(?:\/[^/]+)?\/decode\/?$/.test(ctx.path);
    if (known && ctx.method === 'OPTIONS') {
      guards.exempt();
      ctx.status = 204;
      return;
    }
    if (!known || ctx.method !== 'POST') {
      await guards.stranger();
      throw notFound();
    }
    if (key === undefined) {
      const caller = await guards.caller();
      if (!holds(caller, 'admin')) throw new Problem('forbidden', 'This needs the role admin.');
      await this.decode(ctx, caller, correlationId);
    } else {
      if (!this.isWebUi(ctx, key)) {
        await guards.stranger();
        throw notFound();
      }
      guards.exempt();
      await this.decode(ctx, null, correlationId);
    }
  }

  /** `caller` null: the Web UI of this machine, which sees everything. */
  private async decode(ctx: Context, caller: Actor | null, correlationId: string): Promise<void> {
    const { payloads = [] } = validated(Payloads, await this.readBody(ctx), 'body');
    const sealed = payloads.map((payload) => sealedFor(fromWire(payload))).filter((item): item is SealedFor => item !== null);
    if (caller !== null && !caller.roles.includes('platform') && sealed.some(({ tenant }) => tenant !== tenantKey(caller.tenant))) {
      throw new Problem('forbidden', 'A payload here belongs to another tenant, or to none.');
    }
    const opened = payloads.map((payload) => this.opened(payload));
    await this.noted(caller, sealed, correlationId);
    ctx.set('Cache-Control', 'no-store');
    ctx.type = 'application/json';
    ctx.body = JSON.stringify({ payloads: opened });
  }

  /** Who read, of which tenants, how many, never what. What cannot be audited is not shown. */
  private async noted(caller: Actor | null, sealed: readonly SealedFor[], correlationId: string): Promise<void> {
    const { audit, log } = this.options;
    const actor = caller === null ? 'temporal-ui' : caller.subject;
    const tenants = distinct(sealed.map(({ tenant }) => tenant));
    log.info(
      {
        correlation_id: correlationId, subject: actor, tenants: tenants.slice(0, 20),
        key_ids: distinct(sealed.map((item) => item.keyId)).slice(0, 20), opened: sealed.length,
      },
      'payloads decoded',
    );
    // what belongs to no tenant has no audit log to stand in
    for (const tenant of tenants.filter((tenant) => tenant !== '')) {
      await audit({
        id: randomUUID(), tenant: await this.nameOf(tenant, caller), actor, person: caller === null ? null : personOf(caller),
        roles: caller?.roles ?? [],
        action: 'payload.decode', target: null, reason: null, result: 'allowed', status: 200, correlation_id: correlationId,
        details: { payloads: sealed.filter((payload) => payload.tenant === tenant).length },
      });
    }
  }

  /** The tenant in whose log a reading stands. A name that no session has any more leaves its key. */
  private async nameOf(key: string, caller: Actor | null): Promise<string> {
    if (!isHashedKey(key)) return key;
    if (caller !== null && tenantKey(caller.tenant) === key) return caller.tenant;
    return (await this.options.tenants()).find((tenant) => tenantKey(tenant) === key) ?? key;
  }

  /** In the same order; what is not ours comes back as it was sent. */
  private opened(payload: WirePayload): WirePayload {
    const binary = fromWire(payload);
    if (sealedFor(binary) === null) return payload;
    const { metadata, data } = openPayload(this.options.sealer, binary);
    return {
      metadata: Object.fromEntries(Object.entries(metadata ?? {}).map(([name, value]): [string, string] => [
        name, Buffer.from(value).toString('base64'),
      ])),
      data: Buffer.from(data ?? []).toString('base64'),
    };
  }

  private isWebUi(ctx: Context, key: string): boolean {
    const { pathKey } = this.options;
    return pathKey !== null && sameSecret(key, pathKey) && isLoopback(ctx.req);
  }

  private allowOrigin(ctx: Context): void {
    ctx.vary('Origin');
    const { uiOrigin } = this.options;
    if (uiOrigin === null || ctx.get('origin') !== uiOrigin) return;
    ctx.set({
      'Access-Control-Allow-Origin': uiOrigin, 'Access-Control-Allow-Methods': 'POST', 'Access-Control-Allow-Credentials': 'true',
      'Access-Control-Allow-Headers': 'content-type, x-namespace, authorization, authorization-extras', 'Access-Control-Max-Age': '600',
    });
  }
}

function fromWire(payload: WirePayload): { metadata: Record<string, Uint8Array>; data: Uint8Array } {
  return {
    metadata: Object.fromEntries(
      Object.entries(payload.metadata ?? {}).map(([name, value]): [string, Uint8Array] => [name, Buffer.from(value, 'base64')]),
    ),
    data: Buffer.from(payload.data ?? '', 'base64'),
  };
}

/** Digests, so that neither the length nor the place of the first difference shows in the time it takes. */
function sameSecret(given: string, secret: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(secret));
}

function distinct(names: readonly string[]): string[] {
  return [...new Set(names)];
}
