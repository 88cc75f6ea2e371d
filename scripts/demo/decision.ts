/** What an approver does with a proposal. */
import { z } from 'zod';
import { PlainError } from '../embedded/plain-error.ts';
import { expected, type Client } from './client.ts';

const Proposal = z.object({
  proposal_hash: z.string().nullable(),
  recommendations: z.array(z.object({ recommendation_id: z.string(), after: z.record(z.string(), z.unknown()).nullable() })),
});
type Proposal = z.infer<typeof Proposal>;
const Decided = z.object({ status: z.string(), approval_id: z.string().optional() });
const Refused = z.object({ code: z.string() });

export type DecidedOutcome = 'completed' | 'modified' | 'rejected';

export interface Deciding {
  /** The first decides; the second is asked where two have to approve. */
  readonly approvers: readonly [Client, Client];
  /** Until there is a new proposal. */
  readonly again: () => Promise<void>;
}

/** Each other visit to the same place can make a proposal stale once. */
const tries = 8;

/** Decides on the session at `at`. Resolves with what it came to: a proposal without changes cannot be rejected or modified. */
export async function decideOn(
  at: string, wanted: DecidedOutcome, { approvers: [first, second], again }: Deciding,
): Promise<DecidedOutcome> {
  for (let left = tries; left > 0; left -= 1) {
    const proposal = Proposal.parse(await expected(first.get(`${at}/recommendations/`), 'read the proposal'));
    const { outcome, body } = decisionFor(proposal, wanted);
    await first.post(`${at}/decision/`, { ...body, dry_run: true });
    const reply = await first.post(`${at}/decision/`, { ...body, dry_run: false });
    const refusal = Refused.safeParse(reply.body);
    if (reply.status === 409 && refusal.success && refusal.data.code === 'stale_proposal') {
      await again();
      continue;
    }
    const { status, approval_id: approval } = Decided.parse(await expected(Promise.resolve(reply), 'decide'));
    if (status === 'pending_second_approval') {
      await expected(second.post(`/approvals/${approval ?? ''}/decide/`, { decision: 'approve' }), 'approve as the second');
    }
    return outcome;
  }
  throw new PlainError(`A proposal changed ${tries} times before it could be decided on.`);
}

interface Draft { readonly outcome: DecidedOutcome; readonly body: Record<string, unknown> }

function decisionFor({ proposal_hash: hash, recommendations }: Proposal, wanted: DecidedOutcome): Draft {
  const ids = recommendations.map((item) => item.recommendation_id);
  const bound = { proposal_hash: hash };
  if (wanted === 'rejected' && ids.length > 0) {
    const reasons = Object.fromEntries(ids.map((id) => [id, 'Not in this form: please talk to us first.']));
    return { outcome: 'rejected', body: { ...bound, rejected_items: ids, reasons } };
  }
  const staffed = recommendations.find(({ after }) => typeof after?.['headcount'] === 'number' && after['headcount'] < 1_000);
  const headcount = staffed?.after?.['headcount'];
  if (wanted === 'modified' && staffed !== undefined && typeof headcount === 'number') {
    const modifications = { [staffed.recommendation_id]: { headcount: headcount + 1 } };
    return { outcome: 'modified', body: { ...bound, approved_items: ids, modifications } };
  }
  return { outcome: 'completed', body: { ...bound, approved_items: ids } };
}
