/** Funnels of one's own over HTTP, and the lists behind every figure of a funnel. */
import { describe, expect, test } from '@jest/globals';
import { stages } from '../domain/lifecycle.ts';
import { figuresWithLists } from './support/drill-downs.ts';
import { base, cast, person, type Body, type Person } from './support/person.ts';
import { sharedInstance } from './support/shared.ts';
import { until } from './support/until.ts';

const instance = await sharedInstance();
const began = Date.now() - 3 * 3_600_000;

interface Told { readonly event: string; readonly at?: number; readonly properties?: object }
/** Sessions as lists of events, a second apart unless it is said otherwise. */
async function tell(admin: Person, sessions: Readonly<Record<string, readonly (string | Told)[]>>, more: object = {}): Promise<void> {
  const lines = Object.entries(sessions).flatMap(([id, events]) => events.map((each, index) => {
    const { event, at = index * 1_000, properties = {} } = typeof each === 'string' ? { event: each } : each;
    return { session_id: id, event, timestamp: new Date(began + at).toISOString(), properties: { ...more, ...properties } };
  }));
  const reply = await admin.post('/admin/analytics/import/', undefined, {
    raw: lines.map((line) => `${JSON.stringify(line)}\n`).join(''), headers: { 'content-type': 'application/x-ndjson' },
  });
  expect([reply.status, reply.body.rejected_count]).toEqual([200, 0]);
}

const get = async (cy: Person, query: string): Promise<Body> => {
  const { status, body } = await cy.get(`/analytics/funnel/?fresh=true&${query}`);
  expect([query, status]).toEqual([query, 200]);
  return body;
};
const counts = async (cy: Person, query: string): Promise<number[]> => (await get(cy, query)).stages.map((stage: Body) => stage.count);
const post = async (cy: Person, body: object): Promise<Body> => {
  const reply = await cy.post('/analytics/funnel/?fresh=true', body);
  expect([reply.status, reply.body.detail]).toEqual([200, undefined]);
  return reply.body;
};

/** Follows every list of a report to its end. */
async function followAll(cy: Person, report: Body): Promise<number> {
  const figures = figuresWithLists(report);
  for (const { place, number, path } of figures) {
    const seen = new Set<string>();
    let cursor: string | null = null;
    do {
      const { status, body }: Body = await cy.get(`${path.slice(base.length)}&limit=20${cursor === null ? '' : `&cursor=${cursor}`}`);
      expect([place, path, status, body.total]).toEqual([place, path, 200, number]);
      for (const { session_id: id } of body.results) seen.add(id);
      cursor = body.next_cursor;
    } while (cursor !== null);
    expect([place, seen.size]).toEqual([place, number]);
  }
  return figures.length;
}

/** Of the parts one that has a name, and the rest: every figure of a part is there. All of them: api/funnel-lists.test.ts. */
const twoParts = (report: Body): Body => ({ ...report, breakdown: [report.breakdown[0], report.breakdown.at(-1)] });

/** Paths, and what is of the clock. */
const notCompared = new Set([
  'drill_down', 'drill_downs', 'period', 'optional', 'censored',
]);

