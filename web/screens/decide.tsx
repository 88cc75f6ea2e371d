/** One proposal, and the word of an approver on it: the first, or the second. */
import { useState } from 'preact/hooks';
import { useLocation, useRoute } from 'preact-iso';
import { useAct, useAsked } from '../client/asking.ts';
import type { Approved, Awaited, Changeset, Listed, Proposal } from '../client/contract.ts';
import { get, query, request } from '../client/request.ts';
import { ProblemAlert } from '../parts/alerts.tsx';
import { ActButton } from '../parts/buttons.tsx';
import { TextField } from '../parts/fields.tsx';
import { Time } from '../parts/time.tsx';
import { AskedPage } from '../shell/page.tsx';
import { say } from '../shell/said.ts';
import { ChangedAlert } from './changed-alert.tsx';
import { ChangesTable, RiskText } from './changes.tsx';
import { isChanged } from './decision.ts';
import { Deciding } from './deciding.tsx';

/** What an approver may know of a session. */
interface Case {
  readonly proposal: Proposal;
  /** null: it waits for no approver. */
  readonly awaited: Awaited | null;
  /** Of what was decided before, the newest first. */
  readonly changesets: readonly Changeset[];
}

/** The list of what waits is behind by a moment: a proposal that was opened as soon as it came is asked for again. */
const isNotListedYet = ({ proposal, awaited, changesets }: Case): boolean => (
  awaited === null && changesets.length === 0 && proposal.recommendations.length > 0
);
const listedWithinMs = 5_000;

async function caseOf(id: string, signal?: AbortSignal): Promise<Case> {
  const [proposal, awaited, changesets] = await Promise.all([
    get<Proposal>(`/sessions/${id}/recommendations/`, signal), get<Listed<Awaited>>(`/approvals/${query({ session_id: id })}`, signal),
    get<Listed<Changeset>>(`/changesets/${query({ session_id: id, limit: 10 })}`, signal),
  ]);
  return { proposal, awaited: awaited.results[0] ?? null, changesets: changesets.results };
}

export function Decide() {
  const { params } = useRoute();
  const id = params['id'] ?? '';
  return <OneCase key={id} id={id} />;
}

function OneCase({ id }: { readonly id: string }) {
  const asked = useAsked<Case>({
    key: ['case', id], ask: (signal) => caseOf(id, signal),
    everyMs: (known) => (known !== undefined && isNotListedYet(known) ? listedWithinMs : 0),
  });
  return (
    <AskedPage asked={asked} title={`Decide on ${id.slice(0, 8)}`} trail={<a href="/approvals">Approvals</a>}>
      {({ proposal, awaited, changesets }) => (
        <>
          <dl class="details" aria-label="Details">
            <div><dt>Session</dt><dd><code>{id}</code></dd></div>
            {awaited === null ? null : (
              <>
                <div><dt>Owner</dt><dd>{awaited.owner}</dd></div>
                <div><dt>Flow</dt><dd>{awaited.flow.id}, version {awaited.flow.version}</dd></div>
                <div><dt>Waiting since</dt><dd><Time at={awaited.waiting_since} /></dd></div>
                <div><dt>Waits for</dt><dd>{awaited.waits_for === 'anyone' ? 'anyone' : 'second person'}</dd></div>
              </>
            )}
          </dl>
          {proposal.risk === null ? null : <RiskText risk={proposal.risk} isSecond={awaited?.waits_for === 'second_person'} />}
          {awaited?.may_decide === false ? (
            <p class="note">You cannot decide: you asked for this, or were the first to approve it. Somebody else has to.</p>
          ) : null}
          {proposal.recommendations.length === 0 ? (
            <p class="empty">No changes are proposed. A proposal comes when the person has answered the last question.</p>
          ) : awaited?.waits_for === 'anyone' && awaited.may_decide
            ? <Deciding key={proposal.proposal_hash} id={id} proposal={proposal} />
            : <ChangesTable items={proposal.recommendations} />}
          {awaited?.waits_for === 'second_person' && awaited.may_decide && awaited.approval_id !== null
            ? <SecondWord id={id} proposal={proposal} approval={awaited.approval_id} /> : null}
          {isNotListedYet({ proposal, awaited, changesets })
            ? <p class="note">This waits for no approver now.</p> : null}
          <Earlier changesets={changesets} />
        </>
      )}
    </AskedPage>
  );
}

const outcomes: Readonly<Record<Approved['status'], string>> = {
  applied: 'Applied.', rejected: 'Rejected. Nothing was applied.', escalated: 'Escalated: a person takes over.',
  pending_second_approval: 'It waits for a second person.', applying: 'Approved. Its changes wait in the dead letters for an operator.',
};

function SecondWord({ id, proposal, approval }: { readonly id: string; readonly proposal: Proposal; readonly approval: string }) {
  const { route } = useLocation();
  const [reason, setReason] = useState('');
  const decide = (decision: 'approve' | 'reject' | 'escalate') => async (key: string): Promise<void> => {
    const { body } = await request<Approved>('POST', `/approvals/${approval}/decide/`, {
      key, body: { decision, ...(reason.trim() === '' ? {} : { reason }) },
    });
    say(outcomes[body.status]);
    route(`/changesets/${body.changeset_id}`);
  };
  const approve = useAct(decide('approve'));
  const reject = useAct(decide('reject'));
  const escalate = useAct(decide('escalate'));
  const problem = approve.problem ?? reject.problem ?? escalate.problem;
  return (
    <section class="card" aria-labelledby="second">
      <h2 id="second">The second approval</h2>
      <p class="quiet">Somebody has approved these changes. They are applied when you approve them too.</p>
      {problem === null ? null : isChanged(problem) ? <ChangedAlert id={id} opened={proposal} problem={problem} />
        : <ProblemAlert problem={problem} />}
      <TextField id="second-reason" label="Reason" hint="It stands in the audit log." value={reason} onChange={setReason} errors={[]} />
      <div class="actions">
        <ActButton act={approve} words={['Approve', 'Approving…']} kind="main" />
        <ActButton act={reject} words={['Reject', 'Rejecting…']} />
        <ActButton act={escalate} words={['Escalate', 'Escalating…']} />
      </div>
    </section>
  );
}

function Earlier({ changesets }: { readonly changesets: readonly Changeset[] }) {
  if (changesets.length === 0) return null;
  return (
    <section>
      <h2 id="earlier">Decisions</h2>
      <ul role="list" class="plain" aria-labelledby="earlier">
        {changesets.map((each) => (
          <li key={each.changeset_id}>
            <a href={`/changesets/${each.changeset_id}`}>{each.changeset_id}</a>{' '}
            <span class={`badge ${each.status}`}>{each.status.replaceAll('_', ' ')}</span>{' '}
            <span class="quiet">by {each.approved_by}{each.second_approved_by === null ? '' : ` and ${each.second_approved_by}`}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}
