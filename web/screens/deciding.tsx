/** The first word on a proposal: item by item, tried out, then meant. */
import { useState } from 'preact/hooks';
import { useLocation } from 'preact-iso';
import { useAct } from '../client/asking.ts';
import type { Decided, Item, Proposal } from '../client/contract.ts';
import { RequestProblem } from '../client/problem.ts';
import { request } from '../client/request.ts';
import { ErrorSummary, ProblemAlert, type FieldError } from '../parts/alerts.tsx';
import { ActDialog } from '../parts/dialog.tsx';
import { TextField } from '../parts/fields.tsx';
import { ListTable } from '../parts/table.tsx';
import { say } from '../shell/said.ts';
import { ChangedAlert } from './changed-alert.tsx';
import { ofChange, percent, Region, valueText, ValuesCell } from './changes.tsx';
import { bodyOf, fieldId, isChanged, mistakesAt, type Choice, type Choices } from './decision.ts';

interface DecidingProps { readonly id: string; readonly proposal: Proposal }

export function Deciding({ id, proposal }: DecidingProps) {
  const { route } = useLocation();
  const items = proposal.recommendations;
  const [choices, setChoices] = useState<Choices>(new Map());
  const [errors, setErrors] = useState<readonly FieldError[]>([]);
  const [preview, setPreview] = useState<Decided | null>(null);
  const [isMissingAccepted, setMissingAccepted] = useState(false);
  const [isAsking, setAsking] = useState(false);
  const [reason, setReason] = useState('');

  const named = items.filter((item) => choices.has(item.recommendation_id));
  const approved = named.filter((item) => choices.get(item.recommendation_id)?.word !== 'reject');
  const send = async (isMeant: boolean, key?: string): Promise<Decided> => (await request<Decided>('POST', `/sessions/${id}/decision/`, {
    ...(key === undefined ? {} : { key }),
    body: bodyOf(items, choices, { hash: proposal.proposal_hash, reason, isMissingAccepted, isMeant }),
  })).body;
  /** What is wrong with a value stands at its field. */
  const orErrors = async (work: () => Promise<void>): Promise<void> => {
    setErrors([]);
    try {
      await work();
    } catch (error) {
      const found = error instanceof RequestProblem ? mistakesAt(error.mistakes) : [];
      // told where the proposal is, not where it was to be applied
      if (error instanceof RequestProblem && isChanged(error)) setAsking(false);
      if (found.length === 0) throw error;
      setErrors(found);
      setAsking(false);
    }
  };
  const look = useAct(() => orErrors(async () => { setPreview(await send(false)); }), { isLookingOnly: true });
  const decide = useAct((key) => orErrors(async () => {
    const { status, changeset_id: changeset } = await send(true, key);
    say(outcomes[status]);
    route(changeset === null ? '/approvals' : `/changesets/${changeset}`);
  }));
  const atLeastOne = (then: () => void): void => {
    const [first] = items;
    if (named.length > 0 || first === undefined) return then();
    setErrors([{ field: `${fieldId(first.recommendation_id)}-approve`, message: 'Decide on at least one change' }]);
  };
  const choose = (item: Item, choice: Choice): void => {
    setChoices(new Map([...choices, [item.recommendation_id, choice]]));
    setPreview(null);
  };
  const problem = look.problem ?? decide.problem;
  const isMissing = problem?.code === 'dependency_rejected' || isMissingAccepted;

  const [target, before] = ofChange;
  return (
    <>
      {errors.length > 0 ? <ErrorSummary errors={errors} /> : null}
      {problem === null || isAsking ? null : isChanged(problem) ? <ChangedAlert id={id} opened={proposal} problem={problem} />
        : <ProblemAlert problem={problem} />}
      <ListTable
        caption="Changes" isCaptionSeen rows={items} idOf={(item) => item.recommendation_id}
        columns={[
          { name: target.name, cell: (item) => <>{target.cell(item)}<p class="quiet">{item.rationale}</p></> }, before,
          {
            name: 'After',
            cell: (item) => (
              <AfterCell
                item={item} choice={choices.get(item.recommendation_id)} errors={errors}
                onEdit={(name, text) => {
                  const edits = choices.get(item.recommendation_id)?.edits ?? new Map<string, string>();
                  choose(item, { word: 'modify', edits: new Map([...edits, [name, text]]) });
                }}
              />
            ),
          },
          { name: 'Confidence', isNumber: true, cell: (item) => percent(item.confidence) },
          {
            name: 'Decision',
            cell: (item) => (
              <Words
                item={item} word={choices.get(item.recommendation_id)?.word}
                onChoose={(word) => { choose(item, { word, edits: choices.get(item.recommendation_id)?.edits ?? new Map() }); }}
              />
            ),
          },
        ]}
      />
      {isMissing ? (
        <label class="check">
          <input type="checkbox" checked={isMissingAccepted} onChange={(event) => { setMissingAccepted(event.currentTarget.checked); }} />
          Approve also what depends on a rejected change
        </label>
      ) : null}
      <div class="actions">
        <button
          type="button"
          onClick={() => { setChoices(new Map(items.map((item) => [item.recommendation_id, { word: 'approve', edits: new Map() }]))); }}
        >Approve all</button>
        <button
          type="button" aria-disabled={look.isUnderWay}
          onClick={() => { if (!look.isUnderWay) atLeastOne(look.run); }}
        >{look.isUnderWay ? 'Previewing…' : 'Preview'}</button>
        <button type="button" class="main" onClick={() => { atLeastOne(() => { setAsking(true); }); }}>Decide</button>
        <span class="quiet">{approved.length} to apply, {items.length - approved.length} not</span>
      </div>
      {preview === null ? null : <Preview preview={preview} />}
      {isAsking ? (
        <ActDialog
          title={`Apply ${approved.length} changes?`} act={decide}
          words={['Apply', 'Applying…']} errors={[]} onSubmit={decide.run}
          onClose={() => { setAsking(false); }}
        >
          <p>
            {approved.length === 0 ? 'Everything is rejected: nothing is applied, and the session ends.'
              : `${items.length - approved.length} of ${items.length} count as rejected.`}
            {preview?.two_people === true || proposal.risk?.two_people === true ? ' It may need a second person, who is asked next.' : ''}
          </p>
          <TextField id="decide-reason" label="Reason" hint="It stands in the audit log." value={reason} onChange={setReason} errors={[]} />
        </ActDialog>
      ) : null}
    </>
  );
}

