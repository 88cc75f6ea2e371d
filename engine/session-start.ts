/** How a session's workflow is started, and what operators see of it from the first moment on. */
import type { FlowRules } from '../domain/flow.ts';
import type { SessionStateName, StageName } from '../domain/lifecycle.ts';
import type { NewSession } from '../domain/session-state.ts';
import { sessionAttributes } from '../workflows/search-attributes.ts';
import { ownerAttribute } from './session-ownership.ts';

export function startOptions(
  rules: FlowRules, session: Pick<NewSession, 'tenant' | 'owner' | 'language' | 'correlation_id'>,
  at: { readonly state: SessionStateName; readonly stage: StageName },
) {
  return {
    // short, so that a killed worker means 2 to 3 s of silence; with the server's own 10 s it was ten
    workflowTaskTimeout: '2s' as const,
    memo: { correlation_id: session.correlation_id },
    typedSearchAttributes: [
      { key: sessionAttributes.tenant, value: session.tenant }, { key: sessionAttributes.flow, value: rules.id },
      { key: sessionAttributes.state, value: at.state },
      { key: sessionAttributes.stage, value: at.stage },
      { key: sessionAttributes.owner, value: ownerAttribute(session.tenant, session.owner) },
    ],
    staticSummary: `${rules.id} version ${rules.version}`,
    staticDetails: `Onboarding session of tenant \`${session.tenant}\` in \`${session.language}\`. Answers are encrypted and stand in ` +
      `the messages only.`,
  };
}
