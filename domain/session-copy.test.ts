/** What the archive puts together of the copies that it is told is the session as it was told, whatever happened in between. */
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parseExpression } from './expression.ts';
import type { FlowRules, QuestionRule } from './flow.ts';
import { jsonBytes, type Json } from './json.ts';
import { MessageRejected, type Message } from './message.ts';
import { OnboardingSession } from './session.ts';
import { LastCopy, wholeCopies, type SessionCopies, type ToldCopies } from './session-copy.ts';
import type { SessionState } from './session-state.ts';

const question = (id: string, type: QuestionRule['type'], when: string | null = null): QuestionRule => ({
  id, type, required: true, pii: false, integer: false, when: when === null ? null : parseExpression(when).expression, options: [],
  min: null, max: null, pattern: null,
});
const rules: FlowRules = {
  id: 'copied', version: 1, questions: [
    question('damaged', 'boolean'), question('photo', 'file', 'damaged == true'), question('floor', 'text'),
    question('stairs', 'text', "floor == 'upper'"), question('remarks', 'text'),
  ],
};
const upload = '6f9f0c5e-0000-4000-8000-000000000001';

let messages = 0;
function message<Body>(body: Body): Message<Body> {
  messages += 1;
  return {
    id: `m${messages}`, fingerprint: `f${messages}`, actor: { tenant: 'acme', subject: 'ana', roles: ['user'] }, correlation_id: 'c',
    if_match: null, body,
  };
}

function begun(of: FlowRules = rules): OnboardingSession {
  return OnboardingSession.open(of, {
    session_id: 's', tenant: 'acme', owner: 'ana', language: 'en', segment: 'first_time', correlation_id: 'c', client_context: {},
  }, 1_000);
}

type Act = (session: OnboardingSession, now: number) => void;
const answer = (id: string, value: Json): Act => (session, now) => { session.answer(message({ question_id: id, value }), null, now); };
const told = (status: 'quarantined' | 'clean' | 'rejected'): Act => (session, now) => {
  session.noteUpload({ upload_id: upload, object_id: upload, kind: 'photo', status, reason: null }, now);
};
/** As a workflow does it: what is refused leaves nothing behind. */
const acts: Readonly<Record<string, Act>> = {
  damaged: answer('damaged', true), whole: answer('damaged', false), photo: answer('photo', upload),
  upper: answer('floor', 'upper'), cellar: answer('floor', 'cellar'), stairs: answer('stairs', 'two'), remarks: answer('remarks', '🙂 ok'),
  refused: answer('damaged', 'nonsense'), waiting: told('quarantined'), clean: told('clean'), rejected: told('rejected'),
  saved: (session, now) => {
    const saving = message({ label: 'here', ui_state: { at: now }, force: true });
    session.checkCheckpoint(saving);
    session.saveCheckpoint(saving, now);
  },
  back: (session, now) => {
    const resuming = message({ version: session.state.checkpoints[0]?.version ?? null, current: null, ui_state: null });
    session.checkResume(resuming);
    session.resume(resuming, now);
  },
  event: (session, now) => { session.addClientEvent(message({ event: 'opened_help', properties: { at: '1' }, occurred_at: null }), now); },
  escalated: (session, now) => {
    const escalating = message({ reason: 'x', urgency: 'low' as const });
    session.checkEscalate(escalating);
    session.escalate(escalating, now);
  },
  idle: (session, now) => { session.checkIdle(now + 1e9, 1, 1e12); },
  parked: (session, now) => {
    session.park({ task_id: 't', step: { kind: 'propose', number: 1, provider: 'rules' }, category: 'network', parked_at: now,
      fallback_at: null }, now);
  },
};

/** The archive, and what a run knows of it. */
class Copies {
  state: SessionState | null = null;
  last = new LastCopy();
  told: ToldCopies[] = [];

  tell(session: OnboardingSession, unsaved = session.unsaved()): SessionCopies | null {
    const one = throughJson(this.last.next(session.state, session.view(), unsaved));
    this.told.push(one);
    const whole = wholeCopies(one, this.state);
    if (whole === null) return null;
    session.saved(unsaved.events.at(-1)?.sequence ?? 0, unsaved.checkpoints.at(-1)?.version ?? 0);
    this.state = throughJson(whole.state);
    return whole;
  }
}

function throughJson<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T;
}

/** As it is to be in the archive. */
const asTold = (session: OnboardingSession): SessionState => throughJson({ ...session.state, unsaved: { events: [], checkpoints: [] } });

const step = fc.constantFrom(...Object.keys(acts), 'copy', 'copy', 'copy', 'copy', 'new run', 'repeat');

