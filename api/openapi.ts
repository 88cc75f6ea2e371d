/** The OpenAPI 3.1 document, from the route declarations alone. */
import type { z } from 'zod';
import { createDocument, type ZodOpenApiOperationObject, type ZodOpenApiPathsObject } from 'zod-openapi';
import { statusOf, type ProblemCode } from './problem.ts';
import type { Route } from './route.ts';
import { ProblemWire } from './wire.ts';

const everywhere: readonly ProblemCode[] = [
  'invalid_request', 'unauthenticated', 'forbidden', 'not_found', 'rate_limited', 'internal', 'engine_unavailable', 'store_unavailable',
  'identity_unavailable',
];
const onBodies: readonly ProblemCode[] = ['payload_too_large', 'unsupported_media_type', 'idempotency_key_reused', 'request_in_progress'];

export function openApiDocument(base: string, routes: readonly Route[]): unknown {
  const paths: Record<string, Record<string, ZodOpenApiOperationObject>> = {};
  for (const route of routes) {
    const path = `${base}${route.path.replaceAll(/:(\w+)/g, '{$1}')}/`;
    paths[path] = { ...paths[path], [route.method]: operationOf(route) };
  }
  return createDocument({
    openapi: '3.1.0',
    info: {
      title: 'Gangway', version: '1', description: 'Conversational onboarding as durable sessions.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    security: [{ bearer: [] }, { apiKey: [] }],
    components: {
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' }, apiKey: { type: 'apiKey', in: 'header', name: 'X-API-Key' },
      },
    },
    paths: paths as ZodOpenApiPathsObject,
  });
}

function operationOf({ method, path, declaration }: Route): ZodOpenApiOperationObject {
  const codes = [...everywhere, ...(declaration.body === undefined ? [] : onBodies), ...(declaration.problems ?? [])];
  const byStatus = Map.groupBy(codes, (code) => statusOf[code]);
  const problems = [...byStatus].map(([status, members]) => [String(status), {
    description: [...new Set(members)].join(', '), content: { 'application/problem+json': { schema: ProblemWire } },
  }]);
  const type = declaration.streams === true ? 'text/event-stream' : 'application/json';
  const answers = Object.entries(declaration.answers).map(([status, schema]) => [
    status, { description: 'OK', content: { [type]: { schema } } },
  ]);
  const operation: ZodOpenApiOperationObject = {
    operationId: `${method}${path.replaceAll(/[/:_]+(\w)/g, (_, letter: string) => letter.toUpperCase())}`,
    summary: declaration.summary, description: `Roles: ${declaration.access.join(' or ')}.`, tags: [path.split('/')[1] ?? ''],
    responses: Object.fromEntries([...answers, ...problems]) as ZodOpenApiOperationObject['responses'],
  };
  if (declaration.body !== undefined) operation.requestBody = { content: { 'application/json': { schema: declaration.body } } };
  const requestParams = {
    ...(declaration.params && { path: declaration.params as z.ZodObject }),
    ...(declaration.query && { query: declaration.query as z.ZodObject }),
  };
  return Object.keys(requestParams).length === 0 ? operation : { ...operation, requestParams };
}
