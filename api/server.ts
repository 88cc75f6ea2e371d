/** The HTTP server: one pipeline from socket to answer, in the order in which a request may fail. */
import { randomUUID } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import Koa, { type Context } from 'koa';
import type { Logger } from 'pino';
import { z } from 'zod';
import { holds, type Actor, type Role } from '../domain/message.ts';
import { addAudit } from '../stores/postgres/audit.ts';
import { StoreUnavailableError } from '../stores/unavailable.ts';
import { isTenantName } from '../stores/postgres/database.ts';
import { auditedAct, type Act } from './audit.ts';
import type { Authentication, Credential } from './authentication.ts';
import { bodyReader, type ReadBody } from './body.ts';
import { CodecEndpoint, type CodecOptions } from './codec.ts';
import { sendStream, streamHeaders, type Stream } from './event-stream.ts';
import { onceForKey, operationOf, type KeyedRequest } from './idempotency.ts';
import type { AddressOf } from './limits/address.ts';
import { LimitGuard } from './limits/guard.ts';
import { MetricsPage } from './metrics-page.ts';
import { openApiDocument } from './openapi.ts';
import { pageRoutes, type Health, type Page } from './pages.ts';
import { versionOf } from './presentation.ts';
import { causesOf, frames, toProblem } from './error-translation.ts';
import { notFound, Problem } from './problem.ts';
import { matcher, type Match } from './matcher.ts';
import type { Call } from './call.ts';
import type { Answer, Route, Streamed } from './route.ts';
import type { Services } from './services.ts';
import { unfitText, validated } from './validation.ts';
import { clientId } from './wire.ts';

export const base = '/api/v1/onboarding';

export interface ServerOptions {
  readonly services: Services;
  readonly routes: readonly Route[];
  readonly authentication: Authentication;
  readonly addressOf: AddressOf;
  readonly health: Health;
  /** Of the codec endpoint; the rest it takes from the services. */
  readonly codec: Pick<CodecOptions, 'pathKey' | 'uiOrigin'>;
  /** Answers that break their own schema become 500: on in tests. */
  readonly checkAnswers: boolean;
  /** For measuring what they cost; never off outside a bench. */
  readonly guards?: { readonly authentication: boolean; readonly limits: boolean };
}

interface Answered { readonly status: number; readonly headers: Readonly<Record<string, string>>; readonly body: string; readonly stream?: Stream }

interface Permitted { readonly actor: Actor; readonly credential: Credential; readonly correlationId: string; readonly act: Act | null; readonly receivedAt: number }
interface Heard { readonly credential: Credential; readonly path: string; readonly match: Match; readonly act: Act | null; readonly correlationId: string; readonly receivedAt: number }

const wellFormedId = /^[A-Za-z0-9._:-]{1,128}$/;
/** The role that a whole area needs, before anything in it exists. */
const areas: readonly [prefix: string, role: Role][] = [['/admin', 'admin'], ['/analytics', 'analyst'], ['/dashboard', 'analyst']];

export class ApiServer {
  private readonly options: ServerOptions;
  private readonly match: (method: string, path: string) => Match;
  private readonly readBody: ReadBody;
  private readonly pages: ReadonlyMap<string, Page>;
  private readonly codec: CodecEndpoint;
  private readonly metrics: MetricsPage;
  private readonly limits: LimitGuard;
  private readonly server: Server;
  private readonly log: Logger;
  private readonly closing = new AbortController();

  constructor(options: ServerOptions) {
    this.options = options;
    const { configuration } = options.services;
    this.log = options.services.log;
    this.match = matcher(options.routes);
    this.readBody = bodyReader({ maxBytes: configuration.GANGWAY_BODY_BYTES, maxDepth: configuration.GANGWAY_BODY_DEPTH });
    this.pages = pageRoutes(options.health, openApiDocument(base, options.routes));
    this.codec = new CodecEndpoint({ ...options.codec, sealer: options.services.sealer, audit: (entry) => addAudit(options.services.db, entry), log: this.log });
    const { metrics, limiter, resources } = options.services;
    this.metrics = new MetricsPage({ metrics, token: configuration.GANGWAY_METRICS_TOKEN ?? null });
    this.limits = new LimitGuard({ limiter, resources, isOff: options.guards?.limits === false });
    const app = new Koa();
    app.use((ctx) => this.handle(ctx));
    // the pipeline answers every error itself; what reaches Koa is a socket that went away
    app.on('error', (error: Error) => { this.log.debug({ err: { type: error.name } }, 'connection lost'); });
    const handle = app.callback();
    // slow senders end here: headers within 10 s, the whole request within 30 s
    this.server = createServer({ headersTimeout: 10_000, requestTimeout: 30_000, keepAliveTimeout: 30_000 }, (request, response) => { void handle(request, response); });
  }