test('after any acts, copies and new runs the archive has the state that was told, and a copy that is told twice changes nothing', () => {
  let changes = 0;
  fc.assert(fc.property(fc.array(step, { maxLength: 80, size: 'max' }), (steps) => {
    let session = begun();
    const copies = new Copies();
    for (const [at, name] of ['copy', ...steps, 'copy'].entries()) {
      const now = 2_000 + at * 1_000;
      if (name === 'copy') {
        const expected = asTold(session);
        copies.tell(session);
        expect(copies.state).toEqual({ ...expected, copy: session.state.copy });
        if ('changes' in (copies.told.at(-1) ?? {})) changes += 1;
      } else if (name === 'new run') {
        session = OnboardingSession.restore(rules, throughJson(session.state));
        copies.last = new LastCopy();
      } else if (name === 'repeat') {
        const last = copies.told.at(-1);
        if (last !== undefined) expect(wholeCopies(last, copies.state)?.state).toEqual(copies.state);
      } else {
        try {
          acts[name]?.(session, now);
        } catch (error) {
          if (!(error instanceof MessageRejected)) throw error;
        }
      }
    }
  }), { numRuns: 100 });
  // of copies that were all whole nothing would be known
  expect(changes).toBeGreaterThan(200);
});

test('what goes on from a copy that the archive does not have is put on no other, and the whole state is told next', () => {
  const session = begun();
  const copies = new Copies();
  copies.tell(session);
  const old = copies.state;
  acts['whole']?.(session, 2_000);
  copies.tell(session);
  const known = copies.state;
  // a backup was brought back: it knows one copy less
  copies.state = old;
  acts['upper']?.(session, 3_000);
  expect(copies.tell(session)).toBeNull();
  // or there is none
  copies.state = null;
  expect(copies.tell(session)).toBeNull();
  copies.last.forget();
  expect(copies.tell(session)?.state.answers).toHaveLength(2);
  expect(copies.state).toEqual({ ...asTold(session), listed: expect.anything() });
  // the same revision of a run that went another way since has another name
  const other = OnboardingSession.restore(rules, throughJson(known ?? session.state));
  acts['cellar']?.(other, 3_000);
  const elsewhere = new Copies();
  elsewhere.tell(other);
  copies.state = elsewhere.state;
  acts['stairs']?.(session, 4_000);
  expect(copies.tell(session)).toBeNull();
});

test('events that do not all fit into one copy are all there after the next', () => {
  const session = begun();
  const copies = new Copies();
  for (let at = 0; at < 60; at += 1) acts['event']?.(session, 2_000 + at);
  // whole, and so with newest events of which it does not tell yet
  copies.tell(session, { events: session.unsaved().events.slice(0, 9), checkpoints: [] });
  acts['saved']?.(session, 3_000);
  const { events, checkpoints } = session.unsaved();
  copies.tell(session, { events: [], checkpoints });
  copies.tell(session, { events: events.slice(0, 7), checkpoints: [] });
  expect(session.state.unsaved.events).toHaveLength(events.length - 7);
  copies.tell(session);
  expect(copies.state).toEqual({ ...asTold(session), listed: expect.anything() });
  expect(session.state.unsaved).toEqual({ events: [], checkpoints: [] });
});

test('of what a session keeps only the newest of, the archive has the same', () => {
  const session = begun();
  const copies = new Copies();
  for (let at = 0; at < 70; at += 1) {
    acts['saved']?.(session, 2_000 + at);
    if (at % 3 === 0) copies.tell(session);
  }
  copies.tell(session);
  expect(session.state.ui_states[0]?.[0]).toBeGreaterThan(2);
  expect(copies.state).toEqual({ ...asTold(session), listed: expect.anything() });
});

test('after a hundred answers a copy of one more takes at most 3 × the bytes of what is new, and 1 KB', () => {
  const many: FlowRules = { ...rules, questions: Array.from({ length: 120 }, (_, at) => question(`question_${at}`, 'text')) };
  const session = begun(many);
  const copies = new Copies();
  for (let at = 0; at < 100; at += 1) {
    session.answer(message({ question_id: `question_${at}`, value: `what was said to ${at}` }), null, 2_000 + at);
    if (at % 5 === 4) {
      session.checkpoint('auto', 2_000 + at);
      copies.tell(session);
    }
  }
  session.answer(message({ question_id: 'question_100', value: 'and one more' }), null, 3_000);
  session.checkpoint('auto', 3_000);
  const { events, checkpoints } = session.unsaved();
  copies.tell(session);
  const one = copies.told.at(-1);
  const fresh = jsonBytes([...events, ...checkpoints, session.state.answers.at(-1)]);
  expect(jsonBytes(one)).toBeLessThanOrEqual(3 * fresh + 1_024);
  // all of it is more than that, or this would show nothing
  expect(jsonBytes(copies.state)).toBeGreaterThan(5 * (3 * fresh + 1_024));
});
