/** How a redrive is followed, with numbers of the test's own. */
import { expect, test } from '@jest/globals';
import type { RedriveState, RedriveStatus } from '../domain/redrive-state.ts';
import { RedriveStreams } from './redrive-streams.ts';
import { StreamPlaces } from './stream-places.ts';

const stateOf = (status: RedriveStatus, remaining: number): RedriveState => (
  { redrive_id: 'r', status, matched: 3, canary: 0, succeeded: 3 - remaining, failed: 0, remaining, note: null, results: [] }
);

/** What a reader is sent that comes with this id, or null; each asking finds the next state, and the last one for good. */
async function read(states: readonly RedriveState[], lastEventId: string | null): Promise<{ id: string; data: RedriveState }[] | null> {
  const left = [...states];
  const redrive = (): Promise<RedriveState> => {
    const [next = stateOf('completed', 0)] = left.length > 1 ? left.splice(0, 1) : left;
    return Promise.resolve(next);
  };
  const streams = new RedriveStreams({
    tasks: { redrive }, places: new StreamPlaces({ streamsMax: 1, streamsPerPersonMax: 1 }), now: () => 0,
  });
  const call = {
    actor: { tenant: 'acme', subject: 'dee', roles: ['admin' as const] }, lastEventId, expiresAt: Infinity,
    onEnd: () => undefined, stillCounts: () => Promise.resolve(true),
  };
  const stream = await streams.follow(call, 'r', (state) => state);
  let text = '';
  await stream?.((piece) => { text += piece; }, new AbortController().signal, () => Promise.resolve());
  return stream === null ? null : [...text.matchAll(/^id: (.+)\nevent: redrive\ndata: (.+)$/gm)].map(([, id = '', data = '']) => (
    { id, data: JSON.parse(data) as RedriveState }
  ));
}

test('whoever was cut off while a redrive ran is shown how it ended, and who has seen that is told that nothing more comes', async () => {
  const seen = await read([stateOf('running', 3), stateOf('running', 2), stateOf('completed', 0)], null);
  expect(seen?.map(({ data }) => [data.status, data.remaining])).toEqual([['running', 3], ['running', 2], ['completed', 0]]);
  for (const cutOff of seen?.slice(0, -1) ?? []) {
    expect((await read([stateOf('completed', 0)], cutOff.id))?.map(({ data }) => data.status)).toEqual(['completed']);
  }
  expect(await read([stateOf('completed', 0)], seen?.at(-1)?.id ?? null)).toBeNull();
});
