/** What the service has of a session, as far as this tab knows it, and whether the service can be reached. */
import { signal, type Signal } from '@preact/signals';
import type { Answers, Session, SessionQuestions } from '../client/contract.ts';
import { problemOf, type RequestProblem } from '../client/problem.ts';
import type { Answer, Request } from '../client/request.ts';
import { together, type Given, type Standing } from './given.ts';

/** Between tries while nobody answers; the last counts for all that follow. */
const retryMs = [1_000, 2_000, 4_000, 8_000] as const;

/** After it somebody who does not answer counts as away: a person does not wait longer for the next question. */
export const patienceMs = 10_000;

export abstract class Known {
  readonly id: string;
  readonly request: Request;
  readonly texts: SessionQuestions;
  readonly session: Signal<Session>;
  /** As the service has them. */
  readonly answers = signal<Standing>({});
  readonly isOffline = signal(!navigator.onLine);
  /** The credential does not count any more. */
  readonly isShut = signal(false);
  readonly problem = signal<RequestProblem | null>(null);
  protected etag: string | null = null;
  /** What is asked is asked over it. */
  protected line = new AbortController();
  private version = -1;
  private tries = 0;
  private timer = 0;
  private refreshing: Promise<void> | null = null;

  constructor(request: Request, session: Answer<Session>, texts: SessionQuestions, answers: readonly Given[]) {
    this.id = session.body.session_id;
    this.request = request;
    this.texts = texts;
    this.session = signal(session.body);
    this.take(session);
    this.answers.value = together(answers);
  }

  /** The service has these answers now. */
  protected abstract receive(answers: Standing): void;

  /** What waits may go. */
  protected abstract drain(): Promise<void>;

  /** Reads the session and its answers again; while it does, one more call waits for the same reading and one after it. */
  async refresh(): Promise<void> {
    const under = this.refreshing;
    if (under !== null) await under;
    if (this.refreshing !== null && this.refreshing !== under) return this.refreshing;
    this.refreshing = this.read().finally(() => { this.refreshing = null; });
    return this.refreshing;
  }

  private async read(): Promise<void> {
    const { signal } = this.line;
    try {
      const session = await this.request<Session>('GET', `/sessions/${this.id}/`, { signal, patienceMs });
      const { body: { answers } } = await this.request<Answers>('GET', `/sessions/${this.id}/answers/`, { signal, patienceMs });
      this.reached();
      if (this.take(session)) this.receive(together(answers.filter(({ superseded }) => !superseded)));
    } catch (error) {
      if (signal.aborted) return;
      const problem = problemOf(error);
      if (problem.status === 401) this.isShut.value = true;
      else if (problem.isUnknown || problem.status === 429) this.cutOff();
      else this.problem.value = problem;
    }
  }

  /** False: it is older than what is known. */
  protected take({ body, etag }: Answer<Session>): boolean {
    const version = Number(/\d+/.exec(etag ?? '')?.[0] ?? -1);
    if (version !== -1 && version < this.version) return false;
    if (version !== -1) {
      this.version = version;
      this.etag = etag;
    }
    this.session.value = body;
    return true;
  }

  protected reached(): void {
    this.tries = 0;
    this.isOffline.value = false;
  }

  /** Tried again by itself, sooner when the browser says that it is connected. */
  protected cutOff(): void {
    this.isOffline.value = true;
    clearTimeout(this.timer);
    this.timer = window.setTimeout(() => { void this.wake(); }, retryMs[Math.min(this.tries, retryMs.length - 1)]);
    this.tries += 1;
  }

  /** The service may be there again. */
  async wake(): Promise<void> {
    clearTimeout(this.timer);
    await this.refresh();
    if (!this.isOffline.value) await this.drain();
  }

  /** As the browser tells: what is on its way over a line that is gone would be waited for until its time is over. */
  lineChanged(): void {
    this.line.abort();
    this.line = new AbortController();
    if (navigator.onLine) void this.wake();
    else this.isOffline.value = true;
  }

  /** POST below the session; what it answers is the session, or leads to a look at it. */
  async act<Body>(path: string, body: object, key: string): Promise<Body> {
    const answer = await this.request<Body>('POST', `/sessions/${this.id}/${path}/`, { body, key });
    await this.refresh();
    return answer.body;
  }

  close(): void {
    clearTimeout(this.timer);
  }
}
