/** Flows that a tenant publishes: versions, who sees them, what is refused, and texts that are missing in a language. */
import { randomUUID } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { loadFlow, loadFlowFolder } from '../flows/files.ts';
import { openFlowRegistry } from '../flows/registry.ts';
import type { Database } from '../stores/postgres/database.ts';
import { StoreUnavailableError } from '../stores/unavailable.ts';
import { databaseOf } from './support/instance-stores.ts';
import { cast, newTenant, person, type Body, type Person, type Reply } from './support/person.ts';
import { sharedInstance } from './support/shared.ts';
import { until } from './support/until.ts';

const instance = await sharedInstance();

const publish = (who: Person, id: string, flow: unknown): Promise<Reply> => who.call('PUT', `/admin/flows/${id}/`, flow);

function desk(questions: readonly object[] = []): Record<string, unknown> {
  return {
    default_language: 'en', languages: ['en', 'hi'], title: { en: 'Set up a desk', hi: 'डेस्क' },
    questions: [{ id: 'desk_name', type: 'text', prompt: { en: 'What is the desk called?', hi: 'डेस्क का नाम?' } }, ...questions],
    recommendations: [{
      id: 'log', target: { type: 'type_assist', key: 'slug(desk_name)' }, values: { code: "'LOG'", label: "'Log'", category: "'desk'" },
      confidence: 0.9, always: true, rationale: 'Every desk has a log.',
    }],
  };
}

const staffed = { id: 'staffed', type: 'boolean', prompt: 'Is it staffed?' };

describe('a published flow', () => {
  test('counts its versions up; a running session keeps the questions it began with, and the next one gets the new ones', async () => {
    const { ana, admin, tenant } = await cast(instance);
    const first = await publish(admin, 'desk', desk());
    const shown = { id: 'desk', version: 1, title: 'Set up a desk', description: '', languages: ['en', 'hi'], default_language: 'en' };
    expect([first.status, first.body]).toEqual([201, shown]);
    const running = await ana.start({ flow: 'desk' });
    expect(running.flow).toEqual({ id: 'desk', version: 1 });

    expect((await publish(admin, 'desk', { ...desk([staffed]), id: 'desk', version: 77 })).body.version).toBe(2);
    const answered = await ana.answerAll(running);
    expect(answered).toMatchObject({ flow: { id: 'desk', version: 1 }, answers_count: 1 });
    const eve = await person(instance, tenant, 'eve', 'user');
    const later = await eve.start({ flow: 'desk' });
    expect(later.flow).toEqual({ id: 'desk', version: 2 });
    expect((await eve.answerAll(later)).answers_count).toBe(2);
    for (const [who, session] of [[ana, running], [eve, later]] as const) await who.inState(session.session_id, 'awaiting_approval');
  });

  test('that is the newest one once more adds nothing', async () => {
    const { admin } = await cast(instance);
    const first = await publish(admin, 'desk', desk());
    const again = await publish(admin, 'desk', { ...desk(), version: 5 });
    expect([first.status, again.status, again.body]).toEqual([201, 200, first.body]);
    expect((await publish(admin, 'desk', desk([staffed]))).body.version).toBe(2);
    expect((await publish(admin, 'desk', desk())).body.version).toBe(3);
  });

  test('belongs to its tenant: no other sees it or can start it, and the platform role sees it where it acts', async () => {
    const { admin, ana } = await cast(instance);
    const other = await cast(instance);
    await publish(admin, 'desk', desk());
    expect((await ana.get('/flows/')).body.results.map((flow: Body) => flow.id)).toEqual(['business_unit_setup', 'desk', 'site_survey']);
    expect((await other.ana.get('/flows/')).body.results.map((flow: Body) => flow.id)).toEqual(['business_unit_setup', 'site_survey']);
    expect((await other.ana.get('/flows/desk/')).status).toBe(404);
    const refused = await other.ana.post('/sessions/', { flow: 'desk' });
    expect([refused.status, refused.body.code]).toEqual([404, 'unknown_flow']);
    expect(JSON.stringify(refused.body)).not.toContain('"desk"');
    const platform = await person(instance, newTenant(), 'dee', 'platform');
    expect((await platform.get(`/flows/desk/?client_id=${admin.tenant}`)).body).toMatchObject({ id: 'desk', version: 1 });
    expect((await platform.get('/flows/desk/')).status).toBe(404);
    expect((await platform.call('PUT', `/admin/flows/desk/?client_id=${admin.tenant}`, desk([staffed]))).body.version).toBe(2);
    expect((await ana.get('/flows/desk/')).body.version).toBe(2);
  });

  test('shadows the shipped flow of its id with a newer version, while sessions on the shipped one go on', async () => {
    const { ana, admin, tenant } = await cast(instance);
    const shipped = await ana.start();
    expect(shipped.flow).toEqual({ id: 'business_unit_setup', version: 2 });
    const published = await publish(admin, 'business_unit_setup', desk());
    expect([published.status, published.body.version]).toEqual([201, 3]);
    const eve = await person(instance, tenant, 'eve', 'user');
    const own = await eve.start();
    expect([own.flow, own.question.id]).toEqual([{ id: 'business_unit_setup', version: 3 }, 'desk_name']);
    const { body: goesOn } = await ana.answer(shipped.session_id, 'setup_urgency', 'immediate');
    expect(goesOn).toMatchObject({ flow: { version: 2 }, question: { id: 'business_unit_type' } });
    const stranger = await cast(instance);
    expect((await stranger.ana.start()).flow).toEqual({ id: 'business_unit_setup', version: 2 });
  });

  test('gets a number of its own or is the same one, however many publish at the same moment', async () => {
    const { admin } = await cast(instance);
    const different = await Promise.all(
      Array.from({ length: 6 }, (_, at) => publish(admin, 'desk', { ...desk(), description: `Desk ${at}` })),
    );
    expect(different.map(({ status }) => status)).toEqual(Array(6).fill(201));
    expect(different.map(({ body }) => body.version).sort((a: number, b: number) => a - b)).toEqual([1, 2, 3, 4, 5, 6]);
    const same = await Promise.all(Array.from({ length: 6 }, () => publish(admin, 'desk', desk([staffed]))));
    expect(same.map(({ status }) => status).sort((a, b) => a - b)).toEqual([200, 200, 200, 200, 200, 201]);
    expect(new Set(same.map(({ body }) => body.version))).toEqual(new Set([7]));
  });

  test('needs an admin, and the audit log has who published which version', async () => {
    const { ana, ben, cy, admin } = await cast(instance);
    for (const who of [ana, ben, cy]) expect((await publish(who, 'desk', desk())).status).toBe(403);
    await publish(admin, 'desk', desk());
    await publish(admin, 'desk', {});
    const { body } = await admin.get('/admin/audit/?action=flow.publish');
    expect(body.results.map((entry: Body) => [entry.actor, entry.status, entry.target])).toEqual([
      ['dee', 422, 'flow:desk'], ['dee', 201, 'flow:desk'], ['cy', 403, 'flow:desk'], ['ben', 403, 'flow:desk'], ['ana', 403, 'flow:desk'],
    ]);
    expect(body.results[1].details).toMatchObject({ version: 1, is_new: true });
  });
});

