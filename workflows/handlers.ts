/** Wires messages to the session. The one place where a domain error becomes a Temporal failure. */
import type { QueryDefinition, UpdateDefinition } from '@temporalio/common';
import { ApplicationFailure, CancellationScope, condition, setHandler, uuid4 } from '@temporalio/workflow';
import { checkSize } from '../domain/bounds.ts';
import { eventsAfter } from '../domain/event-log.ts';
import {
  MessageRejected, type AnswerBody, type AnswerOutcome, type ApprovalBody, type CancelBody, type CheckpointBody, type CheckpointOutcome,
  type ClientEventBody,
  type DecisionBody, type EscalateBody, type Message, type RemindersBody, type Reply, type ResumeBody, type ResumeOutcome,
} from '../domain/message.ts';
import {
  isAnswer, isClientEvent, isMessage, isReminders, isResume, isTaskOutcome, isUploadNote,
} from '../domain/message-shape.ts';
import type { OnboardingSession } from '../domain/session.ts';
import { versionIn } from '../domain/version.ts';
import type { Asked, DecisionOutcome, Reading } from '../domain/session-state.ts';
import type { UploadNote } from '../domain/upload.ts';
import {
  addClientEvent, answerQuestion, approveDecision, cancelSession, decideProposal, escalateSession, noteUpload, openSession, previewDecision,
  readAnswers, readCheckpoints,
  readEvents, readProposal, readSession, readState, readVersion, resumeSession, saveCheckpoint, setReminders, uploadJudged, type Done,
  type Read,
} from './messages.ts';
import { taskDone } from './task-messages.ts';
import { readAnswer } from './tasks.ts';

export interface Handler<Body, Result> {
  /** Synchronous and pure. Typed to return undefined, so that an async check, which would reject nothing, does not compile. */
  readonly check: (message: Message<Body>) => undefined;
  readonly handle: (message: Message<Body>) => Result | Promise<Result>;
}

/** Call before the first await, else messages that came with the start are refused. `received` counts handled messages. */
export function handleSessionMessages(session: OnboardingSession, received: () => void): void {
  setHandler(openSession, () => session.view());
  setHandler(taskDone, (told) => {
    if (isTaskOutcome(told)) session.receiveTask(told.task_id, told.outcome, Date.now());
  });
  setHandler(uploadJudged, (note) => {
    if (isUploadNote(note)) session.noteUpload(note, Date.now());
  });
  // Free text waits for its reading, so that the message id makes it one reading; a typed value is taken at once.
  on<AnswerBody, Reply<AnswerOutcome>>(answerQuestion, {
    check: (message) => shaped(isAnswer, message) ?? session.checkAnswer(message),
    handle: (message) => {
      received();
      const asked = 'text' in message.body ? session.asked() : null;
      const take = (reading: Reading | null): Reply<AnswerOutcome> => ({
        ...session.answer(message, reading, Date.now(), asked), view: session.view(),
      });
      return 'text' in message.body ? readWords(session, message.id, asked, message.body.text).then(take) : take(null);
    },
  });
  const doing = <Body>(
    check: (message: Message<Body>) => undefined, handle: (message: Message<Body>, now: number) => void,
  ): Handler<Body, Done> => ({
    check,
    handle: (message) => {
      received();
      handle(message, Date.now());
      return { fingerprint: fingerprint(session, message), outcome: { kind: 'done' }, view: session.view() };
    },
  });
  on<CancelBody, Done>(
    cancelSession, doing((message) => session.checkCancel(message), (message, now) => { session.cancel(message, now); }),
  );
  on<EscalateBody, Done>(
    escalateSession, doing((message) => session.checkEscalate(message), (message, now) => { session.escalate(message, now); }),
  );
  on<UploadNote, Done>(noteUpload, {
    check: (message) => shaped(isUploadNote, message) ?? session.checkUpload(message),
    handle: (message) => {
      received();
      session.receiveUpload(message, Date.now());
      return { fingerprint: message.fingerprint, outcome: { kind: 'done' }, view: session.view() };
    },
  });
  on<ClientEventBody, Done>(addClientEvent, doing(
    (message) => shaped(isClientEvent, message) ?? session.checkClientEvent(message),
    (message, now) => { session.addClientEvent(message, now); },
  ));
  on<RemindersBody, Done>(setReminders, doing(
    (message) => shaped(isReminders, message) ?? session.checkReminders(message),
    (message, now) => { session.setReminders(message, now); },
  ));
  on<CheckpointBody, Reply<CheckpointOutcome>>(saveCheckpoint, {
    check: (message) => session.checkCheckpoint(message),
    handle: (message) => {
      received();
      const outcome = session.saveCheckpoint(message, Date.now());
      return { fingerprint: fingerprint(session, message), outcome, view: session.view() };
    },
  });
  on<ResumeBody, Reply<ResumeOutcome>>(resumeSession, {
    check: (message) => shaped(isResume, message) ?? session.checkResume(message),
    handle: (message) => {
      received();
      const outcome = session.resume(message, Date.now());
      return { fingerprint: fingerprint(session, message), outcome, view: session.view() };
    },
  });
  // These two wait for their changeset: decisions are rare, one is under way at a time, and repeats share the outcome.
  on<DecisionBody, Reply<DecisionOutcome>>(decideProposal, {
    check: (message) => session.checkDecision(message),
    handle: async (message) => {
      received();
      session.decide(message, { changeset: uuid4(), approval: uuid4() }, Date.now());
      return decided(session, message);
    },
  });
  on<ApprovalBody, Reply<DecisionOutcome>>(approveDecision, {
    check: (message) => session.checkApproval(message),
    handle: async (message) => {
      received();
      session.approve(message, Date.now());
      return decided(session, message);
    },
  });
  setHandler(readState, () => ({ state: session.state, flow: session.view().flow }));
  read(readSession, (actor) => {
    allow(session.mayRead(actor));
    return session.view();
  });
  read(readCheckpoints, (actor) => {
    allow(session.mayRead(actor));
    return { checkpoints: session.state.checkpoints, total: session.state.checkpoint_version, owner: session.state.owner };
  });
  read(readVersion, (actor, version) => {
    allow(session.mayRead(actor));
    return { owner: session.state.owner, version: versionIn(session.state, version) };
  });
  read(readEvents, (actor, after) => {
    allow(session.mayRead(actor));
    return { ...eventsAfter(session.state, after), view: session.view() };
  });
  read(readAnswers, (actor) => {
    allow(session.mayRead(actor));
    return { answers: session.state.answers };
  });
  read(readProposal, (actor) => {
    allow(session.mayRead(actor, 'approver'));
    return { proposal: session.state.proposal, statuses: session.state.decision?.statuses ?? {}, view: session.view() };
  });
  read(previewDecision, (actor, body, ifMatch) => session.previewDecision(actor, body, ifMatch));
}

