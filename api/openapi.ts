/** The OpenAPI 3.1 document, from the route declarations alone. */
import type { z } from 'zod';
import { createDocument, type ZodOpenApiOperationObject, type ZodOpenApiPathsObject } from 'zod-openapi';
import { answerHeaders, headerComponents, headerParameters, problemHeaders, takesKey } from './openapi-headers.ts';
import { plainer } from './openapi-schemas.ts';
import { statusOf, type ProblemCode } from './problem.ts';
import { consoleCookie } from './console-cookie.ts';
import { nothing, querySchema, type RawBody, type Route } from './route.ts';
import { ProblemWire } from './wire.ts';

const everywhere: readonly ProblemCode[] = [
  'invalid_request', 'unauthenticated', 'forbidden', 'not_found', 'rate_limited', 'internal', 'engine_unavailable', 'store_unavailable',
  'key_unavailable', 'limiter_unavailable', 'identity_unavailable',
];
const onBodies: readonly ProblemCode[] = ['payload_too_large', 'unsupported_media_type'];
const onKeys: readonly ProblemCode[] = ['idempotency_key_reused', 'request_in_progress'];

/** By the first part of their paths. */
const tags: Readonly<Record<string, string>> = {
  sessions: 'Sessions of people: questions, answers, proposals, decisions, live events',
  approvals: 'Second approvals, and what waits for one', changesets: 'What was decided, applied and rolled back',
  flows: 'What can be asked', analytics: 'Reports', 'resume-links': 'Links that lead a person back', admin: 'For admins of a tenant',
  console: 'Signing in to the console'
};

export function openApiDocument(base: string, routes: readonly Route[]): object {
  const paths: Record<string, Record<string, ZodOpenApiOperationObject>> = {};
  for (const route of routes) {
    const path = `${base}${route.path.replaceAll(/:(\w+)/g, '{$1}')}/`;
    paths[path] = { ...paths[path], [route.method]: operationOf(route) };
  }
  const named = [...new Set(routes.map(tagOf))];
  return createDocument({
    openapi: '3.1.0',
    info: {
      title: 'Gangway', version: '1',
      description: 'Conversational onboarding as durable sessions. A trailing slash is optional everywhere.',
      contact: { name: 'The Gangway authors' }, license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    // the address that it was asked at comes in its place, see pages.ts
    servers: [{ url: 'http://127.0.0.1:8080' }],
    security: [{ bearer: [] }, { apiKey: [] }, { cookie: [] }],
    tags: named.map((name) => ({ name, description: tags[name] ?? name })),
    components: {
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' }, apiKey: { type: 'apiKey', in: 'header', name: 'X-API-Key' },
        cookie: {
          type: 'apiKey', in: 'cookie', name: consoleCookie,
          description: 'Of the console; anything but GET needs our own Origin and the header X-Gangway-Console: 1',
        },
        ticket: { type: 'apiKey', in: 'query', name: 'ticket', description: 'Opens one event stream, within a minute' },
      },
      parameters: headerComponents.parameters, headers: headerComponents.headers,
    },
    paths: paths as ZodOpenApiPathsObject,
  }, { override: plainer });
}

function operationOf(route: Route): ZodOpenApiOperationObject {
  const { method, path, declaration } = route;
  const { params, body, example, access, raw } = declaration;
  return {
    operationId: `${method}${path.replaceAll(/[/:_-]+(\w)/g, (_, letter: string) => letter.toUpperCase())}`,
    summary: declaration.summary, tags: [tagOf(route)],
    description: declaration.signsIn === true ? 'The credential is the token that is sent.'
      : access === 'anyone' ? 'Needs no credential.' : `Roles: ${access.join(' or ')}.`,
    ...(access === 'anyone' ? { security: [] } : {}),
    ...(declaration.tickets === true ? { security: [{ bearer: [] }, { apiKey: [] }, { cookie: [] }, { ticket: [] }] } : {}),
    parameters: headerParameters(route),
    requestParams: { ...(params === undefined ? {} : { path: params as z.ZodObject }), query: querySchema(declaration) as z.ZodObject },
    ...(body === undefined ? {} : {
      requestBody: {
        // no body is an empty object
        required: !body.safeParse({}).success,
        content: { 'application/json': { schema: body, ...(example === undefined ? {} : { example }) } },
      },
    }),
    ...(raw === undefined ? {} : { requestBody: rawBody(raw) }),
    responses: responsesOf(route),
  };
}

function responsesOf(route: Route): ZodOpenApiOperationObject['responses'] {
  const { declaration } = route;
  const codes = [
    ...everywhere, ...((declaration.body ?? declaration.raw) === undefined ? [] : onBodies), ...(takesKey(route) ? onKeys : []),
    ...(declaration.problems ?? []),
  ];
  const problems = [...Map.groupBy(codes, (code) => statusOf[code])].map(([status, members]) => [String(status), {
    description: [...new Set(members)].join(', '), headers: problemHeaders(status),
    content: { 'application/problem+json': { schema: ProblemWire } },
  }]);
  const type = declaration.streams === true ? 'text/event-stream' : 'application/json';
  const bytes = { type: 'string', format: 'binary' } as const;
  const sends = Object.fromEntries((declaration.sends ?? []).map((each) => [each, { schema: bytes }]));
  // as one form of an answer among others, or as what there is to have: then parts of it too
  const isOneForm = declaration.answers[200] !== undefined;
  const answers = Object.entries(declaration.answers).map(([status, schema]) => [status, {
    description: doneWords[status] ?? 'Done', headers: answerHeaders(route),
    ...(schema === nothing ? {} : { content: { [type]: { schema }, ...(status === '200' ? sends : {}) } }),
  }]);
  const sent = declaration.sends === undefined || isOneForm ? [] : ['200', '206'].map((status) => [status, {
    description: status === '206' ? 'A part' : 'All of it', headers: answerHeaders(route), content: sends,
  }]);
  const ended = declaration.streams !== true ? []
    : [['204', { description: 'There is nothing more to come', headers: answerHeaders(route) }]];
  return Object.fromEntries([...sent, ...answers, ...ended, ...problems]) as ZodOpenApiOperationObject['responses'];
}

const doneWords: Readonly<Record<string, string>> = {
  201: 'Made', 202: 'Begun', 204: 'Done, and there is nothing to say', 304: 'What is known is still so',
};

function rawBody({ type, schema, description }: RawBody): NonNullable<ZodOpenApiOperationObject['requestBody']> {
  return { required: true, description, content: { [type]: { schema } } };
}

function tagOf({ path }: Route): string {
  return path.split('/')[1] ?? '';
}