describe('what is refused', () => {
  test('every mistake is named at once, by pointer, code, message and fix, and nothing is published', async () => {
    const { admin } = await cast(instance);
    const { status, body } = await publish(admin, 'desk', {
      ...desk([
        { id: 'kind', type: 'single_choice', prompt: 'Which?' },
        { id: 'shout', type: 'text', prompt: { en: '', hi: 'क्या?' }, pattern: '(a+)+' },
        { id: 'later', type: 'text', when: 'nowhere == 1', prompt: 'Later?' },
        { id: 'hue', type: 'text', prompt: 'Hue?', colour: 'red' },
      ]), id: 'table', languages: ['hi'],
    });
    expect([status, body.code]).toEqual([422, 'flow_invalid']);
    const found = body.errors.map((error: Body) => `${error.pointer} ${error.code}`);
    for (const wanted of [
      '/id invalid_value', '/default_language invalid_value', '/questions/1 invalid_value', '/questions/2/prompt/en missing_text',
      '/questions/2/pattern invalid_value', '/questions/3/when invalid_value', '/questions/4/colour unknown_field',
    ]) expect(found).toContain(wanted);
    for (const error of body.errors) expect([error.message, error.fix].every((text: string) => text.length > 3)).toBe(true);
    expect((await admin.get('/flows/desk/')).status).toBe(404);
  });

  test('an id that is no name, a body that is no flow, and a flow that is too large', async () => {
    const { admin } = await cast(instance);
    const unnamed = await publish(admin, 'Desk%20One', desk());
    expect([unnamed.status, unnamed.body.errors[0].pointer]).toEqual([422, '/id']);
    const empty = await publish(admin, 'desk', {});
    expect([empty.status, empty.body.errors.map((error: Body) => error.code)]).toEqual([422, Array(4).fill('missing_field')]);
    expect((await publish(admin, 'desk', [])).status).toBe(400);
    const large = await publish(admin, 'desk', { ...desk(), description: 'x'.repeat(262_144) });
    expect([large.status, large.body.code]).toEqual([413, 'payload_too_large']);
    const wrong = await publish(admin, 'desk', { ...desk(), questions: Array.from({ length: 300 }, () => ({ a: 1 })) });
    expect([wrong.status, wrong.body.errors.length]).toEqual([422, 200]);
  });
});

