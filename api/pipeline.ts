/**
 * The way of a request below the base, step by step in the order in which it may fail: who calls (401), how often (429),
 * for which tenant and with which role (403), what is there (404, 405), what was sent (400, 413, 415), whether it was sent
 * before (409, 422), and then the handler.
 */
import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import type { Context } from 'koa';
import type { Logger } from 'pino';
import type { z } from 'zod';
import { holds, type Actor, type Role } from '../domain/message.ts';
import { isTenantName } from '../stores/postgres/database.ts';
import { auditedAct, type Act } from './audit.ts';
import type { Authentication, Presented } from './authentication.ts';
import type { ReadBody } from './body.ts';
import type { Call } from './call.ts';
import { cookieToken, refuseOtherPages, requireOwnPage } from './console-cookie.ts';
import type { Credential } from './credential.ts';
import { toProblem } from './error-translation.ts';
import { streamHeaders } from './event-stream.ts';
import type { Answered, Exchange } from './exchange.ts';
import { onceForKey, operationOf, type KeyedRequest } from './idempotency.ts';
import type { AddressOf } from './limits/address.ts';
import type { LimitGuard } from './limits/guard.ts';
import { incomingOf, type Incoming } from './incoming.ts';
import { matcher, type Match } from './matcher.ts';
import { versionsOf } from './presentation.ts';
import { notFound, Problem, unauthenticated } from './problem.ts';
import { withNumbers } from './query-numbers.ts';
import { nothing, querySchema, type Answer, type Download, type Route, type Streamed } from './route.ts';
import type { StoredAnswer } from '../stores/postgres/idempotency-keys.ts';
import type { Services } from './services.ts';
import { isTicket, ticketSeconds, type StreamTickets } from './stream-tickets.ts';
import { unfitText, validated } from './validation.ts';

export interface PipelineOptions {
  readonly services: Services;
  readonly routes: readonly Route[];
  readonly authentication: Authentication;
  readonly tickets: StreamTickets;
  readonly addressOf: AddressOf;
  readonly limits: LimitGuard;
  readonly readBody: ReadBody;
  readonly idempotencyHours: number;
  /** Where people reach the API; null: where it listens. */
  readonly publicUrl: string | null;
  /** Answers that break their own schema become 500: on in tests. */
  readonly checkAnswers: boolean;
  /** For measuring what it costs; never off outside a bench. */
  readonly authenticates: boolean;
  readonly log: Logger;
}

/** A request of somebody for a route that is there. */
interface Permitted {
  readonly exchange: Exchange;
  readonly credential: Credential;
  /** In the tenant it acts in. */
  readonly actor: Actor;
  readonly act: Act | null;
  readonly route: Route;
  readonly params: Readonly<Record<string, string>>;
}

const nobody: Credential = { actor: { tenant: '', subject: '', roles: [] }, expiresAt: Infinity, presented: null };

/** Longest time that a keyed request may be under way before a repeat may run, seconds. */
const keyLeaseSeconds = 30;
/** The role that a whole area needs, before anything in it exists. */
const areas: readonly [prefix: string, role: Role][] = [['/admin', 'admin'], ['/analytics', 'analyst'], ['/dashboard', 'analyst']];

export class Pipeline {
  private readonly options: PipelineOptions;
  private readonly match: (method: string, path: string) => Match;

  constructor(options: PipelineOptions) {
    this.options = options;
    this.match = matcher(options.routes);
  }

  /** `path` is below the base. Throws what toProblem translates. */
  async answer(exchange: Exchange, path: string): Promise<Answered> {
    const { services: { stores: { db } }, limits, log } = this.options;
    const { ctx, correlationId } = exchange;
    const match = this.match(ctx.method, path);
    if (match.kind === 'found' && match.route.declaration.signsIn === true) return this.signIn(exchange, match);
    if (match.kind === 'found' && match.route.declaration.access === 'anyone') return this.open(exchange, match);
    const credential = await this.authenticated(exchange, { ticket: ticketIn(ctx.query, match) });
    await limits.person(ctx, credential.actor, match.kind === 'found' ? match.route.declaration.limits : ['api']);
    const act = auditedAct({ db, log }, { actor: credential.actor, correlationId, method: ctx.method, path, match });
    try {
      const answered = await this.once(this.permitted(exchange, path, credential, match, act));
      await act?.answered(answered.status, 'Idempotency-Replayed' in answered.headers);
      return answered;
    } catch (error) {
      await act?.refused(toProblem(error));
      throw error;
    }
  }

