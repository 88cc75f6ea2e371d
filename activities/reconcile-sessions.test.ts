import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { KeyUnavailableError } from '../encryption/sealer.ts';
import { reconcileSessions } from './reconcile-sessions.ts';
import type { SessionName, SessionWorkflows, Span } from './session-workflows.ts';

const day = 86_400_000;

/** An engine whose sessions closed at these moments; `asked` are the windows that were read. */
function engine(
  closed: readonly number[], revive: (session: SessionName) => Promise<'begun' | 'running'> = () => Promise.resolve('begun'),
) {
  const asked: (Span & { readonly found: number })[] = [];
  const within = ({ from, until }: Span) => closed.map((at, n) => ({ at, n })).filter(({ at }) => at >= from && at <= until);
  const workflows: SessionWorkflows = {
    countStopped: (span) => Promise.resolve(within(span).length),
    stopped: async function* stopped(span) {
      asked.push({ ...span, found: within(span).length });
      for (const { n } of within(span)) yield await Promise.resolve({ tenant: 't', session_id: String(n) });
    },
    revive,
  };
  return { workflows, asked };
}

test('every session that was ended since the last look is taken up, in windows of a bounded number unless all ended in one second', async () => {
  const ends = fc.array(fc.integer({ min: 0, max: day }), { maxLength: 4_000 });
  await fc.assert(fc.asyncProperty(ends, fc.boolean(), async (moments, atOnce) => {
    const closed = atOnce ? moments.map((at) => at % 1_000) : moments;
    const seen = new Set<string>();
    const { workflows, asked } = engine(closed, ({ session_id: id }) => { seen.add(id); return Promise.resolve('begun'); });
    const { looked_until } = await reconcileSessions({ workflows, since: 0, now: day });
    expect(looked_until).toBe(day);
    expect(seen.size).toBe(closed.length);
    for (const { from, until, found } of asked) expect(found <= 1_000 || until - from <= 1_000).toBe(true);
  }), { numRuns: 20 });
});

test('a session whose key is missing keeps no other back, and any other fault fails the look, so that the next one begins where this did', async () => {
  const missing = engine(
    [1, 2, 3], ({ session_id: id }) => (id === '1' ? Promise.reject(new KeyUnavailableError('k')) : Promise.resolve('begun')),
  );
  expect(await reconcileSessions({ workflows: missing.workflows, since: 0, now: day })).toMatchObject({ begun: 2, failed: 1 });
  const broken = engine([1, 2, 3], () => Promise.reject(new Error('PostgreSQL is away')));
  await expect(reconcileSessions({ workflows: broken.workflows, since: 0, now: day })).rejects.toThrow('PostgreSQL is away');
});

test('what closed just before the last look is looked at again, since the list of the engine is a moment behind', async () => {
  const { workflows } = engine([day - 1_000]);
  expect(await reconcileSessions({ workflows, since: day, now: day + 60_000 })).toMatchObject({ begun: 1 });
});