  /** Resolves with the port that was taken. Rejects when it cannot be had. */
  async listen(host: string, port: number): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      this.server.once('error', reject);
      this.server.listen(port, host, () => { this.server.off('error', reject); resolve(); });
    });
    return (this.server.address() as AddressInfo).port;
  }

  /** Takes no new connections, ends streams (their readers come back elsewhere), lets running requests end, and closes what is left after the deadline. */
  async close(deadlineMs: number): Promise<void> {
    const closed = new Promise<void>((resolve) => { this.server.close(() => { resolve(); }); });
    this.closing.abort();
    this.server.closeIdleConnections();
    const deadline = setTimeout(() => { this.server.closeAllConnections(); }, deadlineMs);
    await closed;
    clearTimeout(deadline);
  }

  private async handle(ctx: Context): Promise<void> {
    const began = performance.now();
    const given = ctx.get('x-correlation-id');
    const correlationId = wellFormedId.test(given) ? given : randomUUID();
    ctx.set('X-Correlation-Id', correlationId);
    ctx.set('X-Content-Type-Options', 'nosniff');
    const request = { correlation_id: correlationId, method: ctx.method, route: 'none', tenant: undefined as string | undefined };
    try {
      const page = this.pages.get(ctx.path.replace(/(?<=.)\/$/, ''));
      if (page !== undefined && (ctx.method === 'GET' || ctx.method === 'HEAD')) {
        request.route = 'page';
        this.limits.exempt(ctx);
        await page.answer(ctx);
      } else if (ctx.path === '/metrics' && ctx.method === 'GET') {
        request.route = '/metrics';
        await this.metrics.handle(ctx, this.outsiders(ctx));
      } else if (ctx.path.startsWith('/codec/')) {
        request.route = '/codec';
        await this.codec.handle(ctx, { ...this.outsiders(ctx), caller: () => this.limitedCaller(ctx) }, correlationId);
      } else if (ctx.path === base || ctx.path.startsWith(`${base}/`)) {
        await this.handleBelowBase(ctx, correlationId, request);
      } else {
        await this.limits.stranger(ctx, this.addressOf(ctx));
        throw notFound();
      }
    } catch (error) {
      this.answerProblem(ctx, toProblem(error), correlationId, error);
    }
    const level = ctx.status >= 500 ? 'warn' : 'info';
    const ms = performance.now() - began;
    this.options.services.metrics.requestFinished({ route: request.route, method: ctx.method, status: ctx.status, seconds: ms / 1_000 });
    this.log[level]({ ...request, status: ctx.status, duration_ms: Math.round(ms * 10) / 10 }, 'request');
  }

  /** What an endpoint beside the routes does about limits. */
  private outsiders(ctx: Context): { readonly exempt: () => void; readonly stranger: () => Promise<void> } {
    return { exempt: () => { this.limits.exempt(ctx); }, stranger: () => this.limits.stranger(ctx, this.addressOf(ctx)) };
  }

  private async handleBelowBase(ctx: Context, correlationId: string, request: { route: string; tenant: string | undefined }): Promise<void> {
    const receivedAt = this.options.services.now();
    const path = ctx.path.slice(base.length);
    const credential = await this.authenticate(ctx);
    const caller = credential.actor;
    const match = this.match(ctx.method, path);
    await this.limits.person(ctx, caller, match.kind === 'found' ? match.route.declaration.limits : ['api']);
    const act = auditedAct({ db: this.options.services.db, log: this.log }, { actor: caller, correlationId, method: ctx.method, path, match });
    const answered = await this.permitted(ctx, { credential, path, match, act, correlationId, receivedAt }, request).catch(async (error: unknown) => {
      await act?.refused(toProblem(error));
      throw error;
    });
    await act?.answered(answered.status, 'Idempotency-Replayed' in answered.headers);
    ctx.status = answered.status;
    for (const [name, value] of Object.entries(answered.headers)) ctx.set(name, value);
    if (answered.stream !== undefined) return this.stream(ctx, answered.stream, correlationId);
    ctx.type = answered.status < 400 ? 'application/json' : 'application/problem+json';
    ctx.body = answered.body;
  }

  /** From here on nothing can be answered but events: an error ends the stream, and its reader asks again. */
  private async stream(ctx: Context, stream: Stream, correlationId: string): Promise<void> {
    ctx.respond = false;
    const { GANGWAY_STREAM_HEARTBEAT_MS: heartbeatMs } = this.options.services.configuration;
    await sendStream(ctx.res, stream, { closing: this.closing.signal, heartbeatMs }).catch((error: unknown) => {
      this.log.error({ err: error, correlation_id: correlationId }, 'a stream ended by an internal error');
    });
  }

  private async permitted(ctx: Context, { credential, path, match, act, correlationId, receivedAt }: Heard, request: { route: string; tenant: string | undefined }): Promise<Answered> {
    const actor = actingIn(credential.actor, ctx.query['client_id']);
    act?.in(actor);
    request.tenant = actor.tenant;
    for (const [prefix, role] of areas) {
      if ((path === prefix || path.startsWith(`${prefix}/`)) && !holds(actor, role)) throw forbidden([role]);
    }
    if (match.kind === 'none') throw notFound();
    if (match.kind === 'other_method') {
      throw new Problem('method_not_allowed', `This address takes ${match.allowed.join(', ')}.`, { headers: { Allow: match.allowed.join(', ') } });
    }
    request.route = match.route.path;
    if (!match.route.declaration.access.some((role) => holds(actor, role))) throw forbidden(match.route.declaration.access);
    return this.answer(ctx, match.route, match.params, { actor, credential, correlationId, act, receivedAt });
  }

  /** Reads and checks the request, decides a keyed one first, and runs the handler. */
  private async answer(ctx: Context, route: Route, rawParams: Record<string, string>, { actor, credential, correlationId, act, receivedAt }: Permitted): Promise<Answered> {
    const { declaration } = route;
    const raw = route.method === 'get' ? {} : await this.readBody(ctx);
    act?.sent(ctx.query, raw);
    const key = route.method === 'post' ? ctx.get('idempotency-key') : '';
    const keyed: KeyedRequest | null = ctx.req.headers['idempotency-key'] === undefined || route.method !== 'post'
      ? null : { actor, path: ctx.path.replace(/\/$/, ''), header: key, body: raw };
    const operationId = keyed === null ? randomUUID() : operationOf(keyed);
    const call: Call = {
      actor, correlationId, receivedAt, ifMatch: versionOf(ctx.get('if-match')), operationId, keyedRequest: keyed === null ? null : operationId,
      stillCounts: () => this.options.authentication.stillCounts(credential), expiresAt: credential.expiresAt, lastEventId: ctx.get('last-event-id') || null,
      onEnd: (done) => {
        if (ctx.res.destroyed) done();
        else ctx.res.once('close', done);
      },
    };
    const work = async (): Promise<Answered> => {
      const params = paramsOf(declaration.params, rawParams);
      const query = checkedQuery(declaration.query ?? z.strictObject(clientId), ctx.query);
      const body = declaration.body === undefined ? {} : checkedBody(declaration.body, raw);
      await act?.begin();
      const answer = await declaration.handler({ params: params as never, query: query as never, body: body as never, call, services: this.options.services });
      act?.noted(answer.audit);
      return this.checked(route, answer);
    };
    if (keyed === null) return work();
    const { GANGWAY_IDEMPOTENCY_HOURS: keepHours } = this.options.services.configuration;
    let shown: string | null = null;
    const { answer, replayed } = await onceForKey(this.options.services, keyed, { leaseSeconds: 30, keepHours }, async () => {
      try {
        const first = await work();
        shown = first.body;
        return { ...first, body: withheld(first.body, declaration.shownOnce) };
      } catch (error) {
        const problem = toProblem(error);
        if (problem.status >= 500) throw error;
        act?.noted({ details: { code: problem.code } });
        return { status: problem.status, headers: problem.headers, body: JSON.stringify(problem.toJson(ctx.path, correlationId)) };
      }
    });
    return replayed ? { ...answer, headers: { ...answer.headers, 'Idempotency-Replayed': 'true' } } : { ...answer, body: shown ?? answer.body };
  }

  private checked(route: Route, answer: Answer<unknown> | Streamed): Answered {
    if ('stream' in answer) return answer.stream === null ? { status: 204, headers: {}, body: '' } : { status: 200, headers: streamHeaders, body: '', stream: answer.stream };
    const schema = route.declaration.answers[answer.status];
    if (schema === undefined) throw new Error(`${route.method} ${route.path} does not declare status ${answer.status}.`);
    if (this.options.checkAnswers) {
      const result = schema.safeParse(answer.body);
      if (!result.success) throw new Error(`${route.method} ${route.path} breaks its own schema: ${result.error.message}`);
    }
    return { status: answer.status, headers: answer.headers ?? {}, body: JSON.stringify(answer.body) };
  }

  private addressOf(ctx: Context): string {
    return this.options.addressOf(ctx.req.socket.remoteAddress, ctx.get('x-forwarded-for'));
  }

  private async limitedCaller(ctx: Context): Promise<Actor> {
    const { actor } = await this.authenticate(ctx);
    await this.limits.person(ctx, actor, ['api']);
    return actor;
  }

  /** A bad credential counts against its address, so that guessing has an end. */
  private async authenticate(ctx: Context): Promise<Credential> {
    if (this.options.guards?.authentication === false) {
      return { actor: { tenant: ctx.get('x-bench-tenant'), subject: ctx.get('x-bench-subject'), roles: ['user'] }, expiresAt: Infinity, presented: null };
    }
    try {
      return await this.options.authentication.authenticate({ authorization: ctx.get('authorization'), apiKey: ctx.get('x-api-key') });
    } catch (error) {
      // a key that cannot be looked up just now is no guess
      await (error instanceof StoreUnavailableError ? this.limits.unknown(ctx, this.addressOf(ctx)) : this.limits.stranger(ctx, this.addressOf(ctx)));
      throw error;
    }
  }

  private answerProblem(ctx: Context, problem: Problem, correlationId: string, error: unknown): void {
    // koa-body may leave an unread body behind; the socket is not used for another request then
    if (problem.status === 413) ctx.set('Connection', 'close');
    if (problem.status === 500) this.log.error({ err: frames(error), correlation_id: correlationId }, 'internal error');
    if (problem.status === 503) this.log.warn({ code: problem.code, cause: causesOf(problem), correlation_id: correlationId }, 'temporarily unavailable');
    ctx.status = problem.status;
    for (const [name, value] of Object.entries(problem.headers)) ctx.set(name, value);
    ctx.type = 'application/problem+json';
    ctx.body = JSON.stringify(problem.toJson(ctx.path, correlationId));
  }
}