describe('a funnel of one\'s own', () => {
  test('counts a session once, by its best attempt, and names every step', async () => {
    const { admin, cy } = await cast(instance);
    await tell(admin, { one: ['a', 'b'], two: ['a', 'a', 'a', 'b', 'b'], three: ['b', 'a'] });
    expect(await counts(cy, 'steps=a,b,c')).toEqual([3, 2, 0]);
    expect(await counts(cy, 'steps=a,a')).toEqual([3, 1]);
    expect(await counts(cy, 'steps=a,b&order=strict')).toEqual([3, 2]);
    expect(await counts(cy, 'steps=b,a,a&order=strict')).toEqual([3, 1, 0]);
    const unordered = await get(cy, 'steps=a,b&order=unordered');
    expect(unordered.stages.map(({ name, count }: Body) => [name, count])).toEqual([['1 of 2 steps', 3], ['2 of 2 steps', 3]]);
    expect(await counts(cy, 'steps=nobody,never')).toEqual([0, 0]);
  });

  test.each([
    ['the window has its end', 'window_seconds=10', ['a@0', 'b@10'], 2],
      ['and not a millisecond more', 'window_seconds=10', ['a@0', 'b@10.001'], 1],
    ['a later first step opens another attempt', 'window_seconds=10', ['a@0', 'a@9', 'b@15'], 2],
    ['what shares a millisecond has no order', '', ['b@5', 'a@5'], 2],
      ['strict minds what lies between', 'order=strict', ['a@0', 'x@1', 'b@2'], 1],
    ['and only what it is told to', 'order=strict&consider=y', ['a@0', 'x@1', 'b@2'], 2],
    ['strict takes a later attempt', 'order=strict', ['a@0', 'c@1', 'a@2', 'b@3'], 2],
    ['the last step may come before a first one of another attempt', 'window_seconds=3', ['b@0', 'a@1', 'b@9', 'a@10', 'b@12'], 2],
    ['and that is no attempt backwards', '', ['b@0', 'a@1'], 1],
  ])('%s', async (_, query, events, level) => {
    const { admin, cy } = await cast(instance);
    await tell(admin, { one: events.map((text) => ({ event: text.split('@')[0] ?? '', at: Number(text.split('@')[1]) * 1_000 })) });
    expect((await counts(cy, `steps=a,b&${query}`)).filter((count) => count === 1)).toHaveLength(level);
  });

  test('of the five stages is the stage funnel, own and imported sessions mixed', async () => {
    const { ana, admin, cy } = await cast(instance);
    await tell(admin, Object.fromEntries(Array.from({ length: 15 }, (_, index) => [
      `s${index}`, stages.slice(0, 1 + (index % 5)).map((event, place) => ({ event, at: index * 90_000 + place * (index + 1) * 1_000 })),
    ])), { flow: 'old' });
    const open = await ana.start();
    await ana.gives(open.session_id, open.question.id, open.question.options[0].value);
    const eve = await person(instance, ana.tenant, 'eve', 'user');
    await eve.answerAll(await eve.start());
    await until('all are counted', async () => {
      const { total_sessions: total, stages: counted } = await get(cy, '');
      return total === 17 && counted[2].count >= 10;
    });
    for (const query of ['', '&language=en', '&breakdown=flow']) {
      const { freshness: _, ...stageFunnel } = await get(cy, query);
      const { freshness: _again, ...own } = await get(cy, `steps=${stages.join(',')}${query}`);
      const plain = (body: Body): Body => JSON.parse(JSON.stringify(body, (key, value: unknown) =>
        (notCompared.has(key) ? undefined : value)));
      expect(plain(own)).toEqual(plain(stageFunnel));
    }
  });

  test('asks for questions, properties, optional steps, with and without an event', async () => {
    const { admin, cy } = await cast(instance);
    const asked = (id: string, tab: string) => ({ event: 'question_answered', properties: { question_id: id, tab } });
    await tell(admin, {
      one: ['a', asked('size', 'left'), 'b'], two: ['a', asked('name', 'right'), 'b', 'help'], three: ['a', 'b'],
        four: ['a', asked('size', 'right')],
    });
    expect(await counts(cy, 'steps=a,question_answered')).toEqual([4, 3]);
    expect(await counts(cy, 'steps=a,question_answered:size')).toEqual([4, 2]);
    const steps = (where: object, more: object = {}) => [{ event: 'a' }, { event: 'question_answered', where, ...more }, { event: 'b' }];
    const ofPost = async (body: object): Promise<number[]> => (await post(cy, body)).stages.map((stage: Body) => stage.count);
    expect(await ofPost({ steps: steps({ tab: 'right' }) })).toEqual([4, 2, 1]);
    expect(await ofPost({ steps: steps({ tab: 'right' }, { question_id: 'size' }) })).toEqual([4, 1, 0]);
    expect(await ofPost({ steps: steps({}, { optional: true }) })).toEqual([4, 3, 3]);
    expect(await ofPost({ steps: steps({}, { optional: true }), without: ['help'] })).toEqual([3, 2, 2]);
    expect(await ofPost({ steps: steps({}, { optional: true }), with: ['help'] })).toEqual([1, 1, 1]);
  });

  test('that cannot be is refused with what is wrong and how to mend it', async () => {
    const { cy } = await cast(instance);
    for (
      const [query, code, pointer] of [
        ['steps=a', 'invalid_steps', '/steps'],
          [`steps=${Array.from({ length: 21 }, (_, at) => `s${at}`).join(',')}`, 'invalid_steps', '/steps'],
        ['steps=a,,b', 'invalid_steps', '/steps/1'], ['steps=', 'invalid_steps', '/steps/0'],
          ['steps=a,b&window_seconds=0', 'invalid_window', '/window_seconds'],
        ['steps=a,b&window_seconds=34560001', 'invalid_window', '/window_seconds'],
          ['steps=a,b&window_seconds=1.5', 'invalid_window', '/window_seconds'],
        ['steps=a,b&window_seconds=-1', 'invalid_window', '/window_seconds'], ['steps=a,b&consider=x', 'invalid_steps', '/consider'],
        ['order=strict', 'invalid_steps', '/steps'], ['steps=a,b&order=backwards', 'invalid_request', '/order'],
        ['steps=a,b&breakdown=mood', 'unknown_filter_value', '/breakdown'],
          ['breakdown=answer:nothing', 'unknown_filter_value', '/breakdown'],
      ] as const
    ) {
      const { status, body } = await cy.get(`/analytics/funnel/?${query}`);
      expect([query, status, body.code, body.errors?.[0]?.pointer]).toEqual([query, 400, code, pointer]);
      expect(body.errors[0].fix).not.toBe('');
    }
    const optional = await cy.post('/analytics/funnel/', { steps: [{ event: 'a', optional: true }, { event: 'b' }] });
    expect([optional.status, optional.body.code]).toEqual([400, 'invalid_steps']);
    const kept = await cy.post('/analytics/funnels/', { name: 'short', definition: { steps: [{ event: 'a' }] } });
    expect([kept.status, kept.body.code, kept.body.errors[0].pointer]).toEqual([400, 'invalid_steps', '/definition/steps']);
    for (const version of ['2', true, [2]]) {
      const { status, body } = await cy.post('/analytics/funnel/', { steps: [{ event: 'a' }, { event: 'b' }], flow_version: version });
      expect([version, status, body.code, body.errors[0].pointer]).toEqual([version, 400, 'invalid_request', '/flow_version']);
    }
    expect(await counts(cy, `steps=${encodeURIComponent("'); DROP TABLE sessions; --")},b`)).toEqual([0, 0]);
  });
});

