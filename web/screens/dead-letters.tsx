/** Tasks that failed for good: by what went wrong, and those of one group. */
import { useState } from 'preact/hooks';
import { useLocation } from 'preact-iso';
import { useAsked } from '../client/asking.ts';
import type { Listed, Task, TaskGroup, TaskGroups } from '../client/contract.ts';
import { get, query } from '../client/request.ts';
import { ListTable, Paging } from '../parts/table.tsx';
import { Time } from '../parts/time.tsx';
import { AskedPage } from '../shell/page.tsx';
import { DiscardTasksDialog, RetryGroupDialog, RetryTasksDialog } from './dead-letter-dialogs.tsx';

/** Between looks at a list that is open: each is an entry in the audit log. */
const listMs = 15_000;
/** While some of them are being tried again. */
const retryingMs = 2_000;
const groupsMax = 100;

export function DeadLetters() {
  const { query: given } = useLocation();
  const { fingerprint, cursor } = given;
  return fingerprint === undefined ? <Groups /> : <Group key={`${fingerprint} ${cursor}`} fingerprint={fingerprint} cursor={cursor} />;
}

function Groups() {
  const asked = useAsked<TaskGroups>({
    key: ['dead-letter-groups'], everyMs: listMs, ask: (signal) => get(`/admin/dlq/groups/${query({ limit: groupsMax })}`, signal),
  });
  const [retrying, setRetrying] = useState<TaskGroup | null>(null);
  return (
    <AskedPage asked={asked} title="Dead letters">
      {({ results, total }) => (
        <>
          {results.length === 0 ? (
            <p class="empty">No dead letters. A task that fails for good waits here, and you retry it or discard it.</p>
          ) : (
            <>
              <p class="lead">Tasks that failed and wait for a person, the largest groups first.</p>
              <ListTable
                caption="Dead letters" rows={results} idOf={(group) => group.fingerprint}
                columns={[
                  {
                    name: 'Failure',
                    cell: (group) => (
                      <a href={`/dead-letters${query({ fingerprint: group.fingerprint })}`}>
                        {group.message} <code class="quiet">{group.fingerprint}</code>
                      </a>
                    ),
                  },
                  { name: 'Task', cell: (group) => group.task_name },
                  { name: 'Count', isNumber: true, cell: (group) => group.count },
                  { name: 'Sessions', isNumber: true, cell: (group) => group.sessions },
                  { name: 'First seen', cell: (group) => <Time at={group.first_seen} /> },
                  { name: 'Last seen', cell: (group) => <Time at={group.last_seen} /> },
                ]}
                acts={(group) => <button type="button" onClick={() => { setRetrying(group); }}>Retry group…</button>}
              />
              <Paging list={{ total, next_cursor: null }} path="/dead-letters" given={{}} />
            </>
          )}
          {retrying === null ? null : (
            <RetryGroupDialog fingerprint={retrying.fingerprint} count={retrying.count} onClose={() => { setRetrying(null); }} />
          )}
        </>
      )}
    </AskedPage>
  );
}

type Open = 'retry' | 'discard' | null;

function Group({ fingerprint, cursor }: { readonly fingerprint: string; readonly cursor: string | undefined }) {
  const asked = useAsked<Listed<Task>>({
    key: ['dead-letters', fingerprint, cursor ?? ''],
    everyMs: (list) => (list?.results.some(({ status }) => status === 'retrying') === true ? retryingMs : listMs),
    ask: (signal) => get(`/admin/dlq/tasks/${query({ fingerprint, cursor })}`, signal),
  });
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const [isAll, setAll] = useState(false);
  const [open, setOpen] = useState<Open>(null);
  const close = (): void => { setOpen(null); };
  return (
    <AskedPage asked={asked} title="Dead letters" trail={<a href="/dead-letters">All groups</a>}>
      {(list) => {
        const parked = list.results.filter(({ status }) => status === 'parked').map(({ task_id: id }) => id);
        const ids = parked.filter((id) => chosen.has(id));
        const count = isAll ? list.total : ids.length;
        const first = list.results[0];
        if (first === undefined) return <p class="empty">No dead letters of this kind. They were retried, or discarded.</p>;
        return (
          <>
            <p class="lead">{first.exception_message} <code class="quiet">{fingerprint}</code></p>
            <div class="toolbar">
              <label class="check">
                <input type="checkbox" checked={isAll} onChange={(event) => { setAll(event.currentTarget.checked); }} />
                Select all {list.total} matching
              </label>
              <div class="actions">
                <Needing count={count} name="Retry…" onPress={() => { setOpen('retry'); }} />
                <Needing count={count} name="Discard…" onPress={() => { setOpen('discard'); }} />
              </div>
            </div>
            <ListTable
              caption="Dead letters" rows={list.results} idOf={(task) => task.task_id}
              columns={[
                {
                  name: 'Task id',
                  cell: (task) => (
                    <span class="chosen">
                      <input
                        type="checkbox" aria-label={`Select ${task.task_id}`} checked={isAll || chosen.has(task.task_id)}
                        disabled={isAll || task.status !== 'parked'}
                        onChange={(event) => { setChosen(toggled(chosen, task.task_id, event.currentTarget.checked)); }}
                      />
                      <a href={`/dead-letters/${task.task_id}`}>{task.task_id}</a>
                      {task.status === 'parked' ? null : <span class="badge">{task.status}</span>}
                    </span>
                  ),
                },
                { name: 'Task', cell: (task) => task.task_name },
                { name: 'Category', cell: (task) => task.category },
                { name: 'Attempts', isNumber: true, cell: (task) => task.attempts },
                { name: 'Parked', cell: (task) => <Time at={task.parked_at} /> },
                { name: 'Session', cell: (task) => (task.session_id === null ? 'none' : <a class="id"
                  href={`/sessions/${task.session_id}`}>{task.session_id}</a>) },
              ]}
            />
            <Paging list={list} path="/dead-letters" given={{ fingerprint }} />
            {open === 'retry' && isAll ? <RetryGroupDialog fingerprint={fingerprint} count={count} onClose={close} /> : null}
            {open === 'retry' && !isAll ? <RetryTasksDialog ids={ids} onClose={close} /> : null}
            {open === 'discard' ? <DiscardTasksDialog count={count} ids={isAll ? null : ids} fingerprint={fingerprint}
              onClose={close} /> : null}
          </>
        );
      }}
    </AskedPage>
  );
}

/** A button for what is selected: it stays where it is, and says what it needs. */
function Needing({ count, name, onPress }: { readonly count: number; readonly name: string; readonly onPress: () => void }) {
  return (
    <button
      type="button" aria-disabled={count === 0} title={count === 0 ? 'Select tasks first' : undefined}
      onClick={() => { if (count > 0) onPress(); }}
    >{name}</button>
  );
}

function toggled(chosen: ReadonlySet<string>, id: string, isOn: boolean): ReadonlySet<string> {
  const next = new Set(chosen);
  if (isOn) next.add(id);
  else next.delete(id);
  return next;
}
