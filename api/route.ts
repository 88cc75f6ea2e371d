/**
 * A route is a declaration that reads top to bottom: who may call it, what it takes, what it answers. The same schemas
 * check requests, type handlers and make the OpenAPI document; answers are checked against theirs in tests.
 */
import { z } from 'zod';
import type { Role } from '../domain/message.ts';
import type { ResourceName } from '../stores/redis/limits/policy.ts';
import type { Stream } from './event-stream.ts';
import type { Call } from './call.ts';
import type { ProblemCode } from './problem.ts';
import type { Services } from './services.ts';
import { clientId } from './wire.ts';

export type Method = 'get' | 'post' | 'put' | 'delete' | 'patch' | 'head' | 'options';

/** What a handler adds to the audit entry of its act. Never answer text, a token or a key. */
export interface AuditNote {
  /** Whose it was that was read or changed. */
  readonly owner?: string;
  /** kind:id, where the path does not say it. */
  readonly target?: string;
  readonly reason?: string;
  readonly details?: Readonly<Record<string, string | number | boolean | null>>;
}

/** Name of the act (noun.verb). 'others': only when an approver or admin reads or changes what is somebody else's. */
export type AuditRule = string | { readonly action: string; readonly when: 'others' };

export interface Answer<Body> {
  readonly status: number;
  readonly body: Body;
  readonly headers?: Readonly<Record<string, string>>;
  readonly audit?: AuditNote;
}

/** Server-sent events. null: there is nothing more to come (204, at which an EventSource stops asking). */
export interface Streamed { readonly stream: Stream | null; readonly audit?: AuditNote }

/** Bytes as they are: never in memory as a whole. null: none of them (304, 416, HEAD). */
export interface Download {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly bytes: AsyncIterable<Uint8Array> | null;
  readonly audit?: AuditNote;
}

/** A body that the handler reads by itself, from `call.incoming`, at its own pace; for the document. */
export interface RawBody {
  readonly type: string;
  readonly schema: z.ZodType;
  readonly description: string;
  /** What comes again is known by itself: an Idempotency-Key is not looked at. */
  readonly keyless?: true;
}

/** Resources of a person; whoever has no valid credential counts on `anonymous`. */
export type RouteLimit = Exclude<ResourceName, 'api_admin' | 'anonymous'>;

/** What each is, for readers of the document. */
type HeaderWords = Readonly<Record<string, string>>;

/** Of answers without a body. */
export const nothing = z.null();

type Shape = z.ZodType;
/** A part that a request may have. */
type Given = Shape | undefined;
type Out<S> = S extends z.ZodType ? z.output<S> : Record<string, never>;

export interface RouteDeclaration<Params extends Given, Query extends Given, Body extends Given, Result extends Shape> {
  readonly summary: string;
  /** One of these roles; ownership is decided by the session itself. `anyone`: without a credential, counted by the address. */
  readonly access: readonly [Role, ...Role[]] | 'anyone';
  /** Not by a token that a resume link gave. */
  readonly wholeCredential?: true;
  /** What each request counts on, decided at once before anything else happens. All of it counts, or none. */
  readonly limits: readonly ['api', ...RouteLimit[]];
  readonly params?: Params;
  readonly query?: Query;
  readonly body?: Body;
  readonly raw?: RawBody;
  /** A body that it takes, for readers of the document; a test sends it. */
  readonly example?: Body extends z.ZodType ? z.input<Body> : never;
  /** Schema of the answers by status (200, 201); of a stream the data of its events. */
  readonly answers: Readonly<Record<number, Result>>;
  /** Media types of the bytes that it answers, of status 200 and 206; with a schema for 200, beside that JSON and without parts. */
  readonly sends?: readonly string[];
  /** Headers of requests and answers beside those of every route, by name. */
  readonly headers?: { readonly request?: HeaderWords; readonly answer?: HeaderWords };
  /** Its answers carry the ETag of what they show. */
  readonly versioned?: true;
  /** Written to the audit log, successes and refusals (api/audit.ts). */
  readonly audit?: AuditRule;
  /** Members of the answer that are shown once: a repeat by Idempotency-Key gets null, and no store holds them. */
  readonly shownOnce?: readonly string[];
  /** Answers server-sent events. */
  readonly streams?: true;
  /** A ticket in the query may stand for the credential (api/stream-tickets.ts). */
  readonly tickets?: true;
  /** The credential is the member `token` of the body: signing in. Its caller is counted and known as with a header. */
  readonly signsIn?: true;
  /** Codes it may answer beside those that every route may. */
  readonly problems?: readonly ProblemCode[];
  readonly handler: (
    input: { params: Out<Params>; query: Out<Query>; body: Out<Body>; call: Call; services: Services },
  ) => Promise<Answer<z.input<Result>> | Streamed | Download>;
}

export interface Route {
  readonly method: Method;
  /** With :parameters, below the base, no trailing slash. */
  readonly path: string;
  readonly declaration: RouteDeclaration<Given, Given, Given, Shape>;
}

function declare(method: Method) {
  return <Params extends Given = undefined, Query extends Given = undefined, Body extends Given = undefined, Result extends Shape = Shape>(
    path: string, declaration: RouteDeclaration<Params, Query, Body, Result>,
  ): Route => ({ method, path, declaration: declaration as unknown as Route['declaration'] });
}

/** What a route takes in its query when it declares nothing of it. */
const plainQuery = z.strictObject(clientId);

export function querySchema({ query = plainQuery }: Pick<Route['declaration'], 'query'>): Shape {
  return query;
}

export const route = {
  get: declare('get'), post: declare('post'), put: declare('put'), delete: declare('delete'), patch: declare('patch'),
  head: declare('head'), options: declare('options'),
};

export const ok = <Body>(body: Body, headers?: Readonly<Record<string, string>>): Answer<Body> => (
  headers === undefined ? { status: 200, body } : { status: 200, body, headers }
);
/** The answer, with what the audit log is to know of the act. */
export const audited = <Body>(answer: Answer<Body>, audit: AuditNote): Answer<Body> => ({ ...answer, audit });
export const created = <Body>(body: Body, headers?: Readonly<Record<string, string>>): Answer<Body> => (
  { ...ok(body, headers), status: 201 }
);
/** No body, as 204 or the answer to a HEAD. */
export const empty = (status: number, headers: Readonly<Record<string, string>> = {}): Answer<null> => ({ status, body: null, headers });
