/** A session from its start to its end by the client that hey-api generates. */
import { createClient } from './generated/client';
import {
  getSessionsSessionId, getSessionsSessionIdRecommendations, postSessions, postSessionsSessionIdAnswers, postSessionsSessionIdDecision,
} from './generated';
import type { Session } from './generated';
import { exampleOf, setting, until } from './example';

const person = (token: string) => createClient({ baseUrl: setting('GANGWAY_URL'), auth: token });

async function main(): Promise<string> {
  const [ana, ben] = [person(setting('ANA')), person(setting('BEN'))];
  let session: Session = (await postSessions({ client: ana, body: { language: 'en' }, throwOnError: true })).data;
  const path = { session_id: session.session_id };
  while (session.question !== null) {
    const body = { question_id: session.question.id, value: exampleOf(session.question) };
    session = (await postSessionsSessionIdAnswers({ client: ana, path, body, throwOnError: true })).data;
  }
  const state = async (): Promise<Session['state']> => (await getSessionsSessionId({ client: ana, path, throwOnError: true })).data.state;
  await until(async () => await state() === 'awaiting_approval');
  const { data: proposal } = await getSessionsSessionIdRecommendations({ client: ben, path, throwOnError: true });
  const approved = proposal.recommendations.map((item) => item.recommendation_id);
  const { data: decided } = await postSessionsSessionIdDecision({ client: ben, path, body: { approved_items: approved, dry_run: false }, throwOnError: true });
  if (decided.status !== 'applied') throw new Error(`The decision is ${decided.status}.`);
  return state();
}

main().then((state) => { console.log(state); }, (error: unknown) => { throw new Error(JSON.stringify(error), { cause: error }); });
