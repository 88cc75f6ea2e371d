/** The HTTP server: its socket, what stands beside the routes, and the one place where every error becomes a problem. */
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as pause } from 'node:timers/promises';
import Koa, { type Context } from 'koa';
import type { Logger } from 'pino';
import type { Actor } from '../domain/message.ts';
import type { Metrics } from '../metrics/metrics.ts';
import { addAudit, beginAudit } from '../stores/postgres/audit.ts';
import { tenantNames } from '../stores/postgres/tenants.ts';
import type { Authentication } from './authentication.ts';
import { bodyReader } from './body.ts';
import { CrossOrigin } from './cross-origin.ts';
import { CodecEndpoint, type CodecOptions } from './codec.ts';
import { causesOf, frames, toProblem } from './error-translation.ts';
import { sendStream, type Stream } from './event-stream.ts';
import { Exchange, type Answered } from './exchange.ts';
import type { AddressOf } from './limits/address.ts';
import { LimitGuard } from './limits/guard.ts';
import { MetricsPage } from './metrics-page.ts';
import { openApiDocument } from './openapi.ts';
import { pageRoutes, type Health, type Page } from './pages.ts';
import { Pipeline } from './pipeline.ts';
import { Port } from './port.ts';
import { notFound, Problem } from './problem.ts';
import type { Route } from './route.ts';
import type { Services } from './services.ts';
import type { StreamTickets } from './stream-tickets.ts';
import { webPage, type WebFiles } from './web-pages.ts';

export const base = '/api/v1/onboarding';

/** What has rules of its own about who may ask from where. */
const beside = ['/codec/', '/metrics'];

export interface ServerSettings {
  /** Where people reach the API; null: where it listens. */
  readonly publicUrl: string | null;
  /** Largest JSON body, bytes. */
  readonly bodyBytes: number;
  /** Deepest nesting of one. */
  readonly bodyDepth: number;
  readonly idempotencyHours: number;
  /** Origins whose pages may use the API. */
  readonly allowedOrigins: readonly string[];
  /** Between signs of life on an event stream. */
  readonly heartbeatMs: number;
  /** May read /metrics from anywhere; null: only this machine may. */
  readonly metricsToken: string | null;
  /** Answers that break their own schema become 500: on in tests. */
  readonly checkAnswers: boolean;
}

export interface ServerOptions {
  readonly settings: ServerSettings;
  readonly services: Services;
  readonly routes: readonly Route[];
  readonly authentication: Authentication;
  readonly tickets: StreamTickets;
  readonly addressOf: AddressOf;
  readonly health: Health;
  readonly web: WebFiles;
  readonly metrics: Metrics;
  /** Of the codec endpoint; the rest it takes from the services. */
  readonly codec: Pick<CodecOptions, 'pathKey' | 'uiOrigin'>;
  /** For measuring what they cost; never off outside a bench. */
  readonly guards?: { readonly authentication: boolean; readonly limits: boolean };
}

export class ApiServer {
  private readonly options: ServerOptions;
  private readonly log: Logger;
  private readonly pages: ReadonlyMap<string, Page>;
  private readonly codec: CodecEndpoint;
  private readonly metricsPage: MetricsPage;
  private readonly limits: LimitGuard;
  private readonly crossOrigin: CrossOrigin;
  private readonly pipeline: Pipeline;
  private readonly port: Port;
  private readonly closing = new AbortController();
  private isLeaving = false;

