/**
 * Live events of sessions. The session itself is the one source: a signal (or, while Redis is away, the clock) only makes a
 * stream ask it for what came after the last event it has sent. So an event is sent once and in order, whatever is missed,
 * and a reader that comes back by its last id gets exactly what it has not seen.
 */
import { z } from 'zod';
import { MessageRejected, type Actor, type SessionView } from '../domain/message.ts';
import type { SessionEvent } from '../domain/session-state.ts';
import { languageOf } from '../domain/reading/languages/index.ts';
import { fileWords } from '../domain/reading/languages/language.ts';
import { KeyUnavailableError } from '../encryption/sealer.ts';
import type { FlowRegistry } from '../flows/registry.ts';
import type { SessionListener } from '../stores/redis/session-signals.ts';
import { StoreUnavailableError } from '../stores/unavailable.ts';
import { eventText, type Stream } from './event-stream.ts';
import { iso, presentSession } from './presentation.ts';
import type { Call } from './call.ts';
import type { Sessions } from '../engine/sessions.ts';
import { SharedReads } from '../engine/shared-reads.ts';
import type { StreamPlaces } from './stream-places.ts';
import { SessionWire, time } from './wire.ts';
import { EngineUnavailableError } from '../engine/calls.ts';

/** Data of an event; `session` is the session as it is when the event is sent. */
export const StreamEventWire = z.object({
  sequence: z.number().int(), event: z.string().meta({ description: 'What happened; snapshot: nothing new, the session as a whole' }),
  at: time,
  message: z.string().optional().meta({ description: 'What to tell the person of an upload that takes longer, or was not taken' }),
  question_id: z.string().optional(), properties: z.record(z.string(), z.string()).optional(), session: SessionWire.optional(),
}).meta({ id: 'StreamEvent' });

export interface SessionStreamsOptions {
  readonly sessions: Pick<Sessions, 'events'>;
  readonly flows: FlowRegistry;
  readonly signals: Pick<SessionListener, 'listen' | 'isLive'>;
  readonly places: StreamPlaces;
  /** Pause before a session is asked again while no signals arrive. */
  readonly pollMs: number;
  readonly now: () => number;
}

/** A signal can be lost even while Redis is there; and so often the credential is looked at. */
const checkMs = 30_000;

export class SessionStreams {
  private readonly options: SessionStreamsOptions;
  private readonly reads: Reads = new SharedReads<Gathered>();

  constructor(options: SessionStreamsOptions) {
    this.options = options;
  }

  /**
   * The stream for a reader, or null when the session has ended and the reader has all of it. Throws as a reading of the
   * session does, and `rate_limited` or `too_many_streams` when it would be one stream too many.
   */
  async follow(call: Call, sessionId: string): Promise<{ readonly stream: Stream | null; readonly owner: string }> {
    this.options.places.take(call);
    const bell = new Bell();
    call.onEnd(this.options.signals.listen({ tenant: call.actor.tenant, session_id: sessionId }, () => { bell.ring(); }));
    const following = new Following(this.options, this.reads, call, sessionId, bell);
    const owner = await following.begin();
    return { owner, stream: following.hasMore ? (write, signal) => following.run(write, signal) : null };
  }
}

/** What came after a sequence, as it is sent. */
interface Gathered {
  readonly texts: readonly string[];
  readonly last: number;
  readonly owner: string;
  readonly ended: boolean;
}
type Reads = SharedReads<Gathered>;

/** One reader of one session. */
class Following {
  private readonly options: SessionStreamsOptions;
  private readonly reads: Reads;
  private readonly call: Call;
  private readonly sessionId: string;
  private readonly bell: Bell;
  private unsent: readonly string[] = [];
  private sent = 0;
  private ended = false;
  /** The session could not be asked last time. */
  private failed = false;

  constructor(options: SessionStreamsOptions, reads: Reads, call: Call, sessionId: string, bell: Bell) {
    this.options = options;
    this.reads = reads;
    this.call = call;
    this.sessionId = sessionId;
    this.bell = bell;
  }

  get hasMore(): boolean { return !this.ended || this.unsent.length > 0; }

  /** Asks before the answer has begun, so that a refusal is an answer of its own. Returns the session's owner. */
  async begin(): Promise<string> {
    return this.ask(sequenceOf(this.call.lastEventId));
  }

  /** Sends until the session has ended, the reader has gone or its credential counts no more. */
  async run(write: (text: string) => void, signal: AbortSignal): Promise<void> {
    let checked = this.options.now();
    for (;;) {
      for (const text of this.unsent) write(text);
      this.unsent = [];
      if (this.ended || signal.aborted) return;
      await this.bell.next(Math.min(this.pauseMs(), this.call.expiresAt - this.options.now()), signal);
      const now = this.options.now();
      if (now >= this.call.expiresAt || signal.aborted) return;
      if (now - checked >= checkMs) {
        // what cannot be looked up just now does not count: the reader comes back and is told why
        if (!await this.call.stillCounts().catch(() => false)) return;
        checked = now;
      }
      if (!await this.askAgain()) return;
    }
  }

