/**
 * Answers that could not be sent yet, in the order of the flow, one a question. All tabs of the browser have the same ones. Those to
 * questions about personal data are in memory alone; the others survive a reload of their tab.
 */
import { signal } from '@preact/signals';
import type { Json } from '../../domain/json.ts';
import type { AskedQuestion } from '../client/contract.ts';
import { keep, kept } from './access.ts';

export type Content = { readonly value: Json } | { readonly text: string };

export interface Message {
  /** Fixed when it is given: however often it is sent, and by whichever tab, it counts once. */
  readonly id: string;
  readonly question_id: string;
  readonly content: Content;
  /** The answer that stood when it was given; absent: none did. */
  readonly seen?: Json;
}

/** What tabs tell each other. */
type Told = { readonly hello: true } | { readonly waiting: readonly Message[] } | { readonly settled: string };

/** Ids that are remembered as settled, so that a tab that is late does not bring them back. */
const settledMost = 500;

export class Waiting {
  readonly messages = signal<readonly Message[]>([]);
  private readonly questions: readonly AskedQuestion[];
  private readonly key: string;
  private readonly channel: BroadcastChannel;
  private readonly settled: string[] = [];

  /** `onNews`: another tab has something to send, or has sent it. */
  constructor(sessionId: string, questions: readonly AskedQuestion[], onNews: (what: 'more' | 'settled') => void) {
    this.questions = questions;
    this.key = `gangway.unsent.${sessionId}`;
    this.merge(JSON.parse(kept(this.key) ?? '[]') as Message[]);
    this.channel = new BroadcastChannel(`gangway.${sessionId}`);
    this.channel.addEventListener('message', ({ data }: MessageEvent<Told>) => {
      if ('hello' in data) this.tell({ waiting: this.messages.value });
      else if ('settled' in data) {
        this.drop(data.settled);
        onNews('settled');
      } else if (this.merge(data.waiting)) onNews('more');
    });
    this.tell({ hello: true });
  }

  add(message: Message): void {
    this.merge([message]);
    this.tell({ waiting: [message] });
  }

  /** It was taken, refused or given up. */
  settle(id: string): void {
    this.drop(id);
    this.tell({ settled: id });
  }

  close(): void {
    this.channel.close();
  }

  private tell(what: Told): void {
    this.channel.postMessage(what);
  }

  private merge(more: readonly Message[]): boolean {
    const news = more.filter(({ id }) => !this.settled.includes(id) && !this.messages.value.some((known) => known.id === id));
    if (news.length === 0) return false;
    const asked = new Set(news.map(({ question_id: id }) => id));
    const all = [...this.messages.value.filter(({ question_id: id }) => !asked.has(id)), ...news];
    this.put(this.questions.flatMap(({ id }) => all.filter(({ question_id: of }) => of === id)));
    return true;
  }

  private drop(id: string): void {
    this.settled.push(id);
    if (this.settled.length > settledMost) this.settled.shift();
    this.put(this.messages.value.filter((message) => message.id !== id));
  }

  private put(messages: readonly Message[]): void {
    this.messages.value = messages;
    const personal = new Set(this.questions.filter(({ pii }) => pii).map(({ id }) => id));
    keep(this.key, JSON.stringify(messages.filter(({ question_id: id }) => !personal.has(id))));
  }
}