describe('a text that a language lacks', () => {
  const question = {
    id: 'place', type: 'single_choice', prompt: { en: 'Which kind of place?', hi: '' }, help: { en: 'Pick the closest one.' },
    retry_text: { en: 'Please choose from the list.', hi: '' },
    options: [{ value: 'shop', label: { en: 'Little shop', hi: 'छोटी दुकान' } }, { value: 'depot', label: { en: 'Parcel depot', hi: '' } }],
  };
  const note = { id: 'note', type: 'text', required: false, prompt: { en: 'Anything else?' } };
  const flow = { ...desk(), questions: [question, note], recommendations: [] };

  test('falls back to the default language, one by one, and is never blank', async () => {
    const { ana, admin } = await cast(instance);
    await publish(admin, 'place', flow);
    const session = await ana.start({ flow: 'place', language: 'hi' });
    expect(session.question).toMatchObject({
      prompt: 'Which kind of place?', help: 'Pick the closest one.',
      options: [{ value: 'shop', label: 'छोटी दुकान' }, { value: 'depot', label: 'Parcel depot' }],
    });
    const refused = await ana.answer(session.session_id, 'place', 'castle');
    expect([refused.status, refused.body.detail]).toEqual([422, 'Please choose from the list.']);
    expect((await ana.answer(session.session_id, 'place', 'shop')).body.question.prompt).toBe('Anything else?');
  });

  test('an option is chosen by its value, by the label that is shown and by the label in another language', async () => {
    const { admin, tenant } = await cast(instance);
    await publish(admin, 'place', flow);
    const cases: [body: object, value: string][] = [
      [{ question_id: 'place', value: 'depot' }, 'depot'], [{ text: 'Parcel depot' }, 'depot'],
      [{ text: 'छोटी दुकान' }, 'shop'], [{ text: 'little shop' }, 'shop'],
    ];
    await Promise.all(cases.map(async ([body, value], at) => {
      const ana = await person(instance, tenant, `ana-${at}`, 'user');
      const session = await ana.start({ flow: 'place', language: 'hi' });
      const reply = await ana.post(`/sessions/${session.session_id}/answers/`, { ...body, message_id: randomUUID() });
      expect([body, reply.status, reply.body.accepted]).toEqual([body, 200, [{ question_id: 'place', value }]]);
    }));
  });

  test('a language is found whatever its case and region; another one is refused with the list', async () => {
    const { admin, tenant } = await cast(instance);
    await publish(admin, 'place', flow);
    for (const [at, language] of ['hi', 'HI', 'hi-IN'].entries()) {
      const ana = await person(instance, tenant, `ana-${at}`, 'user');
      expect((await ana.start({ flow: 'place', language })).language).toBe('hi');
    }
    const eve = await person(instance, tenant, 'eve', 'user');
    for (const language of ['xx', 'ar', '']) {
      const { status, body } = await eve.post('/sessions/', { flow: 'place', language });
      expect([language, status, body.code, body.supported_languages]).toEqual([language, 422, 'unsupported_language', ['en', 'hi']]);
    }
  });

  test('missing or empty in the default language it is refused, with a pointer', async () => {
    const { admin } = await cast(instance);
    const { status, body } = await publish(admin, 'place', {
      ...flow, title: { hi: 'जगह' },
      questions: [
        { ...question, help: { en: ' ', hi: 'मदद' }, options: [{ value: 'shop', label: { en: '' } }, { value: 'depot', label: '' }] },
      ],
    });
    expect(status).toBe(422);
    expect(body.errors.map((error: Body) => [error.pointer, error.code])).toEqual([
      ['/title', 'missing_text'], ['/questions/0/help/en', 'missing_text'], ['/questions/0/options/0/label/en', 'missing_text'],
      ['/questions/0/options/1/label', 'missing_text'],
    ]);
  });
});

test('what another process publishes is seen a second later: until then nobody is asked again', async () => {
  const db = await databaseOf(instance);
  try {
    const clock = { ms: 0 };
    const shipped = await loadFlowFolder('flows');
    const [here, there] = [
      await openFlowRegistry({ db, shipped, now: () => clock.ms }), await openFlowRegistry({ db, shipped, now: () => clock.ms }),
    ];
    const tenant = newTenant();
    await there.publish(tenant, 'desk', desk());
    expect((await here.newest(tenant, 'desk'))?.version).toBe(1);
    await there.publish(tenant, 'desk', desk([staffed]));
    clock.ms += 999;
    expect((await here.newest(tenant, 'desk'))?.version).toBe(1);
    clock.ms += 1;
    expect((await here.newest(tenant, 'desk'))?.version).toBe(2);
  } finally {
    await db.close();
  }
});

