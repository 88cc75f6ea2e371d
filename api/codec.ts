/**
 * The codec endpoint: opens payloads for Temporal's tools, and seals the arguments that are typed there. `POST /codec/{key}/decode`
 * for the Web UI on this machine, which sends neither token nor cookie; `POST /codec/decode` for admins (payloads of the own tenant)
 * and the platform role (all). Beside each `encode`.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { Payload } from '@temporalio/common';
import type { Context } from 'koa';
import type { Logger } from 'pino';
import { z } from 'zod';
import { bounds } from '../domain/bounds.ts';
import { holds, type Actor } from '../domain/message.ts';
import type { Sealer } from '../encryption/sealer.ts';
import { openPayload, sealedFor, sealPayload, type SealedFor } from '../engine/payload-codec.ts';
import { isLoopback } from '../outside/peer.ts';
import { isHashedKey, tenantKey } from '../workflows/workflow-ids.ts';
import { bodyReader, type ReadBody } from './body.ts';
import { PayloadReadings, type PayloadReadingsOptions } from './payload-readings.ts';
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
  /** The audit log: of each reading. */
  readonly audit: PayloadReadingsOptions;
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
  private readonly readings: PayloadReadings;

  constructor(options: CodecOptions) {
    this.options = options;
    this.readings = new PayloadReadings(options.audit);
    this.readBody = bodyReader({ maxBytes, maxDepth: 8 });
  }

  /** Anything below /codec. The query string counts for nothing: the Web UI adds options of its own. */
  async handle(ctx: Context, guards: CodecGuards, correlationId: string): Promise<void> {
    this.allowOrigin(ctx);
    const [known, key, work] = /^\/codec(?:\/([^/]+))?\/(decode|encode)\/?$/.exec(ctx.path) ?? [];
    if (known !== undefined && ctx.method === 'OPTIONS') {
      guards.exempt();
      ctx.status = 204;
      return;
    }
    if (known === undefined || ctx.method !== 'POST') {
      await guards.stranger();
      throw notFound();
    }
    const caller = await this.callerOf(ctx, key, guards);
    const { payloads = [] } = validated(Payloads, await this.readBody(ctx), 'body');
    const answer = work === 'encode' ? this.encoded(payloads, caller) : await this.decoded(payloads, caller, correlationId);
    ctx.set('Cache-Control', 'no-store');
    ctx.type = 'application/json';
    ctx.body = JSON.stringify({ payloads: answer });
  }

  /** Ends what is being noted. */
  close(): Promise<void> {
    return this.readings.close();
  }

  /** null: the Web UI of this machine, which sees everything. */
  private async callerOf(ctx: Context, key: string | undefined, guards: CodecGuards): Promise<Actor | null> {
    if (key === undefined) {
      const caller = await guards.caller();
      if (!holds(caller, 'admin')) throw new Problem('forbidden', 'This needs the role admin.');
      return caller;
    }
    if (!this.isWebUi(ctx, key)) {
      await guards.stranger();
      throw notFound();
    }
    guards.exempt();
    return null;
  }

  /**
   * An argument on its way to a workflow that is not told. For an admin it is sealed as the own tenant's; from the Web UI it is
   * nobody's, which every workflow takes.
   */
  private encoded(payloads: readonly WirePayload[], caller: Actor | null): WirePayload[] {
    const tenant = caller === null || caller.roles.includes('platform') ? '' : tenantKey(caller.tenant);
    return payloads.map((payload) => {
      const binary = fromWire(payload);
      if (binary.data.length > bounds.payload) {
        throw new Problem('payload_too_large', `A payload has ${binary.data.length} bytes, and ${bounds.payload} are carried at most.`);
      }
      return toWire(sealPayload(this.options.sealer, binary, tenant, null));
    });
  }

  private async decoded(payloads: readonly WirePayload[], caller: Actor | null, correlationId: string): Promise<WirePayload[]> {
    const sealed = payloads.map((payload) => sealedFor(fromWire(payload))).filter((item): item is SealedFor => item !== null);
    if (caller !== null && !caller.roles.includes('platform') && sealed.some(({ tenant }) => tenant !== tenantKey(caller.tenant))) {
      throw new Problem('forbidden', 'A payload here belongs to another tenant, or to none.');
    }
    const opened = payloads.map((payload) => this.opened(payload));
    await this.noted(caller, sealed, correlationId);
    return opened;
  }

  /** Who read, of which tenants and workflows, how many, never what. What cannot be audited is not shown. */
  private async noted(caller: Actor | null, sealed: readonly SealedFor[], correlationId: string): Promise<void> {
    const tenants = distinct(sealed.map(({ tenant }) => tenant));
    this.options.log.info(
      {
        correlation_id: correlationId, subject: caller === null ? 'temporal-ui' : caller.subject, tenants: tenants.slice(0, 20),
        key_ids: distinct(sealed.map((item) => item.keyId)).slice(0, 20), opened: sealed.length,
      },
      'payloads decoded',
    );
    // what belongs to no tenant has no audit log to stand in
    for (const tenant of tenants.filter((tenant) => tenant !== '')) {
      const workflows = sealed.filter((payload) => payload.tenant === tenant).map(({ workflow }) => workflow);
      await this.readings.note({ tenant: await this.nameOf(tenant, caller), caller, correlationId, workflows });
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
    return toWire(openPayload(this.options.sealer, binary));
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

function toWire({ metadata, data }: Payload): WirePayload {
  return {
    metadata: Object.fromEntries(Object.entries(metadata ?? {}).map(([name, value]): [string, string] => [
      name, Buffer.from(value).toString('base64'),
    ])),
    data: Buffer.from(data ?? []).toString('base64'),
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
