/** The onboarding session as a workflow: its history is the checkpoint log, the resume point, the replay and the audit. */
import { allHandlersFinished, condition, continueAsNew, sleep, workflowInfo } from '@temporalio/workflow';
import { OnboardingSession } from '../domain/session.ts';
import { handleSessionMessages } from './handlers.ts';
import type { SessionInput, SessionLimits, SessionSummary } from './messages.ts';
import { flushSession, runTask } from './tasks.ts';

export async function onboardingSession(input: SessionInput): Promise<SessionSummary> {
  const session = begin(input);
  const run = { messages: 0, flushing: false };
  handleSessionMessages(session, () => { run.messages += 1; });

  // The first command of every run. A run whose first workflow task has none may never replay (engine-measured 1.1).
  void watchIdleness(session, input.limits);
  const copied = keepCopies(session, input.limits, run);

  // Not while copies are on their way: their completion would meet the command to continue, and the task would fail. But a
  // store that is down for long must not keep the run open for ever.
  const full = (): boolean => (run.messages >= input.limits.messagesPerRun && !run.flushing)
    || run.messages >= input.limits.messagesPerRun * 1.5 || workflowInfo().continueAsNewSuggested;
  while (!session.ended) {
    await condition(() => session.ended || session.work() !== null || full());
    if (session.work() !== null) await doWork(session);
    else if (!session.ended && full()) return nextRun(session, input);
  }
  await copied;
  await condition(allHandlersFinished);
  return { state: session.state.state, stage: session.stage(), answers: session.view().answers_count };
}

function begin(input: SessionInput): OnboardingSession {
  if (input.state !== null) return OnboardingSession.restore(input.rules, input.state);
  if (input.start !== null) return OnboardingSession.open(input.rules, input.start, Date.now());
  throw new Error('A session needs a start or a state.');
}

async function doWork(session: OnboardingSession): Promise<void> {
  const work = session.work();
  if (work?.kind === 'propose') {
    const { session_id, tenant, correlation_id } = session.state;
    const wanted = (): boolean => session.state.state === 'generating' && session.state.proposal_requests === work.number;
    const proposed = await runTask('proposeRecommendations', {
      correlation_id, tenant, session_id, flow: { id: session.rules.id, version: session.rules.version }, number: work.number, answers: work.answers,
    }, wanted);
    if (proposed !== null) session.receiveProposal(work.number, proposed.recommendations, Date.now());
  } else if (work?.kind === 'apply') {
    const { session_id, tenant, correlation_id, owner } = session.state;
    const { changeset_id, changes, decided_by, risk_score, rejects_all } = work.decision;
    const applied = await runTask('applyChangeset', {
      correlation_id, tenant, session_id, changeset_id, changes, requested_by: owner, approved_by: decided_by, risk_score, status: rejects_all ? 'rejected' : 'applied',
    }, () => true);
    if (applied !== null) session.receiveApplied(changeset_id, applied.status, Date.now());
  }
}

/** An idle session has this one timer. It is not reset by messages: when it fires it looks when the last one was. */
async function watchIdleness(session: OnboardingSession, limits: SessionLimits): Promise<void> {
  let next: number | null = session.state.last_activity_at + limits.idleAbandonedMs;
  while (next !== null) {
    await sleep(Math.max(next - Date.now(), 1));
    next = session.checkIdle(Date.now(), limits.idleAbandonedMs, limits.idleCancelMs);
  }
}

/** Copies go out at once on every change of state, else a while after the first unsaved answer, and before the end. */
async function keepCopies(session: OnboardingSession, limits: SessionLimits, run: { flushing: boolean }): Promise<void> {
  const isUrgent = (): boolean => session.state.unsaved.events.some((event) => event.event === 'state_changed' || event.event === 'stage_reached');
  for (;;) {
    await condition(() => session.hasUnsaved || session.ended);
    if (!session.hasUnsaved) return;
    if (!isUrgent()) await condition(isUrgent, limits.flushAfterMs);
    session.checkpoint('auto', Date.now());
    // as they are now: both go on growing while they are being stored
    const { events, checkpoints } = session.unsaved();
    run.flushing = true;
    await flushSession({
      correlation_id: session.state.correlation_id, state: withoutUnsaved(session), view: session.view(),
      events, checkpoints,
    });
    run.flushing = false;
    session.saved(events.at(-1)?.sequence ?? 0, checkpoints.at(-1)?.version ?? 0);
  }
}

function withoutUnsaved(session: OnboardingSession): OnboardingSession['state'] {
  return { ...session.state, unsaved: { events: [], checkpoints: [] } };
}

async function nextRun(session: OnboardingSession, input: SessionInput): Promise<never> {
  await condition(allHandlersFinished);
  return continueAsNew<typeof onboardingSession>({ rules: input.rules, limits: input.limits, start: null, state: session.state });
}
