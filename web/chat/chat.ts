/** One person's session in this tab: what is known of it, what was given and not taken yet, and what came between. */
import { computed, signal } from '@preact/signals';
import { sameValue, type Json } from '../../domain/json.ts';
import type { Answered, AskedQuestion, Session, SessionQuestions } from '../client/contract.ts';
import { problemOf, type RequestProblem } from '../client/problem.ts';
import type { Answer, Request } from '../client/request.ts';
import { keep, kept } from './access.ts';
import { draftOf, saidBy, type Draft } from './draft.ts';
import { after, open, type Given, type Standing } from './given.ts';
import { Known, patienceMs } from './known.ts';
import { Waiting, type Content, type Message } from './waiting.ts';

/** Said on this device and on another, and not the same. */
export interface Conflict {
  readonly question: AskedQuestion;
  readonly message: Message;
  /** undefined: the question is not asked any more. */
  readonly theirs: Json | undefined;
}

/** What of the words was understood, until the person has said whether it is right. */
export interface Understood { readonly question: AskedQuestion; readonly display: string }

/** shut: the credential counts no more; what was said waits for the next link. */
type Delivery = 'done' | 'later' | 'held' | 'shut' | 'stopped';

/** A message that is refused for its version again and again meets somebody who types faster than we read. */
const versionsTried = 5;
/** Words of the clerk that are shown; older ones are gone. */
const notesMost = 20;

export class Chat extends Known {
  readonly drafts = signal<Readonly<Record<string, Draft>>>({});
  readonly waiting: Waiting;
  /** On its way for the first time: its form waits for it. */
  readonly sending = signal<Message | null>(null);
  readonly conflict = signal<Conflict | null>(null);
  readonly refused = signal<{ readonly question_id: string; readonly problem: RequestProblem } | null>(null);
  readonly understood = signal<Understood | null>(null);
  readonly notes = signal<readonly string[]>([]);
  /** Whoever has just sent goes on at the next question; anything else leaves the focus where it is. */
  readonly mayMoveFocus = signal(false);
  private held = new Set<string>();
  private isDraining = false;
  private readonly draftsKey: string;

  constructor(request: Request, session: Answer<Session>, texts: SessionQuestions, answers: readonly Given[]) {
    super(request, session, texts, answers);
    this.draftsKey = `gangway.drafts.${this.id}`;
    this.drafts.value = JSON.parse(kept(this.draftsKey) ?? '{}') as Record<string, Draft>;
    this.waiting = new Waiting(this.id, texts.questions, (what) => { void (what === 'more' ? this.drain() : this.refresh()); });
  }

  /** Answers that count, with those that wait as if they had been taken. */
  readonly standing = computed(() => {
    const late = this.waiting.messages.value.flatMap(({ question_id, content }) => (
      'value' in content ? [{ question_id, value: content.value }] : []
    ));
    return after(this.texts.questions, this.answers.value, late);
  });

  /** Words that wait: what comes next is known when they have been read. */
  readonly unread = computed(() => this.waiting.messages.value.flatMap(({ question_id: id, content }) => {
    const question = this.question(id);
    return 'text' in content && question !== undefined ? [{ question, text: content.text }] : [];
  }));

  private readonly open = computed(() => (
    this.unread.value.length > 0 ? null : open(this.texts.questions, this.standing.value)
  ));

  readonly isComplete = computed(() => this.open.value?.length === 0);

  /** null: nothing is asked now. */
  readonly current = computed(() => {
    const { ended_at: ended, state } = this.session.value;
    return ended !== null || state === 'escalated' ? null : this.open.value?.[0] ?? null;
  });

  question(id: string): AskedQuestion | undefined {
    return this.texts.questions.find((question) => question.id === id);
  }

  draft(id: string, draft: Draft): void {
    this.drafts.value = { ...this.drafts.value, [id]: draft };
    this.keepDrafts();
  }

  private forget(id: string): void {
    const { [id]: _, ...rest } = this.drafts.value;
    this.drafts.value = rest;
    this.keepDrafts();
  }

  /** What is typed survives a reload, but for personal data. */
  private keepDrafts(): void {
    keep(this.draftsKey, JSON.stringify(Object.fromEntries(
      Object.entries(this.drafts.value).filter(([id]) => this.question(id)?.pii === false),
    )));
  }

  // ---- giving an answer ------------------------------------------------------------------------------------------------

  /** Resolves when it was taken, refused, or waits. */
  async give(question: AskedQuestion, content: Content): Promise<void> {
    if (this.sending.value !== null) return;
    const before = this.standing.value[question.id];
    const message = { id: crypto.randomUUID(), question_id: question.id, content, ...(before === undefined ? {} : { seen: before }) };
    this.refused.value = null;
    this.problem.value = null;
    this.mayMoveFocus.value = true;
    if (this.isOffline.value || this.waiting.messages.value.length > 0) {
      this.put(message);
      await this.drain();
      return;
    }
    this.sending.value = message;
    const delivery = await this.deliver(message);
    if (delivery === 'later' || delivery === 'held' || delivery === 'shut') this.put(message);
    this.sending.value = null;
    if (delivery === 'later') this.cutOff();
  }

  private put(message: Message): void {
    this.held.clear();
    this.waiting.add(message);
    this.forget(message.question_id);
  }

