/** What was decided of one proposal, whether it is applied, and its way back. */
import { useState } from 'preact/hooks';
import { useRoute } from 'preact-iso';
import { useAct, useAsked } from '../client/asking.ts';
import type { Item, Proposal, RolledBack, WholeChangeset } from '../client/contract.ts';
import { get, request } from '../client/request.ts';
import type { FieldError } from '../parts/alerts.tsx';
import { ActDialog } from '../parts/dialog.tsx';
import { TextField } from '../parts/fields.tsx';
import { ListTable } from '../parts/table.tsx';
import { Time } from '../parts/time.tsx';
import { AskedPage } from '../shell/page.tsx';
import { say } from '../shell/said.ts';
import { holds, who } from '../shell/who.ts';
import { ofChange, percent } from './changes.tsx';

interface Known { readonly changeset: WholeChangeset; readonly items: ReadonlyMap<string, Item> }

/** It may be on its way to its targets. */
const movingMs = 1_000;
const restingMs = 15_000;

const states: Readonly<Record<WholeChangeset['status'], string>> = {
  applied: 'It is in place.', rejected: 'It was rejected. Nothing was applied.', pending_second_approval: 'It waits for a second person.',
  applying: 'It is being applied, or waits in the dead letters for an operator.', rolled_back: 'It was rolled back as a whole.',
  partially_rolled_back: 'It was rolled back in part.', failed: 'It could not be applied. Nothing of it is at its targets.',
};

async function known(id: string, signal: AbortSignal): Promise<Known> {
  const changeset = await get<WholeChangeset>(`/changesets/${id}/`, signal);
  // how sure the proposal was: of one that is gone nobody knows it
  const proposal = await get<Proposal>(`/sessions/${changeset.session_id}/recommendations/`, signal).catch(() => null);
  return { changeset, items: new Map(proposal?.recommendations.map((item) => [item.recommendation_id, item])) };
}

export function ChangesetScreen() {
  const { params } = useRoute();
  const id = params['id'] ?? '';
  return <OneChangeset key={id} id={id} />;
}

function OneChangeset({ id }: { readonly id: string }) {
  const [isMoving, setMoving] = useState(false);
  const asked = useAsked<Known>({
    key: ['changeset', id], everyMs: isMoving ? movingMs : restingMs,
    ask: async (signal) => {
      const found = await known(id, signal);
      setMoving(found.changeset.status === 'applying');
      return found;
    },
  });
  const [isRollingBack, setRollingBack] = useState(false);
  const mayRollBack = who.value != null && holds(who.value, 'admin');
  const [target, ...values] = ofChange;
  return (
    <AskedPage asked={asked} title={`Changeset ${id.slice(0, 8)}`} trail={<a href="/approvals">Approvals</a>}>
      {({ changeset, items }) => (
        <>
          <p class="lead"><span class={`badge ${changeset.status}`}>{changeset.status.replaceAll('_',
            ' ')}</span> {states[changeset.status]}</p>
          <Facts changeset={changeset} />
          {changeset.changes.length === 0 ? <p class="empty">No changes: everything was rejected.</p> : (
            <ListTable
              caption="Changes" isCaptionSeen rows={changeset.changes} idOf={(change) => change.recommendation_id}
              columns={[
                target, ...values,
                {
                  name: 'Confidence', isNumber: true,
                  cell: (change) => {
                    const item = items.get(change.recommendation_id);
                    return item === undefined ? 'unknown' : percent(item.confidence);
                  },
                },
                { name: 'Decision', cell: (change) => items.get(change.recommendation_id)?.status ?? 'approved' },
              ]}
            />
          )}
          {mayRollBack && ['applied', 'partially_rolled_back'].includes(changeset.status) ? (
            <div class="actions"><button type="button" onClick={() => { setRollingBack(true); }}>Roll back</button></div>
          ) : null}
          {isRollingBack ? <RollBackDialog id={id} onClose={() => { setRollingBack(false); }} /> : null}
        </>
      )}
    </AskedPage>
  );
}

function Facts({ changeset }: { readonly changeset: WholeChangeset }) {
  const { rolled_back_by: by, rolled_back_at: at, rollback_reason: reason } = changeset;
  return (
    <dl class="details" aria-label="Details">
      <div><dt>Status</dt><dd>{changeset.status}</dd></div>
      <div><dt>By</dt><dd>{changeset.approved_by}</dd></div>
      <div><dt>Second</dt><dd>{changeset.second_approved_by ?? 'nobody'}</dd></div>
      <div><dt>Asked for by</dt><dd>{changeset.requested_by}</dd></div>
      <div><dt>Risk</dt><dd>{changeset.risk_score}</dd></div>
      <div><dt>Decided</dt><dd><Time at={changeset.created_at} /></dd></div>
      {changeset.applied_at === null ? null : <div><dt>Applied</dt><dd><Time at={changeset.applied_at} /></dd></div>}
      <div><dt>Session</dt><dd><a class="id" href={`/approvals/${changeset.session_id}`}>{changeset.session_id}</a></dd></div>
      <div><dt>Changeset id</dt><dd><code>{changeset.changeset_id}</code></dd></div>
      {changeset.failure === null ? null : <div class="wide"><dt>Failure</dt><dd>{changeset.failure}</dd></div>}
      {by === null || at === null ? null : (
        <div class="wide">
          <dt>Rolled back</dt>
          <dd>by {by}, <Time at={at} />{reason === null ? '' : `: ${reason}`}{changeset.rollback_forced ? ' (forced)' : ''}</dd>
        </div>
      )}
    </dl>
  );
}

function RollBackDialog({ id, onClose }: { readonly id: string; readonly onClose: () => void }) {
  const [reason, setReason] = useState('');
  const [isForced, setForced] = useState(false);
  const [errors, setErrors] = useState<readonly FieldError[]>([]);
  const act = useAct(async (key) => {
    const { body } = await request<RolledBack>('POST', `/changesets/${id}/rollback/`, { key, body: { reason, force: isForced } });
    say(body.failed_rollbacks === 0 ? 'Rolled back.'
      : `${body.rolled_back_changes} rolled back, ${body.failed_rollbacks} not: ${body.failures[0]?.message ?? ''}`);
    onClose();
  });
  const submit = (): void => {
    const found = reason.trim() === '' ? [{ field: 'rollback-reason', message: 'Enter a reason' }] : [];
    setErrors(found);
    if (found.length === 0) act.run();
  };
  return (
    <ActDialog
      title="Roll back this changeset?" onClose={onClose} act={act} words={['Roll back', 'Rolling back…']} errors={errors} isGrave
      onSubmit={submit}
    >
      <p>Everything that it changed is put back as it was before, in reverse order.</p>
      <TextField id="rollback-reason" label="Reason" hint="It stands in the audit log." value={reason} onChange={setReason}
        errors={errors} />
      <label class="check">
        <input type="checkbox" checked={isForced} onChange={(event) => { setForced(event.currentTarget.checked); }} />
        Even if the target has changed
      </label>
    </ActDialog>
  );
}