  /** Nobody vouches for it: it counts by its address, a credential that it brings is not looked at, and it has no key to repeat it by. */
  private async open(exchange: Exchange, { route, params }: Extract<Match, { kind: 'found' }>): Promise<Answered> {
    const { ctx } = exchange;
    await this.options.limits.stranger(ctx, this.addressOf(ctx));
    exchange.route = route.path;
    const sent = route.method === 'get' ? {} : await this.options.readBody(ctx);
    const operation = { operationId: randomUUID(), keyedRequest: null };
    return this.handled({ exchange, credential: nobody, actor: nobody.actor, act: null, route, params }, sent, operation);
  }

  /** The credential is what was sent: a good one counts for its person, anything else for its address. */
  private async signIn(exchange: Exchange, { route, params }: Extract<Match, { kind: 'found' }>): Promise<Answered> {
    const { ctx } = exchange;
    const { limits, publicUrl } = this.options;
    exchange.route = route.path;
    let sent: unknown;
    try {
      refuseOtherPages(ctx, publicUrl);
      sent = await this.options.readBody(ctx);
    } catch (error) {
      await limits.stranger(ctx, this.addressOf(ctx));
      throw error;
    }
    const token = typeof sent === 'object' && sent !== null && 'token' in sent && typeof sent.token === 'string' ? sent.token : null;
    const operation = { operationId: randomUUID(), keyedRequest: null };
    if (token === null) {
      await limits.stranger(ctx, this.addressOf(ctx));
      return this.handled({ exchange, credential: nobody, actor: nobody.actor, act: null, route, params }, sent, operation);
    }
    const credential = await this.authenticated(exchange, { presented: { authorization: `Bearer ${token}`, apiKey: '' } });
    const { actor } = credential;
    await limits.person(ctx, actor, route.declaration.limits);
    exchange.tenant = actor.tenant;
    if (credential.onlySession !== undefined) throw unauthenticated('The token of a resume link is for its session, not for the console.');
    return this.handled({ exchange, credential, actor, act: null, route, params }, sent, operation);
  }

  /** A person whose requests are counted, for what stands beside the routes. By cookie from our own page, or the origin that is named. */
  async limitedCaller(exchange: Exchange, trustedOrigin: string | null): Promise<Actor> {
    const { actor, byCookie } = await this.authenticated(exchange);
    const isTrusted = trustedOrigin !== null && exchange.ctx.get('origin') === trustedOrigin;
    if (byCookie === true && !isTrusted) requireOwnPage(exchange.ctx, this.options.publicUrl);
    await this.options.limits.person(exchange.ctx, actor, ['api']);
    return actor;
  }

  /** A bad credential counts against its address, so that guessing has an end. */
  private async authenticated(
    { ctx }: Exchange, { ticket = null, presented = presentedIn(ctx) }: { ticket?: TicketGiven | null; presented?: Presented } = {},
  ): Promise<Credential> {
    const { authentication, authenticates, limits } = this.options;
    if (!authenticates) {
      return {
        actor: { tenant: ctx.get('x-bench-tenant'), subject: ctx.get('x-bench-subject'), roles: ['user'] }, expiresAt: Infinity,
        presented: null,
      };
    }
    try {
      if (ticket !== null) return await this.byTicket(ticket, presented);
      const cookie = isNothing(presented) ? cookieToken(ctx) : '';
      if (cookie === '') return await authentication.authenticate(presented);
      return { ...await authentication.authenticate({ authorization: `Bearer ${cookie}`, apiKey: '' }), byCookie: true };
    } catch (error) {
      const address = this.addressOf(ctx);
      // only what was judged is a guess: not a key that cannot be looked up, nor a token that cannot be verified just now, nor a ticket
      // that was used, with which browsers come back by themselves
      const isGuess = error instanceof Problem && !(ticket !== null && isTicket(ticket.text));
      await (isGuess ? limits.stranger(ctx, address) : limits.unknown(ctx, address));
      throw error;
    }
  }

