/** Plays one visit of the plan: a person who answers, and an approver who decides. */
import { setTimeout as pause } from 'node:timers/promises';
import { z } from 'zod';
import type { Json } from '../../domain/json.ts';
import { PlainError } from '../embedded/plain-error.ts';
import { expected, type Client } from './client.ts';
import { decideOn } from './decision.ts';
import { pictureOf } from './picture.ts';
import type { Outcome, Visit } from './plan.ts';

const Question = z.object({
  id: z.string(), type: z.string(), required: z.boolean(), min: z.union([z.number(), z.string()]).nullable(),
  options: z.array(z.object({ value: z.string(), label: z.string() })),
});
type Question = z.infer<typeof Question>;
const Session = z.object({
  session_id: z.string(), state: z.string(), answers_count: z.number(), question: Question.nullable(),
  notice: z.object({ title: z.string(), message: z.string() }).nullish(),
});
type Session = z.infer<typeof Session>;
/** Words that are asked back are no answer yet. */
const Taken = z.object({ accepted: z.array(z.unknown()).min(1) });
const Uploaded = z.object({ upload_id: z.string() });
const Spent = z.object({ token: z.string() });
const Resumed = z.object({ next_action: z.object({ question: Question.nullable() }) });

/** What was done on the way. */
export interface Doings {
  answers: number; inWords: number; refused: number; amended: number; devices: number; ledBack: number; files: number;
}

export interface Played { readonly visit: Visit; readonly outcome: Outcome; readonly doings: Doings }

export interface Cast {
  /** The same person with another device: a credential of its own. */
  readonly visitor: (number: number) => Promise<Client>;
  readonly approvers: readonly [Client, Client];
  /** The link of the reminder that comes to a session of who is silent; null: here nobody leaves. */
  readonly reminderOf: ((sessionId: string) => Promise<string>) | null;
  readonly stop: AbortSignal;
}

/** Plays the visit. Throws PlainError on an answer that no visitor should get. */
export async function play(visit: Visit, cast: Cast): Promise<Played> {
  const visitor = new Visitor(visit, await cast.visitor(visit.number), cast);
  const session = await visitor.answerQuestions();
  const at = `/sessions/${session.session_id}`;
  if (visit.outcome === 'cancelled') await expected(visitor.client.post(`${at}/cancel/`, { reason: visit.reason }), 'cancel');
  if (visit.outcome === 'escalated') {
    await expected(visitor.client.post(`${at}/escalate/`, { reason: visit.reason, urgency: 'medium' }), 'escalate');
  }
  if (visit.stopAfter !== null) return { visit, outcome: visit.outcome, doings: visitor.doings };
  await proposed(visitor.client, at, cast.stop);
  if (visit.outcome === 'waiting') return { visit, outcome: 'waiting', doings: visitor.doings };
  const wanted = visit.outcome === 'modified' || visit.outcome === 'rejected' ? visit.outcome : 'completed';
  const outcome = await decideOn(at, wanted, { approvers: cast.approvers, again: () => proposed(visitor.client, at, cast.stop) });
  return { visit, outcome, doings: visitor.doings };
}

class Visitor {
  client: Client;
  readonly doings: Doings = { answers: 0, inWords: 0, refused: 0, amended: 0, devices: 1, ledBack: 0, files: 0 };
  private readonly visit: Visit;
  private readonly cast: Cast;

  constructor(visit: Visit, client: Client, cast: Cast) {
    this.visit = visit;
    this.client = client;
    this.cast = cast;
  }

  /** To the last question, or to where the person stops. */
  async answerQuestions(): Promise<Session> {
    const { visit } = this;
    const start = { flow: visit.flow, language: visit.language, client_context: { timezone: 'Asia/Kolkata' } };
    let session = Session.parse(await expected(this.client.post('/sessions/', start), 'start a session'));
    const first = session.question;
    for (let at = 0; session.question !== null && (visit.stopAfter === null || at < visit.stopAfter); at += 1) {
      session = await this.answer(session, session.question, at);
      if (at + 1 === visit.returnsAfter) session = await this.comeBack(session);
      if (at + 1 === visit.leavesAfter) session = await this.ledBack(session);
      if (at + 1 === visit.amendsAfter && session.question !== null && first !== null) session = await this.amend(session, first);
    }
    return session;
  }

  private async answer(session: Session, question: Question, at: number): Promise<Session> {
    const path = `/sessions/${session.session_id}/answers/`;
    if (this.visit.errs.includes(at)) await this.refused(path, { question_id: question.id, value: wrongFor(question) });
    const file = question.type === 'file' && this.visit.photographs.includes(question.id) ? await this.sendPicture(session, at) : null;
    const value = file ?? this.visit.answers[question.id] ?? (question.required ? anyFor(question) : null);
    const text = file === null && this.visit.speaks.includes(at) ? inWords(question, value, this.visit.language) : null;
    const said = text === null ? null : await this.client.post(path, { text });
    if (said?.status === 422) this.doings.refused += 1;
    const isTaken = said?.status === 200 && Taken.safeParse(said.body).success;
    if (isTaken) this.doings.inWords += 1;
    const reply = isTaken ? said : await this.client.post(path, { question_id: question.id, value });
    this.doings.answers += 1;
    return Session.parse(await expected(Promise.resolve(reply), `answer ${question.id}`));
  }