  private pauseMs(): number {
    return this.options.signals.isLive && !this.failed ? checkMs : this.options.pollMs;
  }

  /** false: there is nothing left to follow. While a store is away the stream stays and asks again. */
  private async askAgain(): Promise<boolean> {
    try {
      await this.ask(this.sent);
      this.failed = false;
    } catch (error) {
      if (error instanceof MessageRejected) return false;
      if (!(error instanceof EngineUnavailableError || error instanceof StoreUnavailableError || error instanceof KeyUnavailableError)) {
        throw error;
      }
      this.failed = true;
    }
    return true;
  }

  /** What one person asks of one session by many streams at once is asked once. */
  private async ask(after: number | null): Promise<string> {
    const { actor } = this.call;
    const gathered = await this.reads.read(
      JSON.stringify([actor, this.sessionId, after]), () => gather(this.options, actor, this.sessionId, after),
    );
    this.unsent = gathered.texts;
    this.sent = gathered.last;
    this.ended = gathered.ended;
    return gathered.owner;
  }
}

/** The whole session when there is no sequence, or not all that came after it is kept. */
async function gather(
  { sessions, flows }: SessionStreamsOptions, actor: Actor, sessionId: string, after: number | null,
): Promise<Gathered> {
  let read = await sessions.events(actor, sessionId, after ?? 0);
  const whole = after === null || !read.complete;
  // the newest event tells where the session is, and is among those after 0
  if (whole && after !== null) read = await sessions.events(actor, sessionId, 0);
  const { events, view } = read;
  const base = { owner: view.owner, ended: view.ended_at !== null };
  const newest = events.at(-1);
  if (newest === undefined) return { ...base, texts: [], last: after ?? 0 };
  const session = await presentSession(flows, view, false);
  const texts = whole ? [snapshot(newest, view, session)] : events.map((event) => textOf(event, session));
  return { ...base, last: newest.sequence, texts };
}

type StreamEvent = z.input<typeof StreamEventWire>;
type Session = NonNullable<StreamEvent['session']>;

function snapshot(newest: SessionEvent, view: SessionView, session: Session): string {
  const data: StreamEvent = { sequence: newest.sequence, event: 'snapshot', at: iso(view.last_activity_at), session };
  return eventText({ id: newest.sequence, name: 'state', data });
}

function textOf(event: SessionEvent, session: Session): string {
  const { sequence, at, event: what, question_id: question, properties } = event;
  const name = nameOf(event);
  const data: StreamEvent = {
    sequence, event: what, at: iso(at), ...(question === '' ? {} : { question_id: question }),
    ...(Object.keys(properties).length === 0 ? {} : { properties: { ...properties } }),
    ...(name === 'upload' ? ofAFile(properties, session.language) : {}), ...(name === 'checkpoint' ? {} : { session }),
  };
  return eventText({ id: sequence, name, data });
}

/** In the session's language; nothing where all goes as it should. */
function ofAFile({ status, reason }: SessionEvent['properties'], language: string): { message?: string } {
  const word = fileWords.find((known) => known === status || known === reason);
  return word === undefined ? {} : { message: languageOf(language).speech.files[word] };
}

/** What came of an answer. */
const ofAQuestion: ReadonlySet<string> = new Set([
  'question_answered', 'answer_amended', 'answer_refused', 'answers_restored', 'question_clarified', 'question_not_skipped', 'help_given',
]);

/** The five names of the contract. What a client itself reported changes nothing and is told as state. */
function nameOf({ event, properties }: SessionEvent): 'state' | 'question' | 'checkpoint' | 'recommendation' | 'upload' {
  if (properties['origin'] === 'client') return 'state';
  if (ofAQuestion.has(event)) return 'question';
  if (event === 'checkpoint_created') return 'checkpoint';
  if (event === 'upload') return 'upload';
  return event === 'state_changed' && properties['to'] === 'awaiting_approval' ? 'recommendation' : 'state';
}

/** `"12"` → 12; null for anything that no event of ours has as its id. */
function sequenceOf(lastEventId: string | null): number | null {
  return lastEventId !== null && /^\d{1,15}$/.test(lastEventId) ? Number(lastEventId) : null;
}

/** Rung any number of times while nobody waits, it counts once: at most one question is under way and one follows. */
class Bell {
  private rung = false;
  private wake: (() => void) | null = null;

  ring(): void {
    this.rung = true;
    this.wake?.();
  }

  async next(timeoutMs: number, signal: AbortSignal): Promise<void> {
    if (!this.rung && !signal.aborted) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, Math.max(timeoutMs, 0));
      this.wake = resolve;
      signal.addEventListener('abort', this.wake, { once: true });
      await promise;
      signal.removeEventListener('abort', this.wake);
      clearTimeout(timer);
      this.wake = null;
    }
    this.rung = false;
  }
}
