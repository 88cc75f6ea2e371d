/** One task: what it was tried with, how it failed each time, and what can be done. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { useRoute } from 'preact-iso';
import { useAct, useAsked } from '../client/asking.ts';
import type { Retried, WholeTask } from '../client/contract.ts';
import { RequestProblem } from '../client/problem.ts';
import { query, request, type Answer } from '../client/request.ts';
import type { FieldError } from '../parts/alerts.tsx';
import { ActButton } from '../parts/buttons.tsx';
import { TextField } from '../parts/fields.tsx';
import { Time } from '../parts/time.tsx';
import { AskedPage } from '../shell/page.tsx';
import { say } from '../shell/said.ts';
import { ReasonDialog } from './dead-letter-dialogs.tsx';
import { TaskInput } from './task-input-form.tsx';
import { amended, changesOf, fieldAt, fieldsOf, unreadable, type Edits } from './task-input.ts';

/** A round may be over in no time, and may take a minute. */
const retryingMs = 1_000;
const restingMs = 15_000;

const states: Readonly<Record<WholeTask['status'], string>> = {
  parked: 'It waits for you.', retrying: 'It is being tried again.', completed: 'It is done. Whoever waited has gone on.',
  discarded: 'It was discarded.',
};

type Tab = Answer<WholeTask>;

export function DeadLetter() {
  const { params } = useRoute();
  const id = params['id'] ?? '';
  return <Task key={id} id={id} />;
}

function Task({ id }: { readonly id: string }) {
  const asked = useAsked<Tab>({
    key: ['dead-letter', id], everyMs: (known) => (known?.body.status === 'retrying' ? retryingMs : restingMs),
    ask: (signal) => request<WholeTask>('GET', `/admin/dlq/tasks/${id}/`, { signal }),
  });
  const status = asked.data?.body.status;
  const rounds = asked.data?.body.manual_retries;
  /** A round that nobody has told the end of; it may be over before it was seen under way. */
  const untold = useRef<number | undefined>(undefined);
  useEffect(() => {
    if (status === undefined || rounds === undefined) return;
    if (status === 'retrying') untold.current = rounds;
    else if (rounds === untold.current) {
      say(status === 'parked' ? 'It failed again, and waits for you.' : states[status]);
      untold.current = undefined;
    }
  }, [status, rounds]);
  const [edits, setEdits] = useState<Edits>(new Map());
  const [errors, setErrors] = useState<readonly FieldError[]>([]);
  const [isForced, setForced] = useState(false);
  const [reason, setReason] = useState('');
  const [isDiscarding, setDiscarding] = useState(false);
  const [discardReason, setDiscardReason] = useState('');

  const known = asked.data;
  const fields = known === undefined ? [] : fieldsOf(known.body);
  const changes = changesOf(fields, edits);
  const retry = useAct(async (key) => {
    if (known === undefined) return;
    const wrong = unreadable(changes).map(({ pointer, label }) => ({ field: idOf(pointer), message: `${label} is not valid JSON` }));
    setErrors(wrong);
    if (wrong.length > 0) return;
    const body = {
      ...(changes.length === 0 ? {} : { input: amended(known.body.input, changes) }),
      ...(reason.trim() === '' ? {} : { reason }), ...(isForced ? { force: true } : {}),
    };
    try {
      const { body: begun } = await request<Retried>('POST', `/admin/dlq/tasks/${id}/retry/`, { key, body, ifMatch: known.etag });
      untold.current = begun.manual_retries;
    } catch (error) {
      const found = inputErrors(error, fields);
      if (found.length === 0) throw error;
      setErrors(found);
      return;
    }
    setEdits(new Map());
    say(states.retrying);
  });
  const discard = useAct(async () => {
    await request('DELETE', `/admin/dlq/tasks/${id}/${query({ reason: discardReason })}`);
    say(states.discarded);
    setDiscarding(false);
  });

  return (
    <AskedPage
      asked={asked} title={`Dead letter ${id.slice(0, 8)}`} errors={errors} problem={retry.problem}
      trail={<a href="/dead-letters">Dead letters</a>}
    >
      {({ body: task }) => (
        <>
          <p class="lead"><span class={`badge ${task.status}`}>{task.status}</span> {states[task.status]}</p>
          {task.stale ? <p class="note">This is a copy, and may be behind: the engine cannot be asked just now.</p> : null}
          <Details task={task} />
          {task.status === 'parked' ? (
            <>
              <TaskInput fields={fields} changes={changes} edits={edits} errors={errors} idOf={idOf} onEdit={setEdits} />
              <div class="card">
                <TextField id="retry-reason" label="Reason" hint="It stands in the audit log." value={reason} onChange={setReason}
                  errors={[]} />
                {task.manual_retries < task.max_retries ? null : (
                  <label class="check">
                    <input type="checkbox" checked={isForced} onChange={(event) => { setForced(event.currentTarget.checked); }} />
                    Also beyond the limit of {task.max_retries} retries
                  </label>
                )}
                <div class="actions">
                  <ActButton act={retry} words={['Retry', 'Retrying…']} kind="main" />
                  <button type="button" onClick={() => { setDiscarding(true); }}>Discard</button>
                  {task.session_id === null ? null : <a href={`/sessions/${task.session_id}`}>Open session</a>}
                </div>
              </div>
            </>
          ) : null}
          <Attempts task={task} />
          {isDiscarding ? (
            <ReasonDialog
              title="Discard this task?" words={['Discard', 'Discarding…']} isGrave onClose={() => { setDiscarding(false); }}
              act={{ act: discard, reason: discardReason, setReason: setDiscardReason }}
            ><p>It is not tried again. {task.session_id === null ? '' : 'The session that waits for it is told.'}</p></ReasonDialog>
          ) : null}
        </>
      )}
    </AskedPage>
  );
}