test('what another process publishes is seen by who asks over HTTP, and the next number follows it', async () => {
  const { ana, admin, tenant } = await cast(instance);
  await publish(admin, 'desk', desk());
  expect((await ana.get('/flows/desk/')).body.version).toBe(1);
  const db = await databaseOf(instance);
  try {
    await db.asTenant(tenant).query(
      `INSERT INTO flows (tenant, flow_id, version, definition, hash)
       SELECT tenant, flow_id, 2, jsonb_set(jsonb_set(definition, '{version}', '2'), '{rules,version}', '2'), ''
       FROM flows WHERE tenant = $1 AND flow_id = 'desk' AND version = 1`,
      [tenant],
    );
  } finally {
    await db.close();
  }
  await until('the new version is seen', async () => (await ana.get('/flows/desk/')).body.version === 2);
  expect((await ana.start({ flow: 'desk' })).flow).toEqual({ id: 'desk', version: 2 });
  expect((await publish(admin, 'desk', desk([staffed]))).body.version).toBe(3);
});

test('a list of flows follows a publication at once', async () => {
  const { ana, admin } = await cast(instance);
  await ana.get('/flows/');
  for (let version = 1; version <= 5; version += 1) {
    await publish(admin, 'desk', { ...desk(), description: `Round ${version}` });
    expect((await ana.get('/flows/desk/')).body).toMatchObject({ version, description: `Round ${version}` });
  }
  expect((await ana.get('/flows/')).body.total).toBe(3);
});

describe('while PostgreSQL is away', () => {
  test('what is known goes on being served: versions for ever, the newest ones as they were last; what is not known is unavailable', async () => {
    const db = await databaseOf(instance);
    try {
      const [tenant, other] = [newTenant(), newTenant()];
      const store = { away: false };
      const clock = { ms: 0 };
      const failing: Database = {
        ...db, asTenant: (name) => {
          if (store.away) throw new StoreUnavailableError('postgresql', null);
          return db.asTenant(name);
        },
      };
      const flows = await openFlowRegistry({ db: failing, shipped: await loadFlowFolder('flows'), now: () => clock.ms });
      const published = await flows.publish(tenant, 'desk', desk());
      expect(published).toMatchObject({ isNew: true, flow: { id: 'desk', version: 1 } });
      const shipped = await flows.version(tenant, 'business_unit_setup', 2);
      expect((await flows.all(tenant)).map(({ id }) => id)).toEqual(['business_unit_setup', 'desk', 'site_survey']);

      store.away = true;
      clock.ms += 60_000;
      expect(await flows.version(tenant, 'desk', 1)).toMatchObject({ id: 'desk', version: 1 });
      for (const each of [tenant, other]) expect(await flows.version(each, 'business_unit_setup', 2)).toBe(shipped);
      expect(await flows.newest(tenant, 'desk')).toMatchObject({ version: 1 });
      for (
        const asked of [
          () => flows.newest(other, 'desk'), () => flows.version(other, 'desk', 1), () => flows.publish(tenant, 'desk', desk()),
        ]
      ) {
        await expect(asked()).rejects.toThrow(StoreUnavailableError);
      }
      store.away = false;
      expect(await flows.newest(other, 'business_unit_setup')).toBe(shipped);
      await expect(flows.version(other, 'desk', 1)).rejects.toThrow('was never registered');
    } finally {
      await db.close();
    }
  });
});

test('a number that a tenant gave before a release shipped it too stays the tenant\'s own there', async () => {
  const db = await databaseOf(instance);
  try {
    const [tenant, other] = [newTenant(), newTenant()];
    const shipped = await loadFlowFolder('flows');
    // an id nobody else looks at
    const id = `release_${tenant.slice(2).replaceAll(/[^a-z0-9]/g, '')}`;
    const before = await openFlowRegistry({ db, shipped, now: () => 0 });
    const own = await before.publish(tenant, id, desk());
    expect(own).toMatchObject({ isNew: true, flow: { version: 1 } });
    const released = loadFlow(JSON.stringify({ ...desk([staffed]), id, version: 1 }), 'released');
    if ('problems' in released) throw new Error(JSON.stringify(released.problems));
    const after = await openFlowRegistry({ db, shipped: [...shipped, released.flow], now: () => 0 });
    expect((await after.version(tenant, id, 1)).rules.questions).toHaveLength(1);
    expect((await after.newest(tenant, id))?.rules.questions).toHaveLength(1);
    expect((await after.version(other, id, 1)).rules.questions).toHaveLength(2);
    expect(await after.publish(tenant, id, desk([staffed]))).toMatchObject({ isNew: true, flow: { version: 2 } });
    expect(await before.publish(other, id, desk())).toMatchObject({ isNew: true, flow: { version: 2 } });
  } finally {
    await db.asSystem().query("DELETE FROM flows WHERE tenant = '' AND flow_id LIKE 'release_%'");
    await db.close();
  }
});