  constructor(options: ServerOptions) {
    const { settings, services, routes, authentication, tickets, addressOf, metrics, guards } = options;
    const { limiter, resources } = services.limits;
    this.options = options;
    this.log = services.log;
    this.limits = new LimitGuard({ limiter, resources, isOff: guards?.limits === false });
    this.crossOrigin = new CrossOrigin(settings.allowedOrigins, routes.map((route) => route.method));
    this.pages = pageRoutes(options.health, openApiDocument(base, routes), settings.publicUrl);
    this.metricsPage = new MetricsPage({ metrics, token: settings.metricsToken });
    this.codec = new CodecEndpoint({
      ...options.codec, sealer: services.stores.sealer, tenants: () => tenantNames(services.stores.db), log: this.log,
      audit: {
        begin: (entry) => beginAudit(services.stores.db, entry), add: (entry) => addAudit(services.stores.db, entry), now: services.now,
      },
    });
    this.pipeline = new Pipeline({
      services, routes, authentication, tickets, addressOf, limits: this.limits, log: this.log,
      readBody: bodyReader({ maxBytes: settings.bodyBytes, maxDepth: settings.bodyDepth }), idempotencyHours: settings.idempotencyHours,
      publicUrl: settings.publicUrl,
      checkAnswers: settings.checkAnswers, authenticates: guards?.authentication !== false,
    });
    const app = new Koa();
    app.use((ctx) => this.handle(ctx));
    // the pipeline answers every error itself; what reaches Koa is a socket that went away
    app.on('error', (error: Error) => { this.log.debug({ err: { type: error.name } }, 'connection lost'); });
    const handle = app.callback();
    this.port = new Port((request, response) => { void handle(request, response); }, ({ status, correlationId }) => {
      metrics.requestFinished({ route: 'unread', method: 'none', status, seconds: 0 });
      this.log.info({ correlation_id: correlationId, route: 'unread', status }, 'request');
    });
  }

  /** Resolves with the port that was taken. Rejects when it cannot be had. */
  listen(host: string, port: number): Promise<number> {
    return this.port.open(host, port);
  }

  /**
   * Goes on for `unreadyMs`, in which each answer closes its connection and whoever balances loads turns away; then ends streams
   * (their readers come back elsewhere), closes the port, and lets running requests end within `deadlineMs`.
   */
  async close(unreadyMs: number, deadlineMs: number): Promise<void> {
    this.isLeaving = true;
    await pause(unreadyMs);
    this.closing.abort();
    await this.port.close(deadlineMs);
    await this.codec.close();
  }

  private async handle(ctx: Context): Promise<void> {
    const exchange = new Exchange(ctx, this.options.services.now());
    ctx.set('X-Correlation-Id', exchange.correlationId);
    ctx.set('X-Content-Type-Options', 'nosniff');
    // an address can hold a ticket
    ctx.set('Referrer-Policy', 'no-referrer');
    try {
      if (ctx.req.httpVersion === '1.1' && ctx.req.headers.host === undefined) {
        throw new Problem('invalid_request', 'The header Host is missing.');
      }
      await this.dispatch(exchange);
    } catch (error) {
      this.refuse(exchange, toProblem(error), error);
    }
    if (this.isLeaving) ctx.set('Connection', 'close');
    this.finished(exchange);
  }

  private async dispatch(exchange: Exchange): Promise<void> {
    const { ctx } = exchange;
    if (!beside.some((prefix) => ctx.path.startsWith(prefix))) {
      this.crossOrigin.allow(ctx);
      if (this.crossOrigin.answersPreflight(ctx)) {
        exchange.route = 'preflight';
        return this.limits.exempt(ctx);
      }
    }
    const path = ctx.path.replace(/(?<=.)\/$/, '');
    const page = this.pages.get(path) ?? webPage(this.options.web, path);
    if (page !== undefined && (ctx.method === 'GET' || ctx.method === 'HEAD')) {
      exchange.route = 'page';
      this.limits.exempt(ctx);
      await page.answer(ctx);
    } else if (ctx.path === '/metrics' && ctx.method === 'GET') {
      exchange.route = '/metrics';
      await this.metricsPage.handle(ctx, this.outsiders(ctx));
    } else if (ctx.path.startsWith('/codec/')) {
      exchange.route = '/codec';
      const caller = (): Promise<Actor> => this.pipeline.limitedCaller(exchange, this.options.codec.uiOrigin);
      await this.codec.handle(ctx, { ...this.outsiders(ctx), caller }, exchange.correlationId);
    } else if (ctx.path === base || ctx.path.startsWith(`${base}/`)) {
      await this.send(exchange, await this.pipeline.answer(exchange, ctx.path.slice(base.length)));
    } else {
      await this.outsiders(ctx).stranger();
      throw notFound();
    }
  }