  private addressOf(ctx: Context): string {
    return this.options.addressOf(ctx.req.socket.remoteAddress, ctx.get('x-forwarded-for'));
  }

  private async byTicket({ text, sessionId }: TicketGiven, presented: Presented): Promise<Credential> {
    if (!isNothing(presented)) {
      throw new Problem('invalid_request', 'A ticket and a credential were both given. Send one of them.', {
        errors: [{
          pointer: '/ticket', code: 'two_credentials', message: 'A request has one credential.',
          fix: 'Leave out the ticket, or the header.',
        }],
      });
    }
    const credential = await this.options.tickets.redeem(text, sessionId);
    if (credential === null) {
      const why = `it opens one stream of its session, once, within ${ticketSeconds} s`;
      throw unauthenticated(`This ticket does not count here: ${why}. Get another.`);
    }
    if (!await this.options.authentication.stillCounts(credential)) throw unauthenticated('The credential behind this ticket has ended.');
    return credential;
  }

  /** The caller may ask for this; of one by cookie, our own page asks. */
  private permitted(...request: Parameters<typeof permitted>): Permitted {
    const [{ ctx }, , credential] = request;
    if (credential.byCookie === true) requireOwnPage(ctx, this.options.publicUrl);
    return permitted(...request);
  }

  /** Reads what was sent; a keyed request that was answered before is answered from memory, before its rules are looked at. */
  private async once(request: Permitted): Promise<Answered> {
    const { exchange: { ctx, correlationId }, actor, act, route } = request;
    const { services: { stores }, idempotencyHours } = this.options;
    const isKeyed = route.method === 'post' && ctx.req.headers['idempotency-key'] !== undefined;
    if (route.declaration.raw !== undefined) {
      act?.sent(ctx.query);
      // its handler knows what the same body is
      const key = isKeyed ? operationOf({ actor, path: pathOf(ctx.path), header: ctx.get('idempotency-key') }) : null;
      return this.raw(request, { operationId: key ?? randomUUID(), keyedRequest: key });
    }
    const sent = route.method === 'get' ? {} : await this.options.readBody(ctx);
    act?.sent(ctx.query, sent);
    if (!isKeyed) return this.handled(request, sent, { operationId: randomUUID(), keyedRequest: null });
    const keyed: KeyedRequest = { actor, path: pathOf(ctx.path), header: ctx.get('idempotency-key'), body: sent };
    const operationId = operationOf(keyed);
    let shown: string | null = null;
    const times = { leaseSeconds: keyLeaseSeconds, keepHours: idempotencyHours };
    const { answer, replayed } = await onceForKey(stores, keyed, times, async () => {
      try {
        const first = await this.handled(request, sent, { operationId, keyedRequest: operationId });
        if (first.bytes !== undefined) return await keptFile(first.status, first.headers, first.bytes);
        shown = first.body;
        return { ...first, body: withheld(first.body, route.declaration.shownOnce) };
      } catch (error) {
        const problem = toProblem(error);
        if (problem.status >= 500) throw error;
        act?.noted({ details: { code: problem.code } });
        return { status: problem.status, headers: problem.headers, body: JSON.stringify(problem.toJson(ctx.path, correlationId)) };
      }
    });
    const again = sentAgain(answer);
    if (!replayed) return { ...again, body: shown ?? again.body };
    return { ...again, headers: { ...answer.headers, 'Idempotency-Replayed': 'true' } };
  }

