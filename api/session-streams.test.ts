/** How a stream follows its session, with a session and a clock of the test's own. */
import { afterEach, expect, test } from '@jest/globals';
import type { SessionView } from '../domain/message.ts';
import type { SessionEvent } from '../domain/session-state.ts';
import type { FlowRegistry } from '../flows/registry.ts';
import type { SessionListener } from '../stores/redis/session-signals.ts';
import { until } from '../test/support/until.ts';
import type { Call } from './call.ts';
import { SessionStreams } from './session-streams.ts';
import { StreamPlaces } from './stream-places.ts';
import { EngineUnavailableError } from '../engine/calls.ts';

const view: SessionView = {
  session_id: '00000000-0000-4000-8000-000000000001', tenant: 'acme', owner: 'ana', flow: { id: 'business_unit_setup', version: 1 },
  language: 'en', state: 'in_progress', stage: 'engaged',
  progress_percent: 20, question: null, answers_count: 1, checkpoint_version: 1, created_at: 0, last_activity_at: 0, ended_at: null,
  version: 1, revision: 1,
};

const open: AbortController[] = [];
afterEach(() => { for (const stream of open.splice(0)) stream.abort(); });

/** A session that one stream follows; the stream's own asking is counted. */
function followed(options: { readonly stillCounts?: () => Promise<boolean>; readonly live?: boolean; readonly pollMs?: number } = {}) {
  const events: SessionEvent[] = [{ sequence: 1, at: 0, event: 'session_started', question_id: '', properties: {} }];
  const world = {
    now: 0, asked: 0, away: false, answer: Promise.resolve() as Promise<void>, ring: (): void => undefined, text: '', ended: false,
  };
  const streams = new SessionStreams({
    sessions: {
      events: async (_actor, _id, after) => {
        world.asked += 1;
        const found = events.filter((event) => event.sequence > after);
        await world.answer;
        if (world.away) throw new EngineUnavailableError('away', { cause: null });
        return { events: found, complete: true, view };
      },
    },
    flows: { version: () => Promise.resolve({}) } as unknown as FlowRegistry,
    signals: {
      isLive: options.live ?? true,
      listen: (_session, changed) => {
        const others = world.ring;
        world.ring = () => {
          others();
          changed();
        };
        return () => undefined;
      },
    } satisfies Pick<SessionListener, 'isLive' | 'listen'>,
    places: new StreamPlaces({ streamsMax: 10, streamsPerPersonMax: 10 }), pollMs: options.pollMs ?? 1_000, now: () => world.now,
  });
  const closing = new AbortController();
  open.push(closing);
  const call: Call = {
    actor: { tenant: 'acme', subject: 'ana', roles: ['user'] }, correlationId: 'c', ifMatch: null, operationId: 'o', keyedRequest: null,
    lastEventId: null, incoming: null, method: 'GET', path: '', header: () => '',
    receivedAt: 0, streamTicket: () => Promise.reject(new Error('not asked for')),
    stillCounts: options.stillCounts ?? (() => Promise.resolve(true)), expiresAt: Infinity, onEnd: () => undefined,
  };
  const start = async (): Promise<void> => {
    const { stream } = await streams.follow(call, view.session_id);
    const before = world.text;
    void stream?.((text) => { world.text += text; }, closing.signal, () => Promise.resolve()).then(() => { world.ended = true; });
    await until('the first event is sent', () => world.text !== before);
  };
  const happens = (): void => {
    events.push({ sequence: events.length + 1, at: 0, event: 'question_answered', question_id: 'q', properties: {} });
  };
  return { world, start, happens, sent: () => [...world.text.matchAll(/^id: (\d+)$/gm)].map(([, id]) => Number(id)) };
}

test('a hundred signals while the session is being asked make one more question, and each event is sent once', async () => {
  const { world, start, happens, sent } = followed();
  await start();
  const { promise, resolve } = Promise.withResolvers<void>();
  world.answer = promise;
  for (let signal = 0; signal < 100; signal += 1) {
    happens();
    world.ring();
    await Promise.resolve();
  }
  resolve();
  await until('all is sent', () => sent().length === 101);
  expect(world.asked).toBeLessThanOrEqual(3);
  expect(sent()).toEqual(Array.from({ length: 101 }, (_, at) => at + 1));
});

test('ten streams of one person on one session ask it once for each change, and each sends every event', async () => {
  const { world, start, happens, sent } = followed();
  for (let stream = 0; stream < 10; stream += 1) await start();
  const begun = world.asked;
  for (let change = 1; change <= 3; change += 1) {
    happens();
    world.ring();
    await until('all have sent it', () => sent().length === 10 * (1 + change));
  }
  expect(world.asked).toBe(begun + 3);
  expect(sent().toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4].flatMap((id) => Array.from({ length: 10 }, () => id)));
});

test('a credential that was revoked ends the stream at the next look, 30 seconds later', async () => {
  let counts = true;
  const { world, start } = followed({ stillCounts: () => Promise.resolve(counts) });
  await start();
  counts = false;
  world.now = 29_000;
  world.ring();
  await until('it was asked', () => world.asked === 2);
  expect(world.ended).toBe(false);
  world.now = 30_000;
  world.ring();
  await until('the stream has ended', () => world.ended);
});

test('a session that cannot be asked for a while is asked again, without a signal, and nothing is left out', async () => {
  const { world, start, happens, sent } = followed({ pollMs: 20 });
  await start();
  world.away = true;
  happens();
  world.ring();
  await until('it was asked some times', () => world.asked >= 4);
  world.away = false;
  await until('the event is sent', () => sent().length === 2);
  expect(sent()).toEqual([1, 2]);
});
