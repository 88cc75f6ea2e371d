/** Filters of reports and lists that name a flow or a language. */
import { describe, expect, test } from '@jest/globals';
import { base, cast } from './support/person.ts';
import { sharedInstance } from './support/shared.ts';
import { until } from './support/until.ts';

const instance = await sharedInstance();

const flow = (languages: readonly string[]) => ({
  default_language: 'en', languages, title: 'Set up a desk',
  questions: [{ id: 'desk_name', type: 'text', prompt: 'What is the desk called?' }],
  recommendations: [{
    id: 'log', target: { type: 'type_assist', key: 'slug(desk_name)' }, values: { code: "'LOG'", label: "'Log'", category: "'desk'" },
    confidence: 0.9, always: true, rationale: 'Every desk has a log.',
  }],
});

describe('a filter that the tenant has nothing for', () => {
  test('a misspelt flow is 404 with those that there are, in the funnel and in the list of sessions', async () => {
    const { ana, cy } = await cast(instance);
    for (const reply of [await cy.get('/analytics/funnel/?flow=busines_unit_setup'), await ana.get('/sessions/?flow=busines_unit_setup')]) {
      expect([reply.status, reply.body.code]).toEqual([404, 'unknown_flow']);
      expect(reply.body.known_values).toEqual(['business_unit_setup', 'site_survey']);
      expect(reply.body.errors).toMatchObject([{ pointer: '/flow', fix: 'Use one of: business_unit_setup, site_survey.' }]);
    }
    expect((await cy.get('/analytics/funnel/?flow=site_survey')).body.total_sessions).toBe(0);
  });

  test('a misspelt language is 400 with those that there are, of the flow where one is named', async () => {
    const { admin, cy } = await cast(instance);
    expect((await admin.call('PUT', '/admin/flows/desk/', flow(['en', 'pt-BR']))).status).toBe(201);
    for (
      const [query, known] of [
        ['language=xx', ['en', 'hi', 'pt-BR']], ['language=hi&flow=desk', ['en', 'pt-BR']], ['language=e_', ['en', 'hi', 'pt-BR']],
      ] as const
    ) {
      const reply = await cy.get(`/analytics/funnel/?${query}`);
      expect([query, reply.status, reply.body.code, reply.body.known_values]).toEqual([query, 400, 'unknown_filter_value', known]);
      expect(reply.body.errors).toMatchObject([{ pointer: '/language', fix: `Use one of: ${known.join(', ')}.` }]);
    }
  });

  test('a language tag is matched as at the start of a session, and one that only an earlier version spoke is known', async () => {
    const { ana, admin, cy } = await cast(instance);
    await admin.call('PUT', '/admin/flows/desk/', flow(['en', 'pt-BR']));
    expect((await ana.start({ flow: 'desk', language: 'PT-br' })).language).toBe('pt-BR');
    const count = async (language: string): Promise<unknown> => (
      await cy.get(`/analytics/funnel/?fresh=true&language=${language}`)
    ).body.total_sessions;
    await until('the session is in the funnel', async () => await count('pt-BR') === 1);
    expect(await Promise.all(['pt-br', 'PT_BR', 'pt-BR-x-desk', 'en-GB', 'EN'].map(count))).toEqual([1, 1, 1, 0, 0]);
    expect((await admin.call('PUT', '/admin/flows/desk/', flow(['en']))).body.version).toBe(2);
    expect((await cy.get('/analytics/funnel/?flow=desk&language=pt-br')).body.total_sessions).toBe(1);
  });

  test('a misspelt question is 400 in the list behind a number, and one of another system is known', async () => {
    const { admin, cy } = await cast(instance);
    const list = async (query: string): Promise<[number, unknown]> => {
      const { status, body } = await cy.get(`/analytics/sessions/?${query}`);
      return [status, status === 200 ? body.total : body.code];
    };
    const told = { session_id: 'one', event: 'question_shown', timestamp: new Date(Date.now() - 60_000).toISOString() };
    const reply = await admin.post('/admin/analytics/import/', undefined, {
      raw: JSON.stringify({ ...told, properties: { question_id: 'shoe_size' } }), headers: { 'content-type': 'application/x-ndjson' },
    });
    expect(reply.body.imported).toBe(1);
    expect(await list('question_id=shoe_size&fresh=true')).toEqual([200, 1]);
    expect(await list('question_id=expected_users')).toEqual([200, 0]);
    expect(await list('question_id=expected_user')).toEqual([400, 'unknown_filter_value']);
    expect((await cy.get('/analytics/sessions/?question_id=x')).body.known_values).toContain('expected_users');
  });

  test('the list behind a cohort is as long as its number, whatever another system said of flow, version and language, or not', async () => {
    const { ana, admin, cy } = await cast(instance);
    await ana.start();
    const told = [{}, { language: 'EN' }, { language: 'en_US' }, { language: 'a--b' }, { language: 'x'.repeat(60) }, { flow: 'f' },
      { flow: 'f', flow_version: 7 }, { flow_version: 5 }];
    const reply = await admin.post('/admin/analytics/import/', undefined, {
      raw: told.map((properties, at) => JSON.stringify({
        session_id: `s${at}`, event: 'started', timestamp: new Date(Date.now() - 60_000).toISOString(), properties,
      })).join('\n'),
      headers: { 'content-type': 'application/x-ndjson' },
    });
    expect(reply.body.imported).toBe(told.length);
    await until('all are counted', async () => (await cy.get('/analytics/funnel/?fresh=true')).body.total_sessions === told.length + 1);
    for (const kind of ['language', 'flow', 'flow_version']) {
      const { cohorts } = (await cy.get(`/analytics/cohort-comparison/?fresh=true&cohort_by=${kind}`)).body;
      expect(cohorts.length).toBeGreaterThan(2);
      for (const { label, sessions, drill_down: path } of cohorts) {
        const list = await cy.get(path.slice(base.length));
        expect([kind, label, list.status, list.body.total]).toEqual([kind, label, 200, sessions]);
      }
    }
    const english = async (tag: string): Promise<unknown> => (
      await cy.get(`/analytics/funnel/?fresh=true&language=${tag}`)
    ).body.total_sessions;
    expect(await Promise.all(['en', 'EN', 'En', 'en-GB'].map(english))).toEqual([1, 1, 1, 1]);
  });

  test('what narrows nothing without another filter is refused, and not passed over', async () => {
    const { cy } = await cast(instance);
    for (const [query, pointer] of [
      ['cell=phone', '/cell'], ['other=true', '/other'], ['factor_side=with', '/factor_side'], ['outcome=answered', '/outcome'],
    ] as const) {
      const { status, body } = await cy.get(`/analytics/sessions/?${query}`);
      expect([query, status, body.code, body.errors]).toMatchObject([query, 400, 'invalid_request', [{ pointer }]]);
    }
  });
});
