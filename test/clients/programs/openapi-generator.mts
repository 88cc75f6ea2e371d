/** A session from its start to its end by the client that openapi-generator makes (typescript-fetch). */
import { Configuration, SessionsApi } from './generated';
import type { Session } from './generated';
import { exampleOf, setting, until } from './example';

const person = (accessToken: string) => new SessionsApi(new Configuration({ basePath: setting('GANGWAY_URL'), accessToken }));

async function main(): Promise<string> {
  const [ana, ben] = [person(setting('ANA')), person(setting('BEN'))];
  let session: Session = await ana.postSessions({ startRequest: { language: 'en' } });
  const { sessionId } = session;
  while (session.question !== null) {
    const answerRequest = { questionId: session.question.id, value: exampleOf(session.question) };
    session = await ana.postSessionsSessionIdAnswers({ sessionId, answerRequest });
  }
  await until(async () => (await ana.getSessionsSessionId({ sessionId })).state === 'awaiting_approval');
  const proposal = await ben.getSessionsSessionIdRecommendations({ sessionId });
  const approvedItems = proposal.recommendations.map((item) => item.recommendationId);
  const decided = await ben.postSessionsSessionIdDecision({ sessionId, decisionRequest: { approvedItems, dryRun: false } });
  if (decided.status !== 'applied') throw new Error(`The decision is ${decided.status}.`);
  return (await ana.getSessionsSessionId({ sessionId })).state;
}

main().then((state) => { console.log(state); }, (error: unknown) => { throw new Error(JSON.stringify(error), { cause: error }); });
