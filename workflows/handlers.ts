/** Wires messages to the session. The one place where a domain error becomes a Temporal failure. */
import type { QueryDefinition, UpdateDefinition } from '@temporalio/common';
import { ApplicationFailure, condition, setHandler, uuid4 } from '@temporalio/workflow';
import {
  MessageRejected, type AnswerBody, type AnswerOutcome, type CancelBody, type DecisionBody, type Message, type Reply,
} from '../domain/message.ts';
import type { DecisionOutcome, OnboardingSession, Reading } from '../domain/session.ts';
import {
  answerQuestion, cancelSession, decideProposal, openSession, previewDecision, readAnswers, readProposal, readSession, type Read,
} from './messages.ts';
import { readAnswer } from './tasks.ts';

export interface Handler<Body, Result> {
  /** Synchronous and pure. Typed to return undefined, so that an async check, which would reject nothing, does not compile. */
  readonly check: (message: Message<Body>) => undefined;
  readonly handle: (message: Message<Body>) => Result | Promise<Result>;
}

/** Call before the first await, else messages that came with the start are refused. `received` counts handled messages. */
export function handleSessionMessages(session: OnboardingSession, received: () => void): void {
  setHandler(openSession, () => session.view());
  // Free text waits for its reading, so that the message id makes it one reading; a typed value is taken at once.
  on<AnswerBody, Reply<AnswerOutcome>>(answerQuestion, {
    check: (message) => session.checkAnswer(message),
    handle: async (message) => {
      received();
      const reading = 'text' in message.body ? await readWords(session, message.id, message.body.text) : null;
      return { ...session.answer(message, reading, Date.now()), view: session.view() };
    },
  });
  on<CancelBody, Reply<{ readonly kind: 'cancelled' }>>(cancelSession, {
    check: (message) => session.checkCancel(message),
    handle: (message) => {
      received();
      const reply = session.cancel(message, Date.now());
      return { ...reply, view: session.view() };
    },
  });
  // The one handler that waits: a decision is rare, only one is under way at a time, and its repeats share the outcome.
  on<DecisionBody, Reply<DecisionOutcome>>(decideProposal, {
    check: (message) => session.checkDecision(message),
    handle: async (message) => {
      received();
      session.decide(message, uuid4(), Date.now());
      await condition(() => session.state.decision?.status !== 'applying');
      return { fingerprint: session.fingerprintOf(message.id) ?? message.fingerprint, outcome: session.decisionOutcome(), view: session.view() };
    },
  });
  read(readSession, (actor) => {
    allow(session.mayRead(actor));
    return session.view();
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

/** null when the words say nothing the question can take. */
async function readWords(session: OnboardingSession, messageId: string, text: string): Promise<Reading | null> {
  const question = session.currentQuestion();
  if (question === null || !session.isNew(messageId)) return null;
  const { language, correlation_id, tenant, session_id } = session.state;
  return readAnswer({
    correlation_id, tenant, session_id, flow: { id: session.rules.id, version: session.rules.version }, question_id: question.id, text, language,
  });
}

function on<Body, Result>(definition: UpdateDefinition<Result, [Message<Body>]>, handler: Handler<Body, Result>): void {
  setHandler(definition, async (message: Message<Body>): Promise<Result> => {
    try {
      return await handler.handle(message);
    } catch (error) {
      throw failure(error);
    }
  }, {
    validator: (message: Message<Body>): void => translated(() => handler.check(message)),
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

function allow(allowed: boolean): void {
  if (!allowed) throw new MessageRejected('not_found', 'There is no such session.');
}

function translated(check: () => undefined): void {
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