async function decided(session: OnboardingSession, message: Message<unknown>): Promise<Reply<DecisionOutcome>> {
  // a changeset whose task is parked waits for an operator; the decision stands, and nobody waits with it
  await CancellationScope.nonCancellable(() => condition(() => !session.deciding || session.state.parked !== null));
  return { fingerprint: fingerprint(session, message), outcome: session.decisionOutcome(message.id), view: session.view() };
}

function fingerprint(session: OnboardingSession, message: Message<unknown>): string {
  return session.fingerprintOf(message.id) ?? message.fingerprint;
}

/** null when the words say nothing that is asked. */
async function readWords(session: OnboardingSession, messageId: string, asked: Asked | null, text: string): Promise<Reading | null> {
  if (asked === null || (asked.current ?? asked.previous) === null || !session.isNew(messageId)) return null;
  const { language, correlation_id, tenant, session_id, owner, client_context } = session.state;
  const zone = client_context['timezone'];
  // not broken off by a cancellation: the person is told then that the session has ended
  return CancellationScope.nonCancellable(() => readAnswer({
    correlation_id, tenant, session_id, owner, flow: { id: session.rules.id, version: session.rules.version },
    question_id: asked.current?.question_id ?? null, previous_question_id: asked.previous?.question_id ?? null, offered: asked.offered,
    text, language,
    timezone: typeof zone === 'string' ? zone : null,
  }));
}

function on<Body, Result>(definition: UpdateDefinition<Result, [Message<Body>]>, handler: Handler<Body, Result>): void {
  // not async by itself: each promise in the sandbox costs, and a typed answer needs none
  setHandler(definition, ((message: Message<Body>): Result | Promise<Result> => {
    try {
      const result = handler.handle(message);
      return result instanceof Promise ? result.catch((error: unknown) => { throw failure(error); }) : result;
    } catch (error) {
      throw failure(error);
    }
  }) as (message: Message<Body>) => Promise<Result>, {
    validator: (message: Message<Body>): void => translated(() => {
      if (!isMessage(message)) return malformed();
      checkSize(message);
      return handler.check(message);
    }),
  });
}

function read<Arguments extends unknown[], T>(definition: QueryDefinition<Read<T>, Arguments>, reader: (...args: Arguments) => T): void {
  setHandler(definition, (...args: Arguments): Read<T> => {
    try {
      return { found: reader(...args) };
    } catch (error) {
      if (error instanceof MessageRejected) return { rejected: error.code, message: error.message, mistakes: error.mistakes };
      throw error;
    }
  });
}

function shaped<Body extends object>(isBody: (body: object) => boolean, message: Message<Body>): undefined {
  return isBody(message.body) ? undefined : malformed();
}

function malformed(): never {
  throw new MessageRejected('invalid_request', 'This is no message of this kind. Messages to a session are sent by the API.');
}

function allow(allowed: boolean): void {
  if (!allowed) throw new MessageRejected('not_found', 'There is no such session.');
}

/** The check of a message as a validator. */
export function translated(check: () => undefined): void {
  try {
    check();
  } catch (error) {
    throw failure(error);
  }
}

/** A plain Error in a handler would block the session until its code is mended: only domain errors are expected here. */
function failure(error: unknown): unknown {
  if (!(error instanceof MessageRejected)) return error;
  return ApplicationFailure.create({ type: error.code, message: error.message, nonRetryable: true, details: [error.mistakes] });
}