  /** What an endpoint beside the routes does about limits. */
  private outsiders(ctx: Context): { readonly exempt: () => void; readonly stranger: () => Promise<void> } {
    const address = (): string => this.options.addressOf(ctx.req.socket.remoteAddress, ctx.get('x-forwarded-for'));
    return { exempt: () => { this.limits.exempt(ctx); }, stranger: () => this.limits.stranger(ctx, address()) };
  }

  private async send({ ctx, correlationId }: Exchange, { status, headers, body, stream, bytes }: Answered): Promise<void> {
    ctx.status = status;
    for (const [name, value] of Object.entries(headers)) ctx.set(name, value);
    if (stream !== undefined) return this.stream(ctx, stream, correlationId);
    if (bytes !== undefined) return this.sendBytes(ctx, bytes, correlationId);
    if (body === '') return this.sendNothing(ctx);
    ctx.type = status < 400 ? 'application/json' : 'application/problem+json';
    ctx.body = body;
  }

  /** Koa would answer 204, or say of a HEAD that there are no bytes. */
  private sendNothing(ctx: Context): void {
    ctx.respond = false;
    if (this.isLeaving) ctx.set('Connection', 'close');
    ctx.res.end();
  }

  /** As fast as its reader takes them. What breaks on the way breaks the answer off, so that nobody takes a part for the whole. */
  private async sendBytes(ctx: Context, bytes: AsyncIterable<Uint8Array>, correlationId: string): Promise<void> {
    ctx.respond = false;
    try {
      await pipeline(Readable.from(bytes, { objectMode: false, highWaterMark: 65_536 }), ctx.res);
    } catch (error) {
      const hasGone = error instanceof Error && 'code' in error && error.code === 'ERR_STREAM_PREMATURE_CLOSE';
      if (!hasGone) this.log.error({ err: frames(error), correlation_id: correlationId }, 'a download ended by an internal error');
    }
  }

  /** From here on nothing can be answered but events: an error ends the stream, and its reader asks again. */
  private async stream(ctx: Context, stream: Stream, correlationId: string): Promise<void> {
    ctx.respond = false;
    const { heartbeatMs } = this.options.settings;
    await sendStream(ctx.res, stream, { closing: this.closing.signal, heartbeatMs }).catch((error: unknown) => {
      this.log.error({ err: error, correlation_id: correlationId }, 'a stream ended by an internal error');
    });
  }

  private refuse({ ctx, correlationId, isRaw }: Exchange, problem: Problem, error: unknown): void {
    // koa-body may leave an unread body behind; the socket is not used for another request then
    if ((problem.status === 413 && !isRaw) || problem.status === 408) ctx.set('Connection', 'close');
    if (problem.status === 500) this.log.error({ err: frames(error), correlation_id: correlationId }, 'internal error');
    if (problem.status === 503) {
      this.log.warn({ code: problem.code, cause: causesOf(problem), correlation_id: correlationId }, 'temporarily unavailable');
    }
    ctx.status = problem.status;
    for (const [name, value] of Object.entries(problem.headers)) ctx.set(name, value);
    ctx.type = 'application/problem+json';
    ctx.body = JSON.stringify(problem.toJson(ctx.path, correlationId));
  }

  private finished({ ctx, correlationId, route, tenant, durationMs }: Exchange): void {
    const { method, status } = ctx;
    this.options.metrics.requestFinished({ route, method, status, seconds: durationMs / 1_000 });
    const line = { correlation_id: correlationId, method, route, tenant, status, duration_ms: Math.round(durationMs * 10) / 10 };
    this.log[status >= 500 ? 'warn' : 'info'](line, 'request');
  }
}
