/** Whom a session waits for with its proposal: any approver, or a second person beside the one who approved. */
import { changeRisk } from './changeset.ts';
import type { Actor, AwaitedApproval } from './message.ts';
import { isPerson } from './person.ts';
import type { SessionState } from './session-state.ts';

/** null: it waits for no approver. */
export function awaitedApproval(state: SessionState): AwaitedApproval | null {
  const { state: name, proposal, decision } = state;
  if (name !== 'awaiting_approval' || proposal === null) return null;
  const requester = party(state.owner, state.owner_person);
  if (decision?.status === 'pending_second_approval') {
    return {
      since: decision.decided_at, waits_for: 'second_person', approval_id: decision.approval_id, changes: decision.changes.length,
      risk_score: decision.risk_score, parties: [requester, party(decision.decided_by, decision.decided_by_person)],
    };
  }
  // one whose changeset is being written waits for nobody
  if (decision !== null && decision.status !== 'stale') return null;
  const { recommendations } = proposal;
  return {
    since: proposal.proposed_at ?? state.stages.recommendations_generated ?? state.last_activity_at, waits_for: 'anyone', approval_id: null,
    changes: recommendations.length, risk_score: changeRisk(recommendations, recommendations.some((item) => item.depends_on.length > 0)),
    parties: [requester],
  };
}

/** Whether the caller is another person than those who had a part in it. */
export function mayDecide(awaited: AwaitedApproval, actor: Actor): boolean {
  return !awaited.parties.some(({ subject, person }) => isPerson(actor, subject, person));
}

function party(subject: string, person: string | undefined): AwaitedApproval['parties'][number] {
  return person === undefined ? { subject } : { subject, person };
}
