/** What happened in a session, the newest first; long ones can be narrowed to what went wrong. */
import { useState } from 'preact/hooks';
import type { Moment, Replay } from '../client/contract.ts';
import { Time } from '../parts/time.tsx';
import { valueText } from './changes.tsx';

/** More at once help nobody, and slow the page. */
const shownMax = 300;

const bad: ReadonlySet<string> = new Set([
  'answer_refused', 'task_parked', 'session_escalated', 'session_abandoned', 'changeset_discarded', 'session_cancel_requested',
]);
const badWords = new Set(['error', 'escalated', 'failed', 'rejected', 'critical', 'high', 'infected', 'unreadable']);

export function isProblem({ event_type: type, data }: Moment): boolean {
  return bad.has(type) || Object.values(data).some((value) => typeof value === 'string' && badWords.has(value));
}

export function Events({ replay }: { readonly replay: Replay }) {
  const [isNarrow, setNarrow] = useState(false);
  const found = replay.timeline.filter((moment) => !isNarrow || isProblem(moment)).toReversed();
  return (
    <section>
      <div class="toolbar">
        <h2 id="events">Events</h2>
        <label class="check">
          <input type="checkbox" checked={isNarrow} onChange={(event) => { setNarrow(event.currentTarget.checked); }} />
          Only problems
        </label>
      </div>
      {replay.complete ? null : <p class="note">Not all of it: the engine is away, or old events are no longer kept.</p>}
      {found.length === 0 ? <p class="quiet">{isNarrow ? 'No problems in what happened.' : 'No events yet.'}</p> : (
        <ol role="list" aria-labelledby="events" class="attempts events" tabIndex={0} reversed>
          {found.slice(0, shownMax).map((moment) => (
            <li key={moment.sequence}>
              <Time at={moment.timestamp} />
              <p class={isProblem(moment) ? 'problem' : ''}>{moment.event_type.replaceAll('_', ' ')}</p>
              <p class="quiet">{words(moment.data)}</p>
            </li>
          ))}
        </ol>
      )}
      {found.length > shownMax ? <p class="quiet">The newest {shownMax} of {found.length}.</p> : null}
    </section>
  );
}

function words(data: Moment['data']): string {
  return Object.entries(data).map(([name, value]) => (
    name === 'shape' ? 'Hidden' : `${name === 'question_id' ? '' : `${name.replaceAll('_', ' ')}: `}${valueText(value)}`
  )).join(', ');
}