  /** The handler reads the body at its own pace. What it leaves of it is thrown away, so that its answer can be read. */
  private async raw(request: Permitted, operation: Pick<Call, 'operationId' | 'keyedRequest'>): Promise<Answered> {
    const { exchange } = request;
    exchange.isRaw = true;
    const incoming = incomingOf(exchange.ctx);
    try {
      return await this.handled(request, {}, operation, incoming);
    } finally {
      incoming.discard();
    }
  }

  /** Checks the request against the route's schemas, runs the handler, and checks what it answers. */
  private async handled(
    request: Permitted, sent: unknown, operation: Pick<Call, 'operationId' | 'keyedRequest'>, incoming: Incoming | null = null,
  ): Promise<Answered> {
    const { exchange, act, route: { declaration } } = request;
    const { ctx } = exchange;
    const params = paramsOf(declaration.params, request.params);
    const schema = querySchema(declaration);
    const query = fitting('query', schema, withNumbers(schema, ctx.query), []);
    // values and texts are judged by the domain, which has words of its own for them
    const body = declaration.body === undefined ? {} : fitting('body', declaration.body, sent, ['value', 'text']);
    const call = { ...operation, ...this.callOf(request), incoming };
    await act?.begin();
    const answer = await declaration.handler({
      params: params as never, query: query as never, body: body as never, call, services: this.options.services,
    });
    act?.noted(answer.audit);
    return this.written(request.route, answer);
  }

  private callOf({ exchange, actor, credential }: Permitted): Omit<Call, 'operationId' | 'keyedRequest' | 'incoming'> {
    const { ctx, correlationId, receivedAt } = exchange;
    return {
      actor, method: ctx.method, path: pathOf(ctx.path), header: (name) => ctx.get(name), correlationId, receivedAt,
      ifMatch: versionsOf(ctx.get('if-match')), expiresAt: credential.expiresAt,
      lastEventId: ctx.get('last-event-id') || textOf(ctx.query['last_event_id']) || null,
      streamTicket: (sessionId) => this.options.tickets.issue(credential, sessionId),
      stillCounts: () => this.options.authentication.stillCounts(credential), onEnd: (done) => { exchange.onEnd(done); },
    };
  }

  private written(route: Route, answer: Answer<unknown> | Streamed | Download): Answered {
    if ('bytes' in answer) {
      const { status, headers, bytes } = answer;
      return { status, headers, body: '', ...(bytes === null ? {} : { bytes }) };
    }
    if ('stream' in answer) {
      return answer.stream === null ? { status: 204, headers: {}, body: '' } : {
        status: 200, headers: streamHeaders, body: '', stream: answer.stream,
      };
    }
    const schema = route.declaration.answers[answer.status];
    if (schema === undefined) throw new Error(`${route.method} ${route.path} does not declare status ${answer.status}.`);
    if (this.options.checkAnswers) {
      const result = schema.safeParse(answer.body);
      if (!result.success) throw new Error(`${route.method} ${route.path} breaks its own schema: ${result.error.message}`);
    }
    const { versioned = false } = route.declaration;
    if (this.options.checkAnswers && versioned !== (answer.headers?.['ETag'] !== undefined)) {
      throw new Error(`${route.method} ${route.path} declares ${versioned ? 'an' : 'no'} ETag and answers otherwise.`);
    }
    return { status: answer.status, headers: answer.headers ?? {}, body: schema === nothing ? '' : JSON.stringify(answer.body) };
  }
}

/** A trailing slash is optional. */
function pathOf(path: string): string {
  return path.replace(/\/$/, '');
}

/** A header that names a caller goes before the cookie, which a browser sends along by itself. */
function presentedIn(ctx: Context): Presented {
  return { authorization: ctx.get('authorization'), apiKey: ctx.get('x-api-key') };
}

function isNothing({ authorization, apiKey }: Presented): boolean {
  return authorization === '' && apiKey === '';
}

interface TicketGiven { readonly text: string; readonly sessionId: string }

/** A ticket counts for streams of sessions alone: anywhere else it is an unknown field. */
function ticketIn(query: Readonly<Record<string, string | string[] | undefined>>, match: Match): TicketGiven | null {
  const text = textOf(query['ticket']);
  if (text === undefined || match.kind !== 'found' || match.route.declaration.tickets !== true) return null;
  return { text, sessionId: match.params['session_id'] ?? '' };
}

