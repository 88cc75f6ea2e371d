import { expect, test } from '@jest/globals';
import { importsOf } from './import-closure.ts';

test('an import is found in whatever way it is written, and one of types alone is not', () => {
  const text = `
    import { a, type B } from './a.ts';
    import type { C } from './types.ts';
    import type {
      D,
    } from './more-types.ts';
    import './effect.ts';
    export { e } from "./e.ts";
    export * from './star.ts';
    export type { F } from './f-types.ts';
    import {
      g,
    } from './over-lines.ts';
    const h = await import('./late.ts');
    export type I = 'one' | 'other';
    import { join } from 'node:path';
    const k = Buffer.from('text');
  `;
  expect(importsOf(text)).toEqual(['./a.ts', './effect.ts', './e.ts', './star.ts', './over-lines.ts', './late.ts', 'node:path']);
});
