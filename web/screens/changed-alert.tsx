/** Somebody else was here since a proposal was opened: what differs now, before one goes on. */
import { useState } from 'preact/hooks';
import { questions, useAct } from '../client/asking.ts';
import type { Proposal } from '../client/contract.ts';
import type { RequestProblem } from '../client/problem.ts';
import { get } from '../client/request.ts';
import { ActButton } from '../parts/buttons.tsx';
import { Region } from './changes.tsx';
import { differences } from './decision.ts';

interface ChangedAlertProps { readonly id: string; readonly opened: Proposal; readonly problem: RequestProblem }

export function ChangedAlert({ id, opened, problem }: ChangedAlertProps) {
  const [differing, setDiffering] = useState<readonly string[] | null>(null);
  const compare = useAct(async () => {
    setDiffering(differences(opened, await get<Proposal>(`/sessions/${id}/recommendations/`)));
  }, { isLookingOnly: true });
  return (
    <>
      <div role="alert" class="alert">
        <p>This changed since you opened it</p>
        <p>{problem.message}</p>
        <div class="actions"><ActButton act={compare} words={['Show what changed', 'Looking…']} /></div>
      </div>
      {differing === null ? null : (
        <Region id="differing" title="What changed">
          {differing.length === 0 ? <p>The proposal is the same: somebody has decided, or is deciding.</p>
            : <ul>{differing.map((line) => <li key={line}>{line}</li>)}</ul>}
          <div class="actions">
            <button type="button" onClick={() => { void questions.invalidateQueries(); }}>Go on with what is there now</button>
          </div>
        </Region>
      )}
    </>
  );
}