const idOf = (pointer: string): string => `input${pointer.replaceAll('/', '-')}`;

/** What the service found in the input, each at its field. */
function inputErrors(error: unknown, fields: ReturnType<typeof fieldsOf>): readonly FieldError[] {
  if (!(error instanceof RequestProblem) || error.code !== 'input_invalid') return [];
  const found = error.mistakes.map(({ pointer, message }): FieldError | null => {
    const field = fieldAt(fields, pointer);
    return field === null ? null : { field: idOf(field.pointer), message: message.replace(field.pointer, field.label) };
  });
  // one that belongs to no field is told as the service tells it
  return found.some((each) => each === null) ? [] : found.filter((each) => each !== null);
}

function Details({ task }: { readonly task: WholeTask }) {
  return (
    <dl class="details" aria-label="Details">
      <div class="wide"><dt>Failure</dt><dd>{task.exception_message}</dd></div>
      <div><dt>Task</dt><dd>{task.task_name}</dd></div>
      <div><dt>Category</dt><dd>{task.category}, {task.severity}</dd></div>
      <div><dt>Attempts</dt><dd>{task.attempts}, {task.manual_retries} by hand of {task.max_retries}</dd></div>
      <div><dt>Parked</dt><dd><Time at={task.parked_at} /></dd></div>
      <div><dt>Task id</dt><dd><code>{task.task_id}</code></dd></div>
      <div><dt>Session</dt><dd>{task.session_id === null ? 'none' : <code>{task.session_id}</code>}</dd></div>
      <div><dt>Correlation id</dt><dd><code>{task.correlation_id}</code></dd></div>
      <div><dt>Same failure</dt><dd><a href={`/dead-letters${query({ fingerprint: task.fingerprint })}`}>{task.fingerprint}</a></dd></div>
      {task.discarded === null ? null : (
        <div><dt>Discarded by</dt><dd>{task.discarded.actor}{task.discarded.reason === null ? '' : `: ${task.discarded.reason}`}</dd></div>
      )}
      {task.links.temporal_ui === null ? null : (
        <div><dt>Workflow</dt><dd><a href={task.links.temporal_ui} target="_blank" rel="noreferrer">Open in Temporal</a></dd></div>
      )}
    </dl>
  );
}

function Attempts({ task }: { readonly task: WholeTask }) {
  return (
    <section>
      <h2 id="attempts">Attempts</h2>
      <ol role="list" aria-labelledby="attempts" class="attempts" reversed>
        {task.retry_history.toReversed().map(({ round, attempt, at, category, error, actor, reason, input }) => (
          <li key={`${round}-${attempt}`}>
            <Time at={at} />
            <p>{error}</p>
            <p class="quiet">
              {category}, {round === 0 ? 'by itself' : `round ${round}${actor === null ? '' : `, asked for by ${actor}`}`}
              {reason === null ? '' : `: ${reason}`}{input === 'amended' ? ', with a changed input' : ''}
            </p>
          </li>
        ))}
      </ol>
    </section>
  );
}
