/** The onboarding session as a workflow: its history is the checkpoint log, the resume point, the replay and the audit. */
import { allHandlersFinished, condition, continueAsNew, workflowInfo } from '@temporalio/workflow';
import { hashOf } from '../domain/checkpoint.ts';
import type { TaskFailure } from '../domain/parked-task.ts';
import { OnboardingSession } from '../domain/session.ts';
import { LastCopy } from '../domain/session-copy.ts';
import type { Work } from '../domain/session-core.ts';
import type { Decision, ParkedStep } from '../domain/session-state.ts';
import { heedCancellation } from './cancellation.ts';
import { handleSessionMessages } from './handlers.ts';
import type { SessionInput, SessionLimits, SessionSummary } from './messages.ts';
import { giveUpStep, parkStep } from './parking.ts';
import { flushSession, runTask, runWhileWanted, type TaskName } from './tasks.ts';
import { keepVisible } from './visibility.ts';

/** What each timer is for, as the Web UI shows it. */
const timers = {
  watch: { summary: 'idle: is anybody still there?' }, copies: { summary: 'copies go to the stores' },
  fallback: { summary: 'the rules propose when the model has not' },
} as const;

export async function onboardingSession(input: SessionInput): Promise<SessionSummary> {
  const session = begin(input);
  const run = { messages: 0, flushing: false };
  handleSessionMessages(session, () => { run.messages += 1; });
  return heedCancellation(() => { session.cancelByOperator(Date.now()); }, () => live(session, input, run));
}

async function live(
  session: OnboardingSession, input: SessionInput, run: { messages: number; flushing: boolean },
): Promise<SessionSummary> {
  // The first command of every run. A run whose first workflow task has none, followed by a lost
  // cache and two Updates in one task, never replays again.
  void watch(session, input.limits);
  void keepVisible(session);
  const copied = keepCopies(session, input.limits, run);

  // Not while copies are on their way: their completion would meet the command to continue, and the task would fail. But a
  // store that is down for long must not keep the run open for ever.
  const full = (): boolean => session.fitsNextRun && ((run.messages >= input.limits.messagesPerRun && !run.flushing)
    || run.messages >= input.limits.messagesPerRun * 1.5 || workflowInfo().continueAsNewSuggested);
  const overtaken = (): ParkedStep | null => session.overtaken(Date.now());
  const hasWork = (): boolean => session.ended || session.work() !== null || overtaken() !== null || full();
  while (!session.ended) {
    const parked = session.state.parked;
    if (parked?.fallback_at == null) await condition(hasWork);
    else await condition(
      () => hasWork() || session.state.parked !== parked, Math.max(1, parked.fallback_at - Date.now()), timers.fallback,
    );
    const late = overtaken();
    if (late !== null) await giveUpStep(session, late);
    else if (session.work() !== null) await doWork(session, input.limits);
    else if (!session.ended && full()) return nextRun(session, input);
  }
  const left = overtaken();
  if (left !== null) await giveUpStep(session, left);
  await copied;
  await condition(allHandlersFinished);
  return { state: session.state.state, stage: session.stage(), answers: session.view().answers_count };
}

function begin(input: SessionInput): OnboardingSession {
  if (input.state !== null) return OnboardingSession.restore(input.rules, input.state);
  if (input.start !== null) return OnboardingSession.open(input.rules, input.start, Date.now());
  throw new Error('A session needs a start or a state.');
}

async function doWork(session: OnboardingSession, limits: SessionLimits): Promise<void> {
  const work = session.work();
  if (work?.kind === 'propose') await propose(session, limits, work);
  else if (work !== null) await doChangeset(session, limits, work.kind, work.decision);
}

/** The model's proposal, checked. When it fails for long the flow's rules propose, so that a session always gets to its end. */
async function propose(
  session: OnboardingSession, limits: SessionLimits, { number, provider, answers }: Extract<Work, { kind: 'propose' }>,
): Promise<void> {
  const { session_id, tenant, correlation_id, owner } = session.state;
  const oldest = session.state.answers.find((entry) => !entry.superseded)?.answered_at ?? null;
  const flow = { id: session.rules.id, version: session.rules.version };
  const input = { correlation_id, tenant, session_id, owner, flow, number, answers, oldest_answer_at: oldest, provider };
  const wanted = (): boolean => session.state.state === 'generating' && session.state.proposal_requests === number;
  // a person waits no longer than this in all, however many tries there are and whatever pauses a model asks for
  const withinMs = provider === 'model' ? limits.proposalFallbackMs : null;
  const fallbackAt = withinMs === null ? null : Date.now() + withinMs;
  const result = await runWhileWanted('proposeRecommendations', input, wanted, withinMs);
  if (result === null || !wanted()) return;
  if ('output' in result) session.receiveProposal(number, result.output, Date.now());
  else await parkStep(session, limits, { kind: 'propose', number, provider }, {
    name: 'proposeRecommendations', input, failure: result.failure, fallbackAt,
  });
}

