/** Everything is killed while people answer: what was acknowledged is there, once. */
import { randomUUID } from 'node:crypto';
import { afterAll, expect, test } from '@jest/globals';
import { newFolder } from './support/folders.ts';
import { discard, killEverything, startInstance, type Instance } from './support/instance.ts';
import { newTenant, person, type Body, type Person } from './support/person.ts';
import { until } from './support/until.ts';

let instance: Instance | undefined;
afterAll(() => discard(instance));

interface Sent { readonly id: string; readonly value: number; acknowledged: boolean }

/** Amends one answer with ever new values until told to stop; each is sent until it is acknowledged or the service is gone. */
async function keepAnswering(ana: Person, sessionId: string, sent: Sent[], stopped: () => boolean): Promise<void> {
  while (!stopped()) {
    const next: Sent = { id: randomUUID(), value: 1 + sent.length, acknowledged: false };
    sent.push(next);
    try {
      const reply = await ana.answer(sessionId, 'expected_users', next.value, next.id);
      next.acknowledged = reply.status === 200;
      if (!next.acknowledged) return;
    } catch {
      return;
    }
  }
}

test('SIGKILL of everything while eight people answer loses no acknowledged answer and applies none twice', async () => {
  const folder = await newFolder();
  instance = await startInstance(folder);
  const tenant = newTenant();
  const names = Array.from({ length: 8 }, (_, at) => `person-${at}`);
  const sessions = await Promise.all(names.map(async (name) => {
    const who = await person(instance as Instance, tenant, name, 'user');
    const session = await who.start();
    const answers = [['setup_urgency', 'immediate'], ['business_unit_type', 'office'], ['business_unit_name', name]] as const;
    for (const [question, value] of answers) await who.answer(session.session_id, question, value);
    return { name, id: session.session_id as string, sent: [] as Sent[] };
  }));

  for (let round = 0; round < 2; round += 1) {
    const running = instance;
    let stopped = false;
    const people = await Promise.all(names.map((name) => person(running, tenant, name, 'user')));
    const before = sessions.map(({ sent }) => sent.length);
    const answering = sessions.map(({ id, sent }, at) => keepAnswering(people[at] as Person, id, sent, () => stopped));
    await until('everybody has answered ten times', () => sessions.every(({ sent }, at) => sent.length >= (before[at] ?? 0) + 10));
    await killEverything(running);
    stopped = true;
    await Promise.all(answering);

    instance = await startInstance(folder);
    for (const { name, id, sent } of sessions) {
      const who = await person(instance, tenant, name, 'user');
      // what was not acknowledged is sent again with the same id, as a client does
      for (const each of sent.filter((one) => !one.acknowledged)) {
        await until(`${name} gets through`, async () => (await who.answer(id, 'expected_users', each.value, each.id)).status === 200);
        each.acknowledged = true;
      }
      const { body } = await who.get(`/sessions/${id}/answers/`);
      const values = body.answers.filter((entry: Body) => entry.question_id === 'expected_users').map((entry: Body) => entry.value);
      expect(values).toEqual(sent.map((one) => one.value));
    }
  }
});
