import { describe, expect, test } from '@jest/globals';
import { openApiDocument } from './openapi.ts';
import { withNumbers } from './query-numbers.ts';
import { querySchema } from './route.ts';
import { routes } from './routes/index.ts';

interface Parameter { readonly name: string; readonly in: string; readonly schema: { readonly type?: string } }

const { paths } = openApiDocument('', routes) as unknown as {
  readonly paths: Readonly<Record<string, Readonly<Record<string, { readonly parameters: readonly Partial<Parameter>[] }>>>>;
};
/** All that the document says is a number. */
const numbers = routes.flatMap((route) => {
  const operation = paths[`${route.path.replaceAll(/:(\w+)/g, '{$1}')}/`]?.[route.method];
  return (operation?.parameters ?? []).flatMap(({ name = '', in: where, schema }) => (
    where === 'query' && (schema?.type === 'integer' || schema?.type === 'number')
      ? [[`${name} of ${route.method} ${route.path}`, name, querySchema(route.declaration)] as const] : []
  ));
});

test('there are some', () => { expect(numbers.length).toBeGreaterThan(10); });

describe.each(numbers)('%s', (_, name, schema) => {
  test.each(['', ' ', '0x10', '1e1', '1_0', 'Infinity', '1.', '.5', '٣'])('%j is no number', (text) => {
    expect(schema.safeParse(withNumbers(schema, { [name]: text })).error?.issues).toMatchObject([{ path: [name], code: 'invalid_type' }]);
  });

  test('1 is one', () => {
    const { error } = schema.safeParse(withNumbers(schema, { [name]: '1' }));
    expect(error?.issues.filter(({ path }) => path[0] === name) ?? []).toEqual([]);
  });
});
