/** What the document says, compared with what the routes declare. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { openApiDocument } from './openapi.ts';
import { Problem, problemCodes, statusOf } from './problem.ts';
import { querySchema } from './route.ts';
import { routes } from './routes/index.ts';
import { validated } from './validation.ts';

// oxlint-disable-next-line typescript/no-explicit-any -- a document of many shapes is read here
const document = openApiDocument('/base', routes) as any;
const operationAt = ({ method, path }: (typeof routes)[number]) => document.paths[`/base${path.replaceAll(/:(\w+)/g, '{$1}')}/`][method];
const named = routes.map((route) => [`${route.method} ${route.path}`, route] as const);

// oxlint-disable-next-line typescript/no-explicit-any -- as above
function everySchema(node: any, visit: (schema: any) => void): void {
  if (typeof node !== 'object' || node === null) return;
  visit(node);
  for (const member of Object.values(node)) everySchema(member, visit);
}

describe('the document names what every route takes and answers', () => {
  test.each(named)('%s', (_, route) => {
    const operation = operationAt(route);
    const headers = (operation.parameters as { $ref?: string }[]).flatMap(({ $ref: ref }) => (ref === undefined ? [] : [
      document.components.parameters[ref.split('/').at(-1) ?? ''].name,
    ]));
    const isPost = route.method === 'post';
    // each event of an import is a key of its own
    const isKeyed = isPost && route.declaration.access !== 'anyone' && route.path !== '/admin/analytics/import';
    expect(headers.includes('X-Correlation-Id')).toBe(true);
    expect(headers.includes('Idempotency-Key')).toBe(isKeyed);
    // every POST of a session honours the session's ETag
    if (isPost && route.path.startsWith('/sessions/:session_id/')) expect(headers).toContain('If-Match');
    expect(headers.includes('Last-Event-ID')).toBe(route.declaration.streams === true);
    expect(operation.parameters.map(({ name }: { name?: string }) => name)).toContain('client_id');
    expect(operation.operationId).toMatch(/^[a-z][A-Za-z]+$/);
    for (const [status, response] of Object.entries<Record<string, Record<string, unknown>>>(operation.responses)) {
      const given = Object.keys(response['headers'] ?? {});
      expect(given).toEqual(expect.arrayContaining(['X-Correlation-Id', 'RateLimit-Policy', 'RateLimit']));
      expect(given.includes('Retry-After')).toBe(status === '429' || status === '503');
      if (status.startsWith('2')) {
        expect(given.includes('ETag')).toBe(route.declaration.versioned === true);
        expect(given.includes('Idempotency-Replayed')).toBe(isKeyed);
      }
    }
    expect(operation.responses['204'] !== undefined).toBe(route.declaration.streams === true || 204 in route.declaration.answers);
    const { body, example } = route.declaration;
    if (body === undefined) return;
    expect(operation.requestBody.required).toBe(!body.safeParse({}).success);
    expect(operation.requestBody.content['application/json'].example).toEqual(example);
    expect(body.safeParse(example)).toMatchObject({ success: true });
  });

  test('operations have names of their own, and there is an address to send to', () => {
    const ids = routes.map((route) => operationAt(route).operationId as string);
    expect(new Set(ids).size).toBe(ids.length);
    expect(document.servers).toHaveLength(1);
  });

  test('every code that a problem can have is named, and no other', () => {
    expect(document.components.schemas.Problem.properties.code.enum).toEqual(Object.keys(statusOf));
    expect([...problemCodes]).toEqual(Object.keys(statusOf));
  });

  test('no schema has words that a generator of clients trips over', () => {
    const found: string[] = [];
    everySchema(document, (schema) => {
      if (schema.items === false || schema.prefixItems !== undefined) found.push('tuple');
      const members: { type?: unknown }[] = [
        ...Object.values<{ type?: unknown }>(schema.properties ?? {}), schema.items ?? {}, schema.schema ?? {},
      ];
      if (members.some(({ type }) => type === 'null')) found.push('null alone');
      if (schema.propertyNames !== undefined) found.push('propertyNames');
      if (typeof schema.pattern === 'string' && schema.pattern.includes('\\p{')) found.push(`pattern ${schema.pattern}`);
    });
    expect(found).toEqual([]);
    expect(Object.keys(document.components.schemas).filter((name) => name.startsWith('__'))).toEqual([]);
  });
});

describe('whatever is sent, a mistake says how to mend it', () => {
  const words = new Set(['client_id', 'x']);
  const schemas = routes.flatMap(({ path, method, declaration }) => [
    [`${method} ${path} query`, 'query', querySchema(declaration)] as const,
    ...(declaration.body === undefined ? [] : [[`${method} ${path} body`, 'body', declaration.body] as const]),
  ]);
  everySchema(document, (schema) => { for (const name of Object.keys(schema.properties ?? {})) words.add(name); });
  const sent = fc.oneof(
    fc.dictionary(fc.constantFrom(...words), fc.jsonValue({ maxDepth: 2 }), { maxKeys: 6 }), fc.jsonValue({ maxDepth: 1 }),
    fc.dictionary(
      fc.constantFrom(...words),
      fc.constantFrom<unknown>(
        '', 'x', 'x'.repeat(9_000), -1, 1e12, 0.5, [], ['a'], Array.from({ length: 201 }, () => 'a'), { 'not an id': 1 },
        '2026-13-45T00:00:00Z', '1969-01-01T00:00:00Z', { timezone: 7 },
      ),
      { maxKeys: 6 },
    ),
  );

  test.each(schemas)('%s', (_, where, schema) => {
    fc.assert(fc.property(sent, (value) => {
      try {
        validated(schema, value, where);
      } catch (error) {
        if (!(error instanceof Problem)) throw error;
        expect(error.code).toBe('invalid_request');
        expect(error.errors.length).toBeGreaterThan(0);
        for (const { pointer, code, message, fix } of error.errors) {
          expect(pointer === '' || pointer.startsWith('/')).toBe(true);
          expect(code).toMatch(/^[a-z_]+$/);
          expect([code, message]).not.toContain('custom');
          expect(message).not.toMatch(/undefined|\[object/);
          expect(fix).toMatch(/^[A-Z].+[.\]}]$/s);
          expect(fix).not.toMatch(/schema of this route|undefined|\[object/);
        }
      }
    }), { numRuns: 60 });
  });

  test('what is missing is called missing, and unions say each of their ways', () => {
    const of = (path: string, method: string): Parameters<typeof validated>[0] => {
      const found = routes.find((route) => route.path === path && route.method === method)?.declaration.body;
      if (found === undefined) throw new Error(`${method} ${path} takes no body.`);
      return found;
    };
    const mistakes = (schema: Parameters<typeof validated>[0], value: unknown) => {
      try {
        validated(schema, value, 'body');
        return [];
      } catch (error) {
        return error instanceof Problem ? error.errors : [];
      }
    };
    expect(mistakes(of('/sessions/:session_id/escalate', 'post'), {})).toEqual([
      { pointer: '/reason', code: 'missing_field', message: '/reason is missing.', fix: 'Add it. Give a text.' },
    ]);
    expect(mistakes(of('/sessions/:session_id/answers', 'post'), {})).toMatchObject([
      { code: 'value_or_text', fix: expect.stringContaining('Send value') },
    ]);
    expect(mistakes(of('/admin/limits/explain', 'post'), { subject: 'a', resource: 'api', cost: 'x' })).toMatchObject([
      { pointer: '/cost', fix: 'Give a number. Or: Give an object: { … }.' },
    ]);
    expect(mistakes(of('/sessions/:session_id/events', 'post'), { event: 'a,b' })).toMatchObject([
      { pointer: '/event', code: 'malformed_name' },
    ]);
  });
});