const outcomes: Readonly<Record<Decided['status'], string>> = {
  preview: '', applied: 'Applied.', pending_second_approval: 'It waits for a second person.', rejected: 'Rejected. Nothing was applied.',
  applying: 'Decided. Its changes wait in the dead letters for an operator.',
};

const words = [['approve', 'Approve'], ['reject', 'Reject'], ['modify', 'Modify']] as const;

function Words({ item, word, onChoose }: {
  readonly item: Item;
  readonly word: Choice['word'] | undefined;
  readonly onChoose: (word: Choice['word']) => void;
}) {
  const name = fieldId(item.recommendation_id);
  return (
    <div role="radiogroup" aria-label={`Decision for ${item.target}`} class="words">
      {words.filter(([value]) => value !== 'modify' || item.after !== null).map(([value, text]) => (
        <label key={value} class="check">
          <input
            type="radio" id={`${name}-${value}`} name={name} value={value} checked={word === value} onChange={() => { onChoose(value); }}
          />{text}
        </label>
      ))}
    </div>
  );
}

function AfterCell({ item, choice, errors, onEdit }: {
  readonly item: Item;
  readonly choice: Choice | undefined;
  readonly errors: readonly FieldError[];
  readonly onEdit: (name: string, text: string) => void;
}) {
  const { after, before } = item;
  if (choice?.word !== 'modify' || after === null) return <ValuesCell values={after} other={before} none="removed" />;
  return (
    <div class="fields">
      {Object.entries(after).map(([name, value]) => (
        <TextField
          key={name} id={fieldId(item.recommendation_id, name)} label={name} errors={errors}
          value={choice.edits.get(name) ?? valueText(value)} onChange={(text) => { onEdit(name, text); }}
        />
      ))}
    </div>
  );
}

function Preview({ preview }: { readonly preview: Decided }) {
  return (
    <Region id="preview" title="What will happen">
      <p>
        {preview.changes.length === 0 ? 'Nothing is applied.' : `${preview.changes.length} of them are applied, together or not at all.`}
        {' '}Risk {preview.risk_score}.{preview.two_people ? ' Two people must approve.' : ''}
      </p>
      {preview.warnings.map(({ message }) => <p key={message} class="note">{message}</p>)}
      {preview.changes.length === 0 ? null : (
        <ol class="plain">
          {preview.changes.map((change) => (
            <li key={change.sequence}>
              <strong>{change.target}</strong>
              <ValuesCell values={change.after} other={change.before} none="is removed" />
            </li>
          ))}
        </ol>
      )}
    </Region>
  );
}
