/** What waits for an approver, the longest waiting first. */
import { useLocation } from 'preact-iso';
import { useAsked } from '../client/asking.ts';
import type { Awaited, Listed } from '../client/contract.ts';
import { get, query } from '../client/request.ts';
import { ChoiceFilter, Filters } from '../parts/filters.tsx';
import { ListTable, Paging } from '../parts/table.tsx';
import { Time } from '../parts/time.tsx';
import { AskedPage } from '../shell/page.tsx';

/** Between looks at an open list: each is an entry in the audit log. */
const listMs = 15_000;
const path = '/approvals';
const choices = [['', 'All'], ['anyone', 'anyone'], ['second_person', 'second person'], ['me', 'me']] as const;

export function Approvals() {
  const { query: { waits_for: waitsFor, cursor }, route } = useLocation();
  const known = choices.some(([value]) => value === waitsFor) ? waitsFor : undefined;
  const asked = useAsked<Listed<Awaited>>({
    key: ['approvals', known ?? '', cursor ?? ''], everyMs: listMs,
    ask: (signal) => get(`/approvals/${query({ waits_for: known, cursor })}`, signal),
  });
  const filters = (
    <Filters path={path} given={{ waits_for: known }}>
      <ChoiceFilter
        id="waits-for" label="Waits for" value={known ?? ''} choices={choices}
        onChange={(value) => { route(`${path}${query({ waits_for: value })}`); }}
      />
    </Filters>
  );
  return (
    <AskedPage asked={asked} title="Approvals" above={filters}>
      {(list) => (
        <>
          {list.results.length === 0 ? (
            <p class="empty">
              No approvals {known === undefined ? 'are waiting. A proposal comes here when a person has answered the last question.'
                : 'are waiting for this. Clear the filters to see the others.'}
            </p>
          ) : (
            <>
              <ListTable
                caption="Approvals" rows={list.results} idOf={(row) => row.session_id}
                columns={[
                  { name: 'Session', cell: (row) => <a class="id" href={`${path}/${row.session_id}`}>{row.session_id}</a> },
                  { name: 'Flow', cell: (row) => <>{row.flow.id} <span class="quiet">version {row.flow.version}</span></> },
                  { name: 'Changes', isNumber: true, cell: (row) => row.changes },
                  { name: 'Risk', isNumber: true, cell: (row) => row.risk_score },
                  { name: 'Waiting since', cell: (row) => <Time at={row.waiting_since} /> },
                  {
                    name: 'Waits for',
                    cell: (row) => (
                      <>
                        {row.waits_for === 'anyone' ? 'anyone' : 'second person'}
                        {row.may_decide ? null : <> <span class="badge">not you</span></>}
                      </>
                    ),
                  },
                ]}
              />
              <Paging list={list} path={path} given={{ waits_for: known }} />
            </>
          )}
        </>
      )}
    </AskedPage>
  );
}