describe('Drop-off identification', () => {
  test('the worst drop comes first, with how many and what share, and its list has just those', async () => {
    const { admin, cy } = await cast(instance);
    const old = (count: number, name: string, events: readonly string[]) =>
      Array.from({ length: count },
        (_, index) => [`${name}${index}`, events.map((event, at) => ({ event, at: at * 1_000 - 8 * 86_400_000 }))] as const);
    await tell(admin, Object.fromEntries([...old(6, 'x', ['a']), ...old(3, 'y', ['a', 'b']), ...old(2, 'z', ['a', 'b', 'c'])]));
    const from = new Date(began - 9 * 86_400_000).toISOString();
    const report = await get(cy, `steps=a,b,c&start_date=${from}`);
    expect(report.top_drop_off_points.map(({ from_stage, to_stage, drop_off_count, impact_severity }: Body) =>
      [from_stage, to_stage, drop_off_count, impact_severity])).toEqual([['a', 'b', 6, 'low'], ['b', 'c', 3, 'low']]);
    expect(report).toMatchObject({ total_sessions: 11, completed_sessions: 2, abandoned_sessions: 9, open_sessions: 0 });
    expect(await followAll(cy, report)).toBe(19);
  });
});

describe('Client filtering', () => {
  test('a tenant counts and lists its own sessions alone, and platform those of the client that it names', async () => {
    const [one, two] = await Promise.all([cast(instance), cast(instance)]);
    await tell(one.admin, { s1: ['a', 'b'], s2: ['a'] });
    await tell(two.admin, { s1: ['a'] });
    expect([await counts(one.cy, 'steps=a,b'), await counts(two.cy, 'steps=a,b')]).toEqual([[2, 1], [1, 0]]);
    expect((await one.cy.get(`/analytics/sessions/?client_id=${two.tenant}`)).status).toBe(403);
    expect((await two.cy.get('/analytics/sessions/?any_stage=true')).body.total).toBe(1);
  });
});

