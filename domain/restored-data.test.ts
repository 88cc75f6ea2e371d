/**
 * Whatever was done in between, a resume to a version gives what counted then: amendments, branches that open and close, files that
 * come, are judged and go, checkpoints, returns, and new runs, in random order, against a plain model that knows none of our code.
 */
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parseExpression } from './expression.ts';
import type { FlowRules, QuestionRule } from './flow.ts';
import type { Json } from './json.ts';
import { MessageRejected, type Message } from './message.ts';
import { OnboardingSession } from './session.ts';
import type { SessionState } from './session-state.ts';
import type { UploadNote } from './upload.ts';

const question = (id: string, type: QuestionRule['type'], when: string | null, required = true): QuestionRule => ({
  id, type, required, pii: false, integer: false, when: when === null ? null : parseExpression(when).expression, options: [],
  min: null, max: null, pattern: null,
});
const rules: FlowRules = {
  id: 'survey', version: 1,
  questions: [
    question('damaged', 'boolean', null), question('photo', 'file', 'damaged == true'), question('caption', 'text', 'photo != null'),
    question('floor', 'text', null), question('stairs', 'text', "floor == 'upper'"), question('plan', 'file', null, false),
    question('remarks', 'text', null),
  ],
};
const files = ['photo', 'plan'];
const uuid = (at: number): string => `6f9f0c5e-0000-4000-8000-${String(at).padStart(12, '0')}`;

type Said = Readonly<Record<string, Json>>;
type Step =
  | { readonly kind: 'answer'; readonly id: string; readonly value: Json }
  /** Whatever is asked. */
  | { readonly kind: 'next'; readonly pick: number }
  | { readonly kind: 'upload'; readonly at: number; readonly status: UploadNote['status'] }
  | { readonly kind: 'save' } | { readonly kind: 'new_run' } | { readonly kind: 'newest' }
  | { readonly kind: 'back'; readonly share: number };

const uploads = 3;
const upload = fc.integer({ min: 1, max: uploads });
const answered = (id: string, value: fc.Arbitrary<Json>) => fc.record({
  kind: fc.constant('answer' as const), id: fc.constant(id), value,
});
const text = fc.constantFrom<Json>('upper', 'lower', 'cellar');
const file = fc.oneof<fc.Arbitrary<Json>[]>(upload.map(uuid), fc.constant(null));
const judged = fc.record({
  kind: fc.constant('upload' as const), at: upload,
  status: fc.constantFrom<UploadNote['status']>('quarantined', 'clean', 'rejected', 'deleted'),
});
/** Of whole numbers: of doubles most are next to nothing, and nearly every return would be to the first version. */
const share = fc.integer({ min: 0, max: 999 }).map((thousandths) => thousandths / 1_000);
const back = fc.record({ kind: fc.constant('back' as const), share });
const next = fc.record({ kind: fc.constant('next' as const), pick: upload });
const step: fc.Arbitrary<Step> = fc.oneof(
  judged, judged, judged,
  answered('damaged', fc.boolean()), answered('floor', text), answered('stairs', text), answered('caption', text),
  answered('remarks', text), answered('photo', file), answered('photo', file), answered('plan', file),
  fc.constant<Step>({ kind: 'save' }), fc.constant<Step>({ kind: 'new_run' }), fc.constant<Step>({ kind: 'newest' }),
  back, next, next, next, next,
);
/** From here every question can be reached. */
const begun: readonly Step[] = [
  { kind: 'upload', at: 1, status: 'quarantined' }, { kind: 'answer', id: 'damaged', value: true },
  { kind: 'answer', id: 'photo', value: uuid(1) }, { kind: 'answer', id: 'caption', value: 'lower' },
  { kind: 'answer', id: 'floor', value: 'upper' }, { kind: 'answer', id: 'stairs', value: 'cellar' },
  { kind: 'save' },
];
const steps = fc.array(step, { maxLength: 80, size: 'max' }).map((more) => [...begun, ...more]);

const ranks: Readonly<Record<UploadNote['status'], number>> = { quarantined: 0, clean: 1, rejected: 1, deleted: 2 };

/** What a person would say counts, by the flow above and nothing else. */
class Model {
  private said: Said = {};
  private readonly statuses = new Map<Json, UploadNote['status']>();
  private readonly tries = new Map<string, number>();

  get counts(): Said { return this.said; }

  isGone(uploadId: Json): boolean { return ['rejected', 'deleted'].includes(this.statuses.get(uploadId) ?? ''); }

  answer(id: string, value: Json): void { this.settle({ ...this.said, [id]: value }); }

  /** Which try to send it this is: what has gone may be sent anew under its id. */
  tryOf(id: string, status: UploadNote['status']): number {
    return (this.tries.get(id) ?? 0) + (status === 'quarantined' && this.isGone(id) ? 1 : 0);
  }

  upload(id: string, status: UploadNote['status']): void {
    const known = this.statuses.get(id);
    const isAnew = this.tryOf(id, status) > (this.tries.get(id) ?? 0);
    this.tries.set(id, this.tryOf(id, status));
    if (!isAnew && known !== undefined && ranks[status] <= ranks[known]) return;
    this.statuses.set(id, status);
    this.settle(this.said);
  }

  goBack(then: Said): void { this.settle(then); }

