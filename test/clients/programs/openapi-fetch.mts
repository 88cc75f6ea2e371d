/** A session from its start to its end by openapi-typescript and openapi-fetch. */
import createClient from 'openapi-fetch';
import { exampleOf, setting, until } from './example.mts';
import type { components, paths } from './schema.d.ts';

const person = (token: string) => createClient<paths>({ baseUrl: setting('GANGWAY_URL'), headers: { Authorization: `Bearer ${token}` } });
const [ana, ben] = [person(setting('ANA')), person(setting('BEN'))];
const base = '/api/v1/onboarding';

function found<T>({ data, error }: { readonly data?: T; readonly error?: components['schemas']['Problem'] }): T {
  if (data !== undefined) return data;
  throw new Error(error === undefined ? 'There is no answer.' : `${error.code}: ${error.detail} ${error.errors.map(({ pointer, fix }) => `${pointer} ${fix}`).join(' ')}`);
}

const started = await ana.POST(`${base}/sessions/`, { body: { language: 'en' }, params: { header: { 'Idempotency-Key': crypto.randomUUID() } } });
let session: components['schemas']['Session'] = found(started);
const path = { session_id: session.session_id };
while (session.question !== null) {
  const { id } = session.question;
  session = found(await ana.POST(`${base}/sessions/{session_id}/answers/`, {
    params: { path }, body: { question_id: id, value: exampleOf(session.question), message_id: crypto.randomUUID() },
  }));
}
await until(async () => found(await ana.GET(`${base}/sessions/{session_id}/`, { params: { path } })).state === 'awaiting_approval');
const proposal = found(await ben.GET(`${base}/sessions/{session_id}/recommendations/`, { params: { path } }));
const approved = proposal.recommendations.map((item) => item.recommendation_id);
const decided = found(await ben.POST(`${base}/sessions/{session_id}/decision/`, { params: { path }, body: { approved_items: approved, dry_run: false } }));
if (decided.status !== 'applied') throw new Error(`The decision is ${decided.status}.`);

const refused = await ana.POST(`${base}/sessions/{session_id}/answers/`, { params: { path }, body: { value: 1 } });
const code: components['schemas']['Problem']['code'] | undefined = refused.error?.code;
if (code !== 'wrong_state') throw new Error(`A session that has ended answers ${code ?? 'nothing'}.`);
console.log(found(await ana.GET(`${base}/sessions/{session_id}/`, { params: { path } })).state);

declare const crypto: { randomUUID(): string };