function textOf(value: string | string[] | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** Tenant, area, existence, method and role, in this order: what somebody may not know of, it cannot be told from what is not there. */
function permitted(exchange: Exchange, path: string, credential: Credential, match: Match, act: Act | null): Permitted {
  const actor = actingIn(credential.actor, exchange.ctx.query['client_id']);
  act?.in(actor);
  exchange.tenant = actor.tenant;
  for (const [prefix, role] of areas) {
    if ((path === prefix || path.startsWith(`${prefix}/`)) && !holds(actor, role)) throw forbidden([role]);
  }
  if (match.kind === 'none') throw notFound();
  if (match.kind === 'other_method') {
    throw new Problem('method_not_allowed', `This address takes ${match.allowed.join(', ')}.`, {
      headers: { Allow: match.allowed.join(', ') },
    });
  }
  const { route, params } = match;
  exchange.route = route.path;
  const { access, wholeCredential } = route.declaration;
  if (access !== 'anyone' && !access.some((role) => holds(actor, role))) throw forbidden(access);
  const { onlySession } = credential;
  if (onlySession !== undefined && (params['session_id'] !== onlySession || wholeCredential === true)) {
    throw new Problem('forbidden', 'The token of a resume link is for its session alone, and makes no links. Sign in for more.');
  }
  return { exchange, credential, actor, act, route, params };
}

/** The platform role names the tenant it acts in; from anyone else the wish is refused, even for the own tenant. */
function actingIn(actor: Actor, clientIdGiven: string | string[] | undefined): Actor {
  if (clientIdGiven === undefined) return actor;
  if (!actor.roles.includes('platform')) throw new Problem('forbidden', 'Only the platform role may name a client_id.');
  if (typeof clientIdGiven !== 'string' || !isTenantName(clientIdGiven)) {
    throw new Problem('invalid_request', 'client_id names one tenant.');
  }
  return { ...actor, tenant: clientIdGiven };
}

function forbidden(roles: readonly Role[]): Problem {
  return new Problem('forbidden', `This needs the role ${roles.join(' or ')}.`);
}

/** Of a file that a POST answers, to be kept with its key. Such a file is a funnel as a table, of at most 20 rows. */
async function keptFile(
  status: number, headers: Answered['headers'], bytes: NonNullable<Answered['bytes']>,
): Promise<StoredAnswer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of bytes) pieces.push(piece);
  return { status, headers, body: Buffer.concat(pieces).toString('base64') };
}

/** An answer that names its type is a file; all others are JSON. */
function sentAgain({ status, headers, body }: StoredAnswer): Answered {
  if (headers['Content-Type'] === undefined) return { status, headers, body };
  return { status, headers, body: '', bytes: Readable.from([Buffer.from(body, 'base64')]) };
}

/** What a repeat gets of an answer that is shown once. */
function withheld(body: string, members: readonly string[] | undefined): string {
  if (members === undefined) return body;
  return JSON.stringify({ ...JSON.parse(body) as object, ...Object.fromEntries(members.map((member) => [member, null])) });
}

/** A parameter that cannot be right names nothing: 404, the same as for an unknown one. */
function paramsOf(schema: z.ZodType | undefined, given: Readonly<Record<string, string>>): unknown {
  if (schema === undefined) return {};
  const result = schema.safeParse(given);
  if (!result.success) throw notFound();
  return result.data;
}

/** `except`: members whose text is not looked at here. */
function fitting(where: 'query' | 'body', schema: z.ZodType, given: unknown, except: readonly string[]): unknown {
  const pointer = unfitText(given, except);
  if (pointer === null) return validated(schema, given, where);
  throw new Problem('invalid_request', `The ${where} holds text that cannot be stored.`, {
    errors: [{ pointer, code: 'malformed_text', message: 'U+0000 and lone surrogates are not text.', fix: 'Remove them.' }],
  });
}