/** The platform role names the tenant it acts in; from anyone else the wish is refused, even for the own tenant. */
function actingIn(actor: Actor, clientIdGiven: string | string[] | undefined): Actor {
  if (clientIdGiven === undefined) return actor;
  if (!actor.roles.includes('platform')) throw new Problem('forbidden', 'Only the platform role may name a client_id.');
  if (typeof clientIdGiven !== 'string' || !isTenantName(clientIdGiven)) throw new Problem('invalid_request', 'client_id names one tenant.');
  return { ...actor, tenant: clientIdGiven };
}

function forbidden(roles: readonly Role[]): Problem {
  return new Problem('forbidden', `This needs the role ${roles.join(' or ')}.`);
}

/** What a repeat gets of an answer that is shown once. */
function withheld(body: string, members: readonly string[] | undefined): string {
  if (members === undefined) return body;
  return JSON.stringify({ ...JSON.parse(body) as object, ...Object.fromEntries(members.map((member) => [member, null])) });
}

/** A parameter that cannot be right names nothing: 404, the same as for an unknown one. */
function paramsOf(schema: z.ZodType | undefined, raw: Record<string, string>): unknown {
  if (schema === undefined) return {};
  const result = schema.safeParse(raw);
  if (!result.success) throw notFound();
  return result.data;
}

function checkedQuery(schema: z.ZodType, raw: unknown): unknown {
  const pointer = unfitText(raw, []);
  if (pointer !== null) throw unfit('query', pointer);
  return validated(schema, raw, 'query');
}

function checkedBody(schema: z.ZodType, raw: unknown): unknown {
  const pointer = unfitText(raw, ['value', 'text']);
  if (pointer !== null) throw unfit('body', pointer);
  return validated(schema, raw, 'body');
}

function unfit(where: 'query' | 'body', pointer: string): Problem {
  return new Problem('invalid_request', `The ${where} holds text that cannot be stored.`, {
    errors: [{ pointer, code: 'malformed_text', message: 'U+0000 and lone surrogates are not text.', fix: 'Remove them.' }],
  });
}
