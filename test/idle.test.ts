/** Sessions that nobody answers, with days that last for seconds: on the running service, past its API. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Connection } from '@temporalio/client';
import type { SessionEvent } from '../domain/session-state.ts';
import { connectEngine } from '../engine/connection.ts';
import { readEvents } from '../workflows/messages.ts';
import { EngineSessions } from './support/engine-sessions.ts';
import { runFileOf } from './support/instance-stores.ts';
import { sealerOf } from './support/parked-rows.ts';
import { sharedInstance } from './support/shared.ts';
import { until } from './support/until.ts';

const instance = await sharedInstance();
let connection: Connection;
let sessions: EngineSessions;
beforeAll(async () => {
  const { urls } = await runFileOf(instance);
  const engine = await connectEngine({ address: urls.temporalAddress, namespace: 'default', sealer: await sealerOf(instance) });
  ({ connection } = engine);
  sessions = await EngineSessions.on(engine.client, 'gangway');
});
afterAll(() => connection.close());

test('an idle session is marked after its time, revived by an answer, and cancelled in the end', async () => {
  const [idleAbandonedMs, idleCancelMs] = [400, 16_000];
  const id = await sessions.open({ idleAbandonedMs, idleCancelMs });
  const eventsNamed = async (...names: string[]): Promise<SessionEvent[]> => {
    const read = await sessions.handleOf(id).query(readEvents, sessions.ownerOf(id), 0);
    return 'found' in read ? read.found.events.filter(({ event }) => names.includes(event)) : [];
  };
  await sessions.answer(id, 'setup_urgency', 'immediate');
  const [answered] = await eventsNamed('question_answered');
  await until('it is marked', async () => (await eventsNamed('session_abandoned')).length > 0);
  // half-way: so late that the answer has to count anew, and so early that it is not too late for it
  await until('half of its time is over', () => Date.now() >= (answered?.at ?? 0) + idleCancelMs / 2);
  await sessions.answer(id, 'business_unit_type', 'office');
  expect(await sessions.handleOf(id).result()).toMatchObject({ state: 'cancelled', answers: 2 });
  const story = await eventsNamed('question_answered', 'session_abandoned', 'state_changed');
  // marked a second time: only a session that was revived can be
  expect(story.map(({ event, properties }) => properties['to'] ?? event)).toEqual([
    'question_answered', 'in_progress', 'session_abandoned', 'question_answered', 'session_abandoned', 'cancelled',
  ]);
  const [first = 0, , marked = 0, second = 0, , cancelled = 0] = story.map(({ at }) => at);
  expect(marked - first).toBeGreaterThanOrEqual(idleAbandonedMs);
  expect(cancelled - second).toBeGreaterThanOrEqual(idleCancelMs);
});