  /** Returns the id of the upload, which is the answer. */
  private async sendPicture({ session_id: id }: Session, at: number): Promise<string> {
    const content = await pictureOf(this.visit.number * 100 + at);
    const file = { kind: 'photo', name: `place-${at}.jpg`, type: 'image/jpeg', content } as const;
    const { upload_id: upload } = Uploaded.parse(await expected(this.client.upload(`/sessions/${id}/uploads/`, file), 'send a photo'));
    this.doings.files += 1;
    return upload;
  }

  private async refused(path: string, body: object): Promise<void> {
    const { status } = await this.client.post(path, body);
    if (status === 422) this.doings.refused += 1;
  }

  /** Saves where the person is, and goes on with another device. */
  private async comeBack(session: Session): Promise<Session> {
    const at = `/sessions/${session.session_id}`;
    await expected(this.client.post(`${at}/checkpoint/`, { ui_state: { screen: session.question?.id ?? 'end' }, label: 'Later' }), 'save');
    return this.resumedWith(await this.cast.visitor(this.visit.number), session);
  }

  /** Leaves without a word, and is reminded; the reminder's link is spent on a device that knows nothing. */
  private async ledBack(session: Session): Promise<Session> {
    if (this.cast.reminderOf === null) throw new Error('Somebody leaves where nobody is reminded.');
    const { hash } = new URL(await this.cast.reminderOf(session.session_id));
    const spent = this.client.with(null).post('/resume-links/spend/', { secret: hash.slice('#r='.length) });
    const { token } = Spent.parse(await expected(spent, 'spend a resume link'));
    this.doings.ledBack += 1;
    return this.resumedWith(this.client.with(token), session);
  }

  private async resumedWith(device: Client, session: Session): Promise<Session> {
    this.client = device;
    this.doings.devices += 1;
    const { next_action: next } = Resumed.parse(await expected(device.post(`/sessions/${session.session_id}/resume/`, {}), 'resume'));
    return { ...session, question: next.question };
  }

  private async amend(session: Session, first: Question): Promise<Session> {
    const reply = this.client.post(`/sessions/${session.session_id}/answers/`, { question_id: first.id, value: this.visit.amendment });
    this.doings.amended += 1;
    return Session.parse(await expected(reply, `correct ${first.id}`));
  }
}

const proposalMs = 120_000;

/** Until there is something to decide on. */
async function proposed(client: Client, at: string, stop: AbortSignal): Promise<void> {
  const deadline = performance.now() + proposalMs;
  for (;;) {
    const { state, notice } = Session.parse(await expected(client.get(`${at}/`), 'read the session'));
    if (state === 'awaiting_approval') return;
    if (notice !== null && notice !== undefined) {
      throw new PlainError(
        'A session waits for an operator, who finds its task under /admin/dlq/tasks/. ' +
          `Its person is told: ${notice.title}. ${notice.message}`,
      );
    }
    if (performance.now() > deadline) throw new PlainError(`A session is still ${state} after ${proposalMs / 1_000} s.`);
    await pause(200, undefined, { signal: stop });
  }
}

/** What people give by mistake. */
function wrongFor({ type }: Question): Json {
  const wrong: Readonly<Record<string, Json>> = {
    text: '', number: 0.5, boolean: 'maybe', single_choice: 'something_else', multi_choice: ['everything'], date: '2027-02-30',
    time_range: { start: '9', end: '25:00' }, email: 'not an address', file: 'photo.jpg',
  };
  return wrong[type] ?? null;
}

/** For a question that the plan does not know: a tenant may have published a flow of its own. */
function anyFor({ type, min, options }: Question): Json {
  const first = options[0]?.value ?? '';
  const any: Readonly<Record<string, Json>> = {
    text: 'As agreed', number: min ?? 10, boolean: true, single_choice: first, multi_choice: [first], date: '2027-03-01',
    time_range: { start: '09:00', end: '17:00' }, email: 'site@example.org',
  };
  return any[type] ?? null;
}

const Hours = z.object({ start: z.string(), end: z.string() });

const words = {
  en: { yes: 'yes please', no: 'no', skip: 'skip', to: 'to' },
  hi: { yes: 'हाँ', no: 'नहीं', skip: 'छोड़ दें', to: 'से' },
} as const;

/** As a person would say it; null for what nobody says in words. */
function inWords({ type, options }: Question, value: Json, language: Visit['language']): string | null {
  const { yes, no, skip, to } = words[language];
  const label = (value: Json): string | undefined => options.find((option) => option.value === value)?.label;
  if (value === null) return skip;
  if (typeof value === 'boolean') return value ? yes : no;
  if (type === 'single_choice') return label(value) ?? null;
  if (type === 'multi_choice' && Array.isArray(value)) return value.map(label).join(', ');
  const hours = Hours.safeParse(value);
  if (hours.success) return `${hours.data.start} ${to} ${hours.data.end}`;
  return typeof value === 'string' || typeof value === 'number' ? String(value) : null;
}