async function doChangeset(
  session: OnboardingSession, limits: SessionLimits, kind: 'write_changeset' | 'roll_back_changeset', decision: Decision,
): Promise<void> {
  const { session_id, tenant, correlation_id, owner, owner_person } = session.state;
  const { changeset_id, approval_id, changes, decided_by, second_by, risk_score, rejects_all, status } = decision;
  const becomes = status === 'recording' ? 'pending_second_approval' : rejects_all ? 'rejected' : 'applied';
  const input = {
    correlation_id, tenant, session_id, changeset_id, changes, requested_by: owner, approved_by: decided_by, second_approved_by: second_by,
    people: {
      requested_by: owner_person ?? null, approved_by: decision.decided_by_person ?? null,
      second_approved_by: decision.second_by_person ?? null,
    },
    approval_id, risk_score, status: becomes,
  } as const;
  const park = (name: TaskName, failure: TaskFailure): Promise<void> => parkStep(
    session, limits, { kind, changeset_id }, { name, input, failure, fallbackAt: null },
  );
  if (kind === 'write_changeset') {
    const result = await runTask('applyChangeset', input);
    if ('output' in result) session.receiveChangeset(changeset_id, result.output.status, Date.now());
    else await park('applyChangeset', result.failure);
  } else {
    const result = await runTask('rollBackUnfinished', input);
    if ('output' in result) session.receiveRollback(changeset_id, result.output.status, Date.now());
    else await park('rollBackUnfinished', result.failure);
  }
}

/**
 * What time brings: levels of abandonment risk, reminders, the mark of an abandoned session, the end of an idle one. All by one
 * timer, which messages do not set back: when it fires it looks when the last one was. It is replaced only when something is due
 * sooner.
 */
async function watch(session: OnboardingSession, limits: SessionLimits): Promise<void> {
  const plan = limits.reminders ?? null;
  let idle: number | null = session.state.last_activity_at + limits.idleAbandonedMs;
  while (idle !== null) {
    session.checkRisk(Date.now());
    session.noteReturn(Date.now());
    if (plan !== null) session.remind(Date.now(), plan);
    const { enabled } = session.state.reminders;
    const reminder = plan === null ? null : session.reminderAt(Date.now(), plan);
    const due = Math.min(idle, session.riskChangesAt(Date.now()) ?? Infinity, reminder ?? Infinity);
    // looked at in every activation: what a clock of another place says is asked when the timer is set
    const isSooner = (): boolean => session.hasReturned || session.state.reminders.enabled !== enabled
      || (session.riskChangesAt(Date.now()) ?? Infinity) < due;
    await condition(isSooner, Math.max(due - Date.now(), 1), timers.watch);
    if (Date.now() >= idle) idle = session.checkIdle(Date.now(), limits.idleAbandonedMs, limits.idleCancelMs);
  }
}

/** What the other stores learn at once. */
const atOnce = new Set([
  'state_changed', 'decision_taken', 'approval_given', 'task_parked', 'reminder_due', 'reminders_switched', 'person_returned',
]);

/** 0 to 1, the same for the same name. */
function shareOf(name: string): number {
  return Number.parseInt(hashOf(name).slice(0, 8), 16) / 2 ** 32;
}

/** A new session is in the funnel after this long at the latest. */
const justStartedMs = 2_000;

/**
 * Copies go out at once on every change of state and of what only time has brought, else within `flushAfterMs` of the first unsaved
 * answer (not before half of it), and before the end.
 */
async function keepCopies(session: OnboardingSession, limits: SessionLimits, run: { flushing: boolean }): Promise<void> {
  const isUrgent = (): boolean => session.misleads(Date.now()) || session.state.unsaved.events.some(
    ({ event, properties }) => atOnce.has(event) || properties['kind'] === 'manual'
      // a verdict comes by itself: nobody else would tell those who wait for it
      || (event === 'upload' && properties['status'] !== 'quarantined'),
  );
  const lastCopy = new LastCopy();
  // sessions that were spoken to together do not all flush together
  const flushAfterMs = limits.flushAfterMs * (1 - shareOf(session.state.session_id) / 2);
  for (;;) {
    await condition(() => session.hasUnsaved || session.ended);
    if (!session.hasUnsaved) return;
    // a session that has just started often gets its first answer at once: one flush for both
    const usualMs = session.state.answers.length === 0 ? Math.min(justStartedMs, flushAfterMs) : flushAfterMs;
    // in time for the list of sessions at risk
    const left = session.listedUntil - Date.now();
    const patienceMs = left > 0 ? Math.min(usualMs, left) : usualMs;
    // while nobody is there nothing more comes that could go along: a wait would only be two more tasks of the engine
    const isAlone = Date.now() - session.state.last_activity_at > (limits.aloneAfterMs ?? Infinity);
    if (!isAlone && !isUrgent()) await condition(isUrgent, patienceMs, timers.copies);
    session.checkpoint('auto', Date.now());
    const last = session.state.event_sequence;
    run.flushing = true;
    let isStored;
    do {
      // as they are now, and as much as one copy takes: both go on growing while they are being stored
      const { events, checkpoints } = session.unsaved();
      const { listing } = session;
      isStored = await flushSession({
        correlation_id: session.state.correlation_id, ...lastCopy.next(session.state, session.view(), { events, checkpoints }),
      });
      // what went before is not in the archive: it was brought back from a backup, or another run has written it since
      if (isStored === false) lastCopy.forget();
      else session.saved(events.at(-1)?.sequence ?? 0, checkpoints.at(-1)?.version ?? 0, listing);
    } while (isStored === false || session.hasUnsavedUpTo(last));
    run.flushing = false;
  }
}

async function nextRun(session: OnboardingSession, input: SessionInput): Promise<never> {
  await condition(allHandlersFinished);
  return continueAsNew<typeof onboardingSession>({ rules: input.rules, limits: input.limits, start: null, state: session.state });
}
