/** A caller of the API: a token and a few verbs. */
import { randomUUID } from 'node:crypto';
import { developmentToken } from '../../scripts/development-token.ts';
import { developmentKey } from '../../scripts/embedded/secrets.ts';
import type { Role } from '../../domain/message.ts';
import { readConfiguration } from '../../service/environment.ts';
import type { InstanceAddress } from './instance.ts';
import { until } from './until.ts';

export const base = '/api/v1/onboarding';

/** Answers as tests read them: any member may be asked for. */
// oxlint-disable-next-line typescript/no-explicit-any -- a test reads JSON of many shapes and compares it at once
export type Body = any;

export interface Reply { readonly status: number; readonly body: Body; readonly headers: Headers }

export interface WireQuestion {
  readonly id: string;
  readonly type: string;
  readonly min: number | null;
  readonly options: readonly { readonly value: string }[];
}

export interface RequestOptions { readonly headers?: Readonly<Record<string, string>>; readonly raw?: string | FormData }

export class Person {
  readonly tenant: string;
  readonly subject: string;
  private readonly url: string;
  private readonly token: string;

  constructor(url: string, tenant: string, subject: string, token: string) {
    this.url = url;
    this.tenant = tenant;
    this.subject = subject;
    this.token = token;
  }

  async call(method: string, path: string, body?: unknown, options: RequestOptions = {}): Promise<Reply> {
    const content = options.raw ?? (body === undefined ? undefined : JSON.stringify(body));
    const response = await fetch(`${this.url}${base}${path}`, {
      method, ...(content === undefined ? {} : { body: content }),
      headers: {
        authorization: `Bearer ${this.token}`, ...(typeof content === 'string' ? { 'content-type': 'application/json' } : {}),
        ...options.headers,
      },
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, body: text === '' ? null : JSON.parse(text) };
  }

  get(path: string, options?: RequestOptions): Promise<Reply> { return this.call('GET', path, undefined, options); }
  post(path: string, body?: unknown, options?: RequestOptions): Promise<Reply> { return this.call('POST', path, body, options); }

  /** Starts a session and returns it; sent again while a store or the engine is too busy. */
  async start(body: object = {}): Promise<Body> {
    let tries = 0;
    const reply = await sent(() => {
      tries += 1;
      return this.post('/sessions/', body);
    });
    // 200: one that was answered 503 is there after all
    const isThere = reply.status === 201 || (reply.status === 200 && tries > 1);
    if (!isThere) throw new Error(`start: ${reply.status} ${JSON.stringify(reply.body)}`);
    return reply.body;
  }

  answer(sessionId: string, questionId: string, value: unknown, messageId: string = randomUUID()): Promise<Reply> {
    return this.post(`/sessions/${sessionId}/answers/`, { question_id: questionId, value, message_id: messageId });
  }

  /** An answer that has to be taken, sent again while the engine is too busy: a test that goes on without it waits for nothing. */
  async gives(sessionId: string, questionId: string, value: unknown, messageId: string = randomUUID()): Promise<Body> {
    const { status, body } = await sent(() => this.answer(sessionId, questionId, value, messageId));
    if (status !== 200) throw new Error(`${questionId}: ${status} ${JSON.stringify(body)}`);
    return body;
  }

  /** Answers whatever is asked until nothing is; `answers` overrides the example of a question. */
  async answerAll(session: Body, answers: Readonly<Record<string, unknown>> = {}): Promise<Body> {
    let current = session;
    while (current.question !== null) {
      const question = current.question as WireQuestion;
      const value = question.id in answers ? answers[question.id] : exampleOf(question);
      current = await this.gives(current.session_id as string, question.id, value);
    }
    return current;
  }

  /** The session once it is in a state. */
  async inState(sessionId: string, state: string): Promise<Body> {
    let body: Body;
    await until(`session ${sessionId} is ${state}`, async () => {
      body = (await this.get(`/sessions/${sessionId}/`)).body;
      return body.state === state;
    });
    return body;
  }
}

/** As clients do: a 503 says that nothing was lost, and the same is sent again, under the same id. */
export async function sent(call: () => Promise<Reply>): Promise<Reply> {
  let reply = await call();
  for (let again = 0; reply.status === 503 && again < 20; again += 1) reply = await call();
  return reply;
}

export function exampleOf(question: WireQuestion): unknown {
  const first = question.options[0]?.value;
  const examples: Readonly<Record<string, unknown>> = {
    text: 'Harbour Office', number: question.min ?? 10, boolean: true, single_choice: first, multi_choice: [first], date: '2027-01-15',
    time_range: { start: '09:00', end: '17:30' }, email: 'office@example.org',
  };
  return examples[question.type];
}

/** A tenant nobody else uses. */
export function newTenant(): string {
  return `t-${randomUUID().slice(0, 8)}`;
}

export async function tokenFor(
  instance: InstanceAddress, tenant: string, subject: string, roles: readonly Role[], ttlSeconds = 3_600,
): Promise<string> {
  return developmentToken({ tenant, sub: subject, roles, ttlSeconds }, await developmentKey(instance.folder), readConfiguration({}));
}

export async function person(instance: InstanceAddress, tenant: string, subject: string, ...roles: Role[]): Promise<Person> {
  return new Person(instance.url, tenant, subject, await tokenFor(instance, tenant, subject, roles));
}

/** The usual cast of one tenant. */
export async function cast(instance: InstanceAddress): Promise<{ tenant: string; ana: Person; ben: Person; cy: Person; admin: Person }> {
  const tenant = newTenant();
  const [ana, ben, cy, admin] = await Promise.all([
    person(instance, tenant, 'ana', 'user'), person(instance, tenant, 'ben', 'approver'), person(instance, tenant, 'cy', 'analyst'),
    person(instance, tenant, 'dee', 'admin'),
  ]);
  return { tenant, ana, ben, cy, admin };
}

/** A session that waits for approval, and its proposal. */
export async function proposed(
  ana: Person, ben: Person, answers: Readonly<Record<string, unknown>> = {},
): Promise<{ session: Body; proposal: Body; items: string[] }> {
  const answered = await ana.answerAll(await ana.start(), answers);
  const session = await ana.inState(answered.session_id as string, 'awaiting_approval');
  const { body: proposal } = await ben.get(`/sessions/${session.session_id}/recommendations/`);
  return { session, proposal, items: proposal.recommendations.map((item: { recommendation_id: string }) => item.recommendation_id) };
}