  /** Sends what waits, one after the other, until nothing does or the service cannot be reached. */
  async drain(): Promise<void> {
    if (this.isDraining || this.conflict.value !== null) return;
    this.isDraining = true;
    try {
      for (;;) {
        const message = this.waiting.messages.value.find(({ id }) => !this.held.has(id));
        if (message === undefined) return;
        const delivery = await this.deliver(message);
        if (delivery === 'done') {
          this.waiting.settle(message.id);
          this.held.clear();
        } else if (delivery === 'held') this.held.add(message.id);
        else {
          if (delivery === 'later') this.cutOff();
          return;
        }
      }
    } finally {
      this.isDraining = false;
    }
  }

  private async deliver(message: Message): Promise<Delivery> {
    const { id, question_id, content } = message;
    const { signal } = this.line;
    for (let tried = 0; tried < versionsTried; tried += 1) {
      try {
        const body = 'text' in content ? { text: content.text, message_id: id } : { question_id, value: content.value, message_id: id };
        const path = `/sessions/${this.id}/answers/`;
        this.taken(message, await this.request<Answered>('POST', path, {
          body, ifMatch: this.etag, signal, ...('text' in content ? {} : { patienceMs }),       // words may need a model
        }));
        return 'done';
      } catch (error) {
        const problem = problemOf(error);
        if (problem.isUnknown || problem.status === 429) return 'later';
        if (problem.status === 401) {
          this.isShut.value = true;
          return 'shut';
        }
        if (problem.status !== 412 && problem.code !== 'not_asked') {
          this.refuse(message, problem);
          return 'done';
        }
        await this.refresh();
        if (this.isContradicted(message)) return 'stopped';
        if (problem.code === 'not_asked') return 'held';
      }
    }
    return 'later';
  }

  /** What was said stands in its form again, also when it had waited. */
  private refuse({ question_id: id, content }: Message, problem: RequestProblem): void {
    this.refused.value = { question_id: id, problem };
    this.mayMoveFocus.value = false;
    const question = this.question(id);
    if (question === undefined || this.drafts.value[id] !== undefined || !('value' in content)) return;
    this.draft(id, draftOf(question, content.value));
  }

  private taken({ question_id: id, content }: Message, answer: Answer<Answered>): void {
    const { accepted, understood, reply } = answer.body;
    this.reached();
    this.take(answer);
    const question = this.question(id);
    if (accepted.length === 0) {
      this.note(reply);
      return;
    }
    this.notes.value = [];
    this.forget(id);
    this.answers.value = after(this.texts.questions, this.answers.value, accepted);
    const [first] = understood;
    if ('text' in content && question !== undefined && first?.question_id === id) {
      this.understood.value = { question, display: first.display };
    }
  }

  // ---- two devices -----------------------------------------------------------------------------------------------------

  /** Another device has said something else since. What was said here is kept until the person has chosen. */
  private isContradicted(message: Message): boolean {
    const { question_id: id, content, seen } = message;
    const question = this.question(id);
    const { [id]: theirs } = this.answers.value;
    const isGone = theirs === undefined && question !== undefined && !this.mayBeAsked(question);
    const isSame = theirs !== undefined
      && (('value' in content && sameValue(theirs, content.value)) || (seen !== undefined && sameValue(theirs, seen)));
    if (question === undefined || isSame || (theirs === undefined && !isGone)) return false;
    this.conflict.value = { question, message, theirs };
    return true;
  }

  private mayBeAsked({ id }: AskedQuestion): boolean {
    return open(this.texts.questions, this.standing.value).some((each) => each.id === id) || Object.hasOwn(this.standing.value, id);
  }

  useNewer(): void {
    const { conflict } = this;
    if (conflict.value === null) return;
    this.forget(conflict.value.question.id);
    this.waiting.settle(conflict.value.message.id);
    conflict.value = null;
    this.mayMoveFocus.value = true;
    void this.drain();
  }

  /** As a change of what the other device has said. */
  keepMine(): void {
    const { conflict } = this;
    if (conflict.value === null) return;
    const { message: { id, content, question_id }, theirs } = conflict.value;
    this.waiting.settle(id);
    conflict.value = null;
    this.mayMoveFocus.value = true;
    const value = 'text' in content ? content.text : content.value;
    this.put({ id: crypto.randomUUID(), question_id, content: { value }, ...(theirs === undefined ? {} : { seen: theirs }) });
    void this.drain();
  }

  /** Somebody else may have answered what is being typed here. */
  protected receive(answers: Standing): void {
    const before = this.current.value;
    this.answers.value = answers;
    if (before === null || this.sending.value !== null || this.conflict.value !== null) return;
    const said = saidBy(before, this.drafts.value[before.id] ?? {});
    if (said === null || this.waiting.messages.value.some(({ question_id: id }) => id === before.id)) return;
    this.isContradicted({ id: crypto.randomUUID(), question_id: before.id, content: said });
  }

  /** What the service has to tell beside questions. */
  note(words: string): void {
    this.notes.value = [...this.notes.value, words].slice(-notesMost);
  }

  /** The same session was shown here under another link: what was typed and what waits goes on. */
  adopt({ drafts, waiting }: Chat): void {
    this.drafts.value = drafts.value;
    for (const message of waiting.messages.value) this.waiting.add(message);
    void this.drain();
  }

  override close(): void {
    super.close();
    this.waiting.close();
  }
}
