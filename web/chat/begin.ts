/** From what an address brought to a session that can be talked to. */
import type { Answers, Session, SessionQuestions, SpentLink } from '../client/contract.ts';
import { problemOf, RequestProblem } from '../client/problem.ts';
import type { Answer, Request } from '../client/request.ts';
import { anonymous, flowOfAddress, keepAccess, requestsOf, type Access } from './access.ts';
import { Chat } from './chat.ts';
import { askedLanguage, speak } from './words.ts';

/** Starts, or goes on with the open session of the flow; after a reload with the very same one, also when it has ended. */
export async function begin({ token, sessionId, flow }: Access): Promise<Chat> {
  const request = requestsOf({ token });
  const session = sessionId === null ? await startOrGoOn(request, flow) : await request<Session>('GET', `/sessions/${sessionId}/`);
  const id = session.body.session_id;
  keepAccess({ token, sessionId: id, flow });
  const [{ body: texts }, { body: { answers } }] = await Promise.all([
    request<SessionQuestions>('GET', `/sessions/${id}/questions/`), request<Answers>('GET', `/sessions/${id}/answers/`),
  ]);
  await speak(askedLanguage() ?? texts.language);
  return new Chat(request, session, texts, answers.filter(({ superseded }) => !superseded));
}

async function startOrGoOn(request: Request, flow: string): Promise<Answer<Session>> {
  const wanted = [...(askedLanguage() === null ? [] : [askedLanguage() ?? '']), ...navigator.languages];
  const key = crypto.randomUUID();
  const start = (language: string): Promise<Answer<Session>> => request('POST', '/sessions/', {
    key: `${key}-${language}`, body: {
      ...(flow === '' ? {} : { flow }), language, resume_existing: true,
      client_context: { timezone: Intl.DateTimeFormat().resolvedOptions().timeZone },
    },
  });
  try {
    return await start(wanted[0] ?? 'en');
  } catch (error) {
    const known = error instanceof RequestProblem ? error.members['supported_languages'] : undefined;
    if (!Array.isArray(known)) throw error;
    const supported = known.map(String);
    const primary = (tag: string): string => tag.toLowerCase().split('-')[0] ?? '';
    const best = wanted.flatMap((tag) => supported.filter((each) => primary(each) === primary(tag)))[0];
    return start(best ?? supported[0] ?? 'en');
  }
}

export async function spend(secret: string): Promise<Access> {
  const { body: { token, session_id } } = await anonymous<SpentLink>('POST', '/resume-links/spend/', { body: { secret } });
  return { token, sessionId: session_id, flow: flowOfAddress() };
}

/** Whether it can be tried again as it is. */
export function mayPass(error: unknown): boolean {
  return problemOf(error).isUnknown || problemOf(error).status === 429;
}
