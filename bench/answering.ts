/** The three ways to give one answer that the bench compares, and the sessions they are given to. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { developmentToken } from '../scripts/development-token.ts';
import { readConfiguration } from '../service/environment.ts';
import { answerQuestion } from '../workflows/messages.ts';
import type { HttpClient } from './http-client.ts';
import { sessionWorkflowId } from '../workflows/workflow-ids.ts';
import { callEngine } from '../engine/calls.ts';

const base = '/api/v1/onboarding';
export const tenant = 'bench';
const question = 'setup_urgency';
/** Taken in turn, so that every call changes the session. Neither asks a further question. */
const values = ['immediate', 'this_week'] as const;

export interface Session {
  readonly id: string;
  readonly subject: string;
  readonly token: string;
  /** Answers given so far. */
  turn: number;
}

/** Gives one answer and waits for the outcome. Rejects when it was not accepted. */
export type Answering = (session: Session) => Promise<void>;

export function next(session: Session): { question_id: string; value: string } {
  const value = values[session.turn % values.length] ?? values[0];
  session.turn += 1;
  return { question_id: question, value };
}

/** A new session through the API, its first answer given: what follows are corrections of that answer. */
export async function openSession(http: HttpClient, key: Uint8Array): Promise<Session> {
  // one open session a person: each has a person, and with that a token, of its own
  const subject = `person-${randomUUID()}`;
  const person = { tenant, sub: subject, roles: ['user'], ttlSeconds: 3_600 } as const;
  const token = await developmentToken(person, key, readConfiguration({}));
  const id = await patiently(async () => {
    const { status, body } = await http.post(`${base}/sessions/`, { authorization: `Bearer ${token}` }, {});
    const { session_id: started } = body as { session_id?: string };
    // 200: one that was answered 503 was there after all
    if ((status === 201 || status === 200) && started !== undefined) return started;
    throw new Error(`A session could not be started: ${status} ${JSON.stringify(body)}`);
  });
  const session: Session = { id, subject, token, turn: 0 };
  await patiently(() => throughApi(http)(session));
  return session;
}

/** As Retry-After of a 503 says. */
const pauseMs = 2_000;

/** A busy engine may answer 503: repeated as clients are told to. */
export async function patiently<T>(ask: () => Promise<T>): Promise<T> {
  for (let left = 30; ; left -= 1) {
    try {
      return await ask();
    } catch (error) {
      if (left === 0 || !(error instanceof Error) || !error.message.includes(': 503 ')) throw error;
      await sleep(pauseMs);
    }
  }
}

/** A start costs several answers: 64 at once can pass the engine's deadline, and starts are not what is measured. */
const startsAtOnce = 8;

export async function openSessions(http: HttpClient, key: Uint8Array, count: number): Promise<Session[]> {
  const sessions: Session[] = [];
  while (sessions.length < count) {
    const length = Math.min(startsAtOnce, count - sessions.length);
    sessions.push(...await Promise.all(Array.from({ length }, () => openSession(http, key))));
  }
  return sessions;
}

/** The Update as the API sends it, with the same deadline, straight from the load process. */
export function bare(client: Client, timeoutMs: number): Answering {
  return async (session) => {
    const id = randomUUID();
    const message = {
      id, fingerprint: '0123456789abcdef', actor: { tenant, subject: session.subject, roles: ['user'] as const },
      correlation_id: id, if_match: null, body: next(session),
    };
    const handle = client.workflow.getHandle(sessionWorkflowId(tenant, session.id));
    const update = { updateId: `answer:${id}`, args: [message] as [typeof message] };
    const { outcome } = await callEngine(client, timeoutMs, () => handle.executeUpdate(answerQuestion, update));
    if (outcome.kind !== 'accepted') throw new Error(`An answer was not accepted: ${outcome.kind}`);
  };
}

export function throughApi(http: HttpClient): Answering {
  return (session) => post(http, session, { authorization: `Bearer ${session.token}` });
}

export function throughUnguardedApi(http: HttpClient): Answering {
  return (session) => post(http, session, { 'x-bench-tenant': tenant, 'x-bench-subject': session.subject });
}

export const answersPath = (session: Session): string => `${base}/sessions/${session.id}/answers/`;

async function post(http: HttpClient, session: Session, headers: Readonly<Record<string, string>>): Promise<void> {
  const content = { ...next(session), message_id: randomUUID() };
  const { status, body } = await http.post(answersPath(session), headers, content);
  if (status !== 200) throw new Error(`An answer was not accepted: ${status} ${JSON.stringify(body)}`);
}
