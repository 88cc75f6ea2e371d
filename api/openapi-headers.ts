/** Headers of the contract, in both directions, as the document names them. */
import type { ZodOpenApiOperationObject } from 'zod-openapi';
import type { Route } from './route.ts';

const text = { type: 'string' } as const;

const parameters = {
  CorrelationId: {
    name: 'X-Correlation-Id', in: 'header', schema: { ...text, pattern: '^[A-Za-z0-9._:-]{1,128}$' },
    description: 'Yours for this request; without it, or when it is not of this form, one is made',
  },
  IdempotencyKey: {
    name: 'Idempotency-Key', in: 'header', schema: { ...text, minLength: 1, maxLength: 130 },
    description: '1-128 printable characters, bare or quoted, fresh for each new request. A repeat within 24 h gets the first answer',
    example: '0b0e7a52-6f1c-4d0a-9a3e-0c8f5b7f2d11',
  },
  IfMatch: {
    name: 'If-Match', in: 'header', schema: text, example: '"7"',
    description: 'ETag of what you go on from: 412 when it has changed meanwhile',
  },
  LastEventId: {
    name: 'Last-Event-ID', in: 'header', schema: text, example: '12',
    description: 'The last event that you have: the stream goes on after it',
  },
} as const;

const headers = {
  CorrelationId: { description: 'Names this request in logs', schema: text },
  RateLimitPolicy: { description: 'What counts (IETF draft 11): name, quota, window (s)', schema: text, example: '"api";q=300;w=60' },
  RateLimit: { description: 'What is left of it, and in how many seconds there is more', schema: text, example: '"api";r=299;t=60' },
  ETag: { description: 'Version of what was answered, for If-Match', schema: text, example: '"7"' },
  IdempotencyReplayed: {
    description: 'true: this is the answer to an earlier request with this Idempotency-Key', schema: { ...text, const: 'true' },
  },
  RetryAfter: { description: 'Seconds to wait before it is asked again', schema: { type: 'integer', minimum: 1 } },
  WwwAuthenticate: { description: 'How to sign in', schema: text },
} as const;

export const headerComponents = { parameters, headers };

const parameter = (name: keyof typeof parameters) => ({ $ref: `#/components/parameters/${name}` });
const header = (name: keyof typeof headers) => ({ $ref: `#/components/headers/${name}` });

/** A key counts for a user: a route for anyone has none to keep it for. */
export function takesKey({ method, declaration: { access, raw } }: Pick<Route, 'method' | 'declaration'>): boolean {
  return method === 'post' && access !== 'anyone' && raw?.keyless !== true;
}

/** What a route looks at, by the same declarations. */
export function headerParameters({ method, declaration }: Route): NonNullable<ZodOpenApiOperationObject['parameters']> {
  return [
    parameter('CorrelationId'), ...(takesKey({ method, declaration }) ? [parameter('IdempotencyKey')] : []),
    ...(declaration.problems?.includes('precondition_failed') === true ? [parameter('IfMatch')] : []),
    ...(declaration.streams === true ? [parameter('LastEventId')] : []),
    ...Object.entries(declaration.headers?.request ?? {}).map(([name, description]) => ({
      name, in: 'header' as const, schema: text, description,
    })),
  ];
}

type Headers = Record<string, { readonly $ref: string } | { readonly description: string; readonly schema: typeof text }>;

const everywhere: Headers = {
  'X-Correlation-Id': header('CorrelationId'), 'RateLimit-Policy': header('RateLimitPolicy'), RateLimit: header('RateLimit'),
};

export function answerHeaders({ method, declaration }: Route): Headers {
  const own = Object.entries(declaration.headers?.answer ?? {});
  return {
    ...everywhere, ...(declaration.versioned === true ? { ETag: header('ETag') } : {}),
    ...(takesKey({ method, declaration }) ? { 'Idempotency-Replayed': header('IdempotencyReplayed') } : {}),
    ...Object.fromEntries(own.map(([name, description]) => [name, { description, schema: text }])),
  };
}

export function problemHeaders(status: number): Headers {
  return {
    ...everywhere, ...(status === 429 || status === 503 ? { 'Retry-After': header('RetryAfter') } : {}),
    ...(status === 401 ? { 'WWW-Authenticate': header('WwwAuthenticate') } : {}),
  };
}
