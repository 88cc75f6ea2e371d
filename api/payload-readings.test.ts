/** The audit log of readings: one entry a look, naming whose it was, and nothing shown that is not written. */
import { expect, test } from '@jest/globals';
import type { AuditEntry } from '../stores/postgres/audit.ts';
import { PayloadReadings } from './payload-readings.ts';

const workflow = (number: number): string => `session:acme:${number}`;

/** The store, as far as readings know it. */
function logged(clock = { now: 1_000 }, quietMs = 60_000) {
  const begun = new Map<string, AuditEntry>();
  const added: AuditEntry[] = [];
  const store = { isAway: false };
  const readings = new PayloadReadings({
    now: () => clock.now, quietMs,
    begin: async (entry) => {
      if (store.isAway) throw new Error('away');
      begun.set(entry.id, entry);
    },
    add: async (entry) => {
      if (store.isAway) throw new Error('away');
      begun.delete(entry.id);
      added.push(entry);
    },
  });
  const read = (workflows: (string | null)[], tenant = 'acme') => readings.note({ tenant, caller: null, correlationId: 'c-1', workflows });
  return { begun, added, store, readings, read, clock };
}

test('many readings at once are one entry with the sum, its session and its time, in the store before any of them is shown', async () => {
  const { begun, added, readings, read, clock } = logged();
  await Promise.all(Array.from({ length: 17 }, () => read([workflow(1), workflow(1), null])));
  expect([...begun.values()].map(({ details }) => details['payloads'])).toEqual([51]);
  clock.now = 4_000;
  await read([workflow(1)]);
  await readings.close();
  expect(begun.size).toBe(0);
  expect(added).toMatchObject([{
    actor: 'temporal-ui', tenant: 'acme', action: 'payload.decode', target: 'session:1', result: 'allowed', status: 200,
    details: { payloads: 52, workflows: workflow(1), since: '1970-01-01T00:00:01.000Z', until: '1970-01-01T00:00:04.000Z' },
  }]);
});

test('every workflow is named and every payload counted, also of more than one entry can name', async () => {
  const { added, readings, read } = logged();
  const many = Array.from({ length: 45 }, (_, at) => workflow(at));
  await read([...many, null]);
  await read([workflow(44), workflow(99)]);
  await readings.close();
  expect(added.flatMap(({ details }) => String(details['workflows']).split(' '))).toEqual([...many, workflow(99)]);
  expect(added.map(({ details }) => Number(details['payloads'])).reduce((sum, count) => sum + count)).toBe(48);
  expect(added).toHaveLength(3);
  const atOnce = logged();
  await Promise.all(many.map((one) => atOnce.read([one])));
  await atOnce.readings.close();
  expect(atOnce.added.map(({ details }) => String(details['workflows']).split(' ').length)).toEqual([20, 20, 5]);
});

test('tenants have entries of their own, and one that goes on for a minute is closed though there was no quiet', async () => {
  const { added, readings, read, clock } = logged();
  await read([workflow(1)]);
  await read(['session:other:1'], 'other');
  clock.now += 60_000;
  await read([workflow(1)]);
  await readings.close();
  expect(added.map(({ tenant }) => tenant).sort()).toEqual(['acme', 'acme', 'other']);
});

test('quiet closes an entry by itself', async () => {
  const { added, read } = logged({ now: 1_000 }, 1);
  await read([workflow(1)]);
  while (added.length === 0) await new Promise((resolve) => { setTimeout(resolve, 1); });
  expect(added).toHaveLength(1);
});

test('what the store does not take is refused and not counted; what it took stays there when it goes away before the end', async () => {
  const { begun, added, store, readings, read } = logged();
  store.isAway = true;
  await expect(read([workflow(1)])).rejects.toThrow('away');
  store.isAway = false;
  await read([workflow(1)]);
  store.isAway = true;
  await expect(read([workflow(2)])).rejects.toThrow('away');
  await readings.close();
  expect(added).toEqual([]);
  expect([...begun.values()]).toMatchObject([{ result: 'allowed', details: { payloads: 1, workflows: workflow(1) } }]);
});
