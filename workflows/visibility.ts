/**
 * What operators see of a session in the Temporal Web UI: search attributes to filter by, and current details in Markdown.
 * Both show shapes and ids only: search attributes stay readable under encryption, and details hold no answer.
 */
import { condition, setCurrentDetails, upsertSearchAttributes } from '@temporalio/workflow';
import type { OnboardingSession } from '../domain/session.ts';
import { sessionAttributes } from './search-attributes.ts';

/** Keeps attributes and details in step with the state until the session ends. Each change is one command in the task that made it. */
export async function keepVisible(session: OnboardingSession): Promise<void> {
  const now = (): string => `${session.state.state} ${session.stage()}`;
  setCurrentDetails(describe(session));
  // the start, or the run before, has set them as they are now
  let shown = now();
  while (!session.ended) {
    await condition(() => now() !== shown);
    shown = now();
    upsertSearchAttributes([
      { key: sessionAttributes.state, value: session.state.state }, { key: sessionAttributes.stage, value: session.stage() },
    ]);
    setCurrentDetails(describe(session));
  }
}

function describe(session: OnboardingSession): string {
  const view = session.view();
  const waits = view.question === null ? 'nothing is asked now' : `next question: \`${view.question.id}\``;
  return [
    `**${view.state}** · stage ${view.stage} · ${view.progress_percent} %`, '',
    `- ${view.answers_count} answers, ${session.state.refusals} refused`, `- ${waits}`, `- checkpoint ${view.checkpoint_version}`,
    ...(session.state.decision === null ? [] : [
      `- changeset \`${session.state.decision.changeset_id}\`: ${session.state.decision.status}`,
    ]),
  ].join('\n');
}