  private settle(said: Said): void {
    const kept = Object.fromEntries(Object.entries(said).filter(([id, value]) => !files.includes(id) || !this.isGone(value)));
    if (kept['damaged'] !== true) delete kept['photo'];
    if (kept['photo'] === undefined) delete kept['caption'];
    if (kept['floor'] !== 'upper') delete kept['stairs'];
    this.said = kept;
  }
}

interface Then { readonly counts: Said; readonly current: readonly number[] }

let messages = 0;
function message<Body>(body: Body): Message<Body> {
  messages += 1;
  return {
    id: `m${messages}`, fingerprint: `f${messages}`, actor: { tenant: 'acme', subject: 'ana', roles: ['user'] }, correlation_id: 'c',
    if_match: null, body,
  };
}

/** How often each thing was done that the property is about. */
interface Done { accepted: number; returns: number; toGone: number; fromArchive: number; runs: number; gone: number }

function fitting(id: string, pick: number): Json {
  if (files.includes(id)) return uuid(pick);
  return id === 'damaged' ? true : ['upper', 'lower', 'cellar'][pick - 1] ?? 'upper';
}

function play(all: readonly Step[], done: Done): void {
  const model = new Model();
  const versions = new Map<number, Then>();
  let session = OnboardingSession.open(rules, {
    session_id: 's', tenant: 'acme', owner: 'ana', language: 'en', segment: 'first_time', correlation_id: 'c', client_context: {},
  }, 1_000);
  const note = (): void => {
    for (const { version, current } of session.state.checkpoints) {
      if (!versions.has(version)) versions.set(version, { counts: model.counts, current });
    }
  };
  /** What a resume hands back; null: the session takes none now. */
  const resume = (version: number | null, current: readonly number[] | null, now: number): Said | null => {
    const resuming = message({ version, current, ui_state: null });
    try {
      session.checkResume(resuming);
    } catch (error) {
      if (error instanceof MessageRejected) return null;
      throw error;
    }
    return session.resume(resuming, now).answers;
  };
  note();
  for (const [at, each] of all.entries()) {
    const now = 2_000 + at * 10;
    switch (each.kind) {
      case 'answer': case 'next': {
        const id = each.kind === 'answer' ? each.id : session.view().question?.id;
        if (id === undefined) break;
        const value = each.kind === 'answer' ? each.value : fitting(id, each.pick);
        const { outcome } = session.answer(message({ question_id: id, value }), null, now);
        if (outcome.kind !== 'accepted') break;
        expect(files.includes(id) && model.isGone(value)).toBe(false);
        model.answer(id, value);
        done.accepted += 1;
        break;
      }
      case 'upload': {
        const before = Object.keys(model.counts).length;
        session.noteUpload({
          upload_id: uuid(each.at), object_id: uuid(1_000 * (1 + model.tryOf(uuid(each.at), each.status)) + each.at), kind: 'photo',
          status: each.status, reason: null,
        }, now);
        model.upload(uuid(each.at), each.status);
        if (Object.keys(model.counts).length < before) done.gone += 1;
        break;
      }
      case 'save': session.checkpoint('manual', now, { force: true }); break;
      case 'new_run':
        session = OnboardingSession.restore(rules, JSON.parse(JSON.stringify(session.state)) as SessionState);
        done.runs += 1;
        break;
      case 'newest': {
        const restored = resume(null, null, now);
        if (restored !== null) expect(restored).toEqual(model.counts);
        break;
      }
      case 'back': {
        const version = 1 + Math.floor(each.share * (session.state.checkpoint_version - 1));
        const then = versions.get(version);
        if (then === undefined) throw new Error(`Version ${version} was never seen.`);
        const isKept = session.state.checkpoints.some((kept) => kept.version === version);
        const restored = resume(version, isKept ? null : then.current, now);
        if (restored === null) break;
        model.goBack(then.counts);
        expect(restored).toEqual(model.counts);
        done.returns += 1;
        if (files.some((id) => model.isGone(then.counts[id] ?? null))) done.toGone += 1;
        if (!isKept) done.fromArchive += 1;
        break;
      }
    }
    expect(session.answers()).toEqual(model.counts);
    note();
  }
}

test('restored_data is what counted at that version, less what hangs on files that have gone since, after any sequence of acts', () => {
  const done: Done = { accepted: 0, returns: 0, toGone: 0, fromArchive: 0, runs: 0, gone: 0 };
  fc.assert(fc.property(steps, (all) => { play(all, done); }), { numRuns: 300 });
  // of a sequence that never did these nothing would be known
  for (const count of [done.accepted, done.returns, done.toGone, done.runs, done.gone]) expect(count).toBeGreaterThan(20);
});

test('the same where a session keeps no more than the newest of many versions, and the archive brings the others', () => {
  const done: Done = { accepted: 0, returns: 0, toGone: 0, fromArchive: 0, runs: 0, gone: 0 };
  const many = fc.array(fc.oneof(step, fc.constant<Step>({ kind: 'save' })), { minLength: 150, maxLength: 200, size: 'max' });
  fc.assert(fc.property(many, (all) => { play([...begun, ...all], done); }), { numRuns: 90 });
  expect(done.fromArchive).toBeGreaterThan(20);
});