describe('the list behind a number', () => {
  test('has exactly as many sessions as every figure of the funnels says, of parts and the rest too', async () => {
    const { admin, cy } = await cast(instance);
    const languages = Array.from({ length: 12 }, (_, index) => `l${String.fromCharCode(97 + index)}`);
    for (const [index, language] of languages.entries()) {
      await tell(admin, Object.fromEntries(Array.from({ length: 1 + (index % 4) }, (_, number) => [
        `${language}-${number}`, [...stages.slice(0, 1 + ((index + number) % 5)), ...(number % 2 === 0 ? ['cancelled'] : [])],
      ])), { language });
    }
    const report = await get(cy, 'breakdown=language');
    expect(report.breakdown.at(-1)).toMatchObject({ label: 'other', is_other: true });
    expect(await followAll(cy, twoParts(report))).toBeGreaterThan(30);
    const own = await get(cy, 'steps=started,engaged,completed&breakdown=language&without=approval_decision');
    expect(await followAll(cy, twoParts(own))).toBeGreaterThan(15);
    const optional = { steps: [{ event: 'started' }, { event: 'engaged', optional: true, where: { language: 'lb' } },
      { event: 'cancelled' }] };
    expect(await followAll(cy,
      await post(cy, { ...optional, order: 'unordered', window_seconds: 60, breakdown: 'flow' }))).toBeGreaterThan(20);
  }, 600_000);

  test('names no owner and no answers, and takes no cursor of another list', async () => {
    const { ana, cy } = await cast(instance);
    const started = await ana.start();
    await until('it is counted', async () => (await cy.get('/analytics/sessions/')).body.total === 1);
    const { body } = await cy.get('/analytics/sessions/');
    expect(body.results).toEqual([{
      session_id: started.session_id, started_at: started.created_at, flow: started.flow, language: 'en', device: 'unknown',
        state: 'started', stage: 'started',
    }]);
    const foreign = Buffer.from(JSON.stringify({ at: '2026-01-01 00:00:00+00', id: started.session_id })).toString('base64url');
    const refused = await cy.get(`/analytics/sessions/?cursor=${foreign}`);
    expect([refused.status, refused.body.errors[0].code]).toEqual([400, 'unknown_cursor']);
    expect((await ana.get('/analytics/sessions/')).status).toBe(403);
    expect((await cy.get('/analytics/sessions/?steps=a,b&level=3')).status).toBe(400);
  });
});

describe('what a step can name', () => {
  test('is listed with counts, questions and properties', async () => {
    const { admin, cy } = await cast(instance);
    await tell(admin, { one: ['a', 'b', { event: 'question_answered', properties: { question_id: 'size', tab: 'x' } }], two: ['a'] });
    const { body } = await cy.get('/analytics/events/?fresh=true');
    expect(body.events.map(({ name, count }: Body) => [name, count])).toEqual([['a', 2], ['b', 1], ['question_answered', 1]]);
    expect(body.events[2].questions).toEqual([{ question_id: 'size', count: 1 }]);
    expect(body.events[2].properties).toContainEqual({ name: 'tab', count: 1 });
  });
});

describe('funnels kept by name', () => {
  test('are kept once a name, listed newest first, asked as they are, and forgotten', async () => {
    const { ana, cy } = await cast(instance);
    const definition = { steps: [{ event: 'a' }, { event: 'b', where: { tab: 'left' } }], order: 'strict', window_seconds: 60 };
    const kept = await cy.post('/analytics/funnels/', { name: ' Left ', definition });
    expect([kept.status, kept.body]).toMatchObject([201, { name: 'Left', definition, created_by: 'cy' }]);
    expect((await cy.post('/analytics/funnels/', { name: 'Left', definition })).body.code).toBe('name_taken');
    expect((await cy.post('/analytics/funnels/',
      { name: 'Bad', definition: { steps: [{ event: 'a' }] } })).body.code).toBe('invalid_steps');
    expect((await ana.get('/analytics/funnels/')).status).toBe(403);
    const { body: list } = await cy.get('/analytics/funnels/');
    expect([list.total, list.results]).toEqual([1, [kept.body]]);
    expect((await cy.post('/analytics/funnel/', list.results[0].definition)).status).toBe(200);
    const other = await cast(instance);
    expect((await other.cy.call('DELETE', `/analytics/funnels/${kept.body.funnel_id}/`)).status).toBe(404);
    expect((await cy.call('DELETE', `/analytics/funnels/${kept.body.funnel_id}/`)).status).toBe(200);
    expect((await cy.call('DELETE', `/analytics/funnels/${kept.body.funnel_id}/`)).status).toBe(404);
    expect((await cy.get('/analytics/funnels/')).body.total).toBe(0);
  });
});
