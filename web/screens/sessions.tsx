/** The sessions of a tenant: found by any id, narrowed by what stands in the address. */
import { useState } from 'preact/hooks';
import { useLocation } from 'preact-iso';
import { useAsked } from '../client/asking.ts';
import type { Flow, Listed, Session } from '../client/contract.ts';
import { get, query } from '../client/request.ts';
import { ChoiceFilter, Filters } from '../parts/filters.tsx';
import { ListTable, Paging } from '../parts/table.tsx';
import { Time } from '../parts/time.tsx';
import { AskedPage } from '../shell/page.tsx';

const path = '/sessions';
/** Between looks at an open list: each is an entry in the audit log. */
const listMs = 15_000;
/** What a person who types is waited for. */
const typingMs = 300;

const stateNames = {
  started: 'started', in_progress: 'in progress', generating: 'generating', awaiting_approval: 'awaiting approval', completed: 'completed',
  cancelled: 'cancelled', error: 'error', escalated: 'escalated',
} as const satisfies Readonly<Record<Session['state'], string>>;
const stageNames = {
  started: 'started', engaged: 'engaged', recommendations_generated: 'recommendations generated', approval_decision: 'approval decision',
  completed: 'completed',
} as const satisfies Readonly<Record<Session['stage'], string>>;
const fields = ['q', 'state', 'flow', 'stage', 'sort'] as const;

export function Sessions() {
  const { query: inAddress, route } = useLocation();
  const given = Object.fromEntries(fields.map((name) => [name, inAddress[name]])) as Record<typeof fields[number], string | undefined>;
  const { cursor } = inAddress;
  const asked = useAsked<Listed<Session>>({
    key: ['sessions', given, cursor ?? ''], everyMs: listMs,
    ask: (signal) => get(`/sessions/${query({ ...given, cursor })}`, signal),
  });
  const flows = useAsked<Listed<Flow>>({ key: ['flows'], ask: (signal) => get('/flows/', signal) }).data?.results ?? [];
  const [typed, setTyped] = useState(given.q ?? '');
  const [timer, setTimer] = useState<ReturnType<typeof setTimeout> | null>(null);
  /** What is chosen is a step back; what is typed is not. */
  const narrow = (change: Partial<typeof given>, isTyping = false): void => {
    route(`${path}${query({ ...given, ...change })}`, isTyping);
  };
  const type = (text: string): void => {
    setTyped(text);
    if (timer !== null) clearTimeout(timer);
    setTimer(setTimeout(() => { narrow({ q: text.trim() }, true); }, typingMs));
  };
  const isNarrowed = fields.some((name) => name !== 'sort' && given[name] !== undefined);
  const filters = (
    <Filters path={path} given={given} onClear={() => {
      if (timer !== null) clearTimeout(timer);
      setTyped('');
    }}>
      <div class="field">
        <label for="find">Find by id, owner or correlation id</label>
        <input id="find" type="search" value={typed} autocomplete="off" onInput={(event) => { type(event.currentTarget.value); }} />
      </div>
      <ChoiceFilter
        id="state" label="State" value={given.state ?? ''} choices={[['', 'All'], ...Object.entries(stateNames)]}
        onChange={(state) => { narrow({ state }); }}
      />
      <ChoiceFilter
        id="flow" label="Flow" value={given.flow ?? ''} choices={[['', 'All'], ...flows.map(({ id, title }) => [id, title] as const)]}
        onChange={(flow) => { narrow({ flow }); }}
      />
      <ChoiceFilter
        id="stage" label="Stage" value={given.stage ?? ''} choices={[['', 'All'], ...Object.entries(stageNames)]}
        onChange={(stage) => { narrow({ stage }); }}
      />
    </Filters>
  );
  const sorted = (by: string, isUsual: boolean) => ({
    isOn: given.sort === by || (isUsual && given.sort === undefined), onSort: () => { narrow({ sort: by }); },
  });
  return (
    <AskedPage asked={asked} title="Sessions" above={filters}>
      {(list) => (list.results.length === 0 ? (
        <p class="empty">No sessions {isNarrowed ? 'match. Clear the filters to see the others.'
          : 'yet. They begin when people start a flow.'}</p>
      ) : (
        <>
          <ListTable
            caption="Sessions" rows={list.results} idOf={(session) => session.session_id}
            columns={[
              { name: 'Session', cell: (session) => <a class="id" href={`${path}/${session.session_id}`}>{session.session_id}</a> },
              { name: 'Owner', cell: (session) => session.owner },
              { name: 'Flow', cell: (session) => session.flow.id },
              { name: 'State', cell: (session) => <span class={`badge ${session.state}`}>{stateNames[session.state]}</span> },
              { name: 'Stage', cell: (session) => stageNames[session.stage] },
              { name: 'Started', sort: sorted('started_at', true), cell: (session) => <Time at={session.created_at} /> },
              { name: 'Last activity', sort: sorted('last_activity_at', false), cell: (session) => <Time at={session.last_activity_at} /> },
            ]}
          />
          <Paging list={list} path={path} given={given} />
        </>
      ))}
    </AskedPage>
  );
}
