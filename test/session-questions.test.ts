/** What a page needs to ask on by itself: the questions of a session, with the rules by which they are asked. */
import { expect, test } from '@jest/globals';
import { applicable } from '../domain/flow.ts';
import { cast, Person, person, proposed, type Body } from './support/person.ts';
import { sharedInstance } from './support/shared.ts';
import { until } from './support/until.ts';

const instance = await sharedInstance();

test('they are those of its own version and language, and their rules say what the session asks next', async () => {
  const { ana, admin } = await cast(instance);
  const flow = (second: object) => ({
    default_language: 'en', languages: ['en', 'hi'], title: { en: 'Set up a desk', hi: 'डेस्क' },
    questions: [
      { id: 'staffed', type: 'boolean', prompt: { en: 'Is it staffed?', hi: 'क्या वहाँ कोई है?' } },
      { id: 'who', type: 'text', pii: true, when: 'staffed == true', prompt: 'Who is there?' }, second,
    ],
    recommendations: [{
      id: 'log', target: { type: 'type_assist', key: "'log'" }, values: { code: "'LOG'", label: "'Log'", category: "'desk'" },
      confidence: 0.9, always: true, rationale: 'Every desk has a log.',
    }],
  });
  const publish = (second: object) => admin.call('PUT', '/admin/flows/desk/', flow(second));
  await publish({ id: 'size', type: 'number', prompt: 'How large is it?' });
  const { session_id: id } = await ana.start({ flow: 'desk', language: 'hi' });
  await publish({ id: 'colour', type: 'text', prompt: 'Which colour has it?' });
  const { status, body } = await ana.get(`/sessions/${id}/questions/`);
  expect([status, body.flow, body.language]).toEqual([200, { id: 'desk', version: 1, title: 'डेस्क' }, 'hi']);
  expect(body.questions.map((each: Body) => [each.id, each.prompt, each.pii])).toEqual([
    ['staffed', 'क्या वहाँ कोई है?', false], ['who', 'Who is there?', true], ['size', 'How large is it?', false],
  ]);
  const answers: Record<string, boolean> = {};
  for (const staffed of [true, false]) {
    answers['staffed'] = staffed;
    const { body: { question } } = await ana.answer(id, 'staffed', staffed);
    const [next] = applicable<Body>(body, answers).filter(({ id: each }) => !(each in answers));
    expect(next.id).toBe(question.id);
  }
});

test('they are for the owner, an admin, and whoever came by its resume link; for nobody else', async () => {
  const { ana, ben, admin, tenant } = await cast(instance);
  const { session_id: id } = await ana.start();
  const { body: { url } } = await ana.post(`/sessions/${id}/resume-link/`, {});
  const { body: { token } } = await ana.post('/resume-links/spend/', { secret: String(url).split('#r=')[1] });
  const phone = new Person(instance.url, tenant, 'ana', token as string);
  const eve = await person(instance, tenant, 'eve', 'user');
  const statuses = [];
  for (const who of [ana, admin, phone, eve, ben]) statuses.push((await who.get(`/sessions/${id}/questions/`)).status);
  expect(statuses).toEqual([200, 200, 200, 404, 403]);
  const { body: { results: [entry] } } = await admin.get('/admin/audit/?action=questions.read&actor=dee');
  expect(entry).toMatchObject({ target: `session:${id}`, result: 'allowed' });
});

test('a session that waits for an approver says since when, as the list of approvals does; one that does not says null', async () => {
  const { ana, ben } = await cast(instance);
  expect((await ana.get(`/sessions/${(await ana.start({ flow: 'site_survey' })).session_id}/`)).body.waiting_since).toBeNull();
  const { session } = await proposed(ana, ben);
  expect(Date.now() - Date.parse(session.waiting_since)).toBeGreaterThanOrEqual(0);
  let awaited: Body;
  await until('it is listed', async () => {
    [awaited] = (await ben.get(`/approvals/?session_id=${session.session_id}`)).body.results;
    return awaited !== undefined;
  });
  expect(session.waiting_since).toBe(awaited.waiting_since);
});
