/** One session: as it is, as it was at any version, and what happened in it. */
import { useEffect, useState } from 'preact/hooks';
import { useRoute } from 'preact-iso';
import { questions, useAsked } from '../client/asking.ts';
import type { Replay, Session } from '../client/contract.ts';
import { base, get, request, type Answer } from '../client/request.ts';
import { copyText } from '../parts/filters.tsx';
import { Time } from '../parts/time.tsx';
import { AskedPage } from '../shell/page.tsx';
import { say } from '../shell/said.ts';
import { SessionActs } from './session-acts.tsx';
import { Events } from './session-events.tsx';
import { Versions } from './session-versions.tsx';

interface Known { readonly session: Answer<Session>; readonly replay: Replay }

/** Where live events cannot be had. */
const askMs = 30_000;
/** Events that come at once are one look. */
const gatherMs = 200;

export function SessionScreen() {
  const { params } = useRoute();
  const id = params['id'] ?? '';
  return <OneSession key={id} id={id} />;
}

function OneSession({ id }: { readonly id: string }) {
  const key = ['session', id];
  const asked = useAsked<Known>({
    key, everyMs: askMs,
    ask: async (signal) => {
      const [session, replay] = await Promise.all([
        request<Session>('GET', `/sessions/${id}/`, { signal }), get<Replay>(`/dashboard/session-replay/${id}/`, signal),
      ]);
      return { session, replay };
    },
  });
  const isOpen = asked.data !== undefined && asked.data.session.body.ended_at === null;
  useEffect(() => {
    if (!isOpen) return undefined;
    const source = new EventSource(`${base}/sessions/${id}/events/`);
    let timer: ReturnType<typeof setTimeout> | undefined;
    const look = (): void => {
      clearTimeout(timer);
      timer = setTimeout(() => { void questions.invalidateQueries({ queryKey: key }); }, gatherMs);
    };
    for (const name of ['state', 'question', 'checkpoint', 'recommendation', 'upload']) source.addEventListener(name, look);
    return () => {
      clearTimeout(timer);
      source.close();
    };
  }, [id, isOpen]);
  /** Why what was said may be read; null: it may not. */
  const [seenFor, setSeenFor] = useState<string | null>(null);
  const [version, setVersion] = useState<number | null>(null);
  return (
    <AskedPage asked={asked} title={`Session ${id.slice(0, 8)}`} trail={<a href="/sessions">Sessions</a>}>
      {({ session: { body: session }, replay }) => {
        const shown = version ?? session.checkpoint_version;
        return (
          <>
            <p class="lead">
              <span class={`badge ${session.state}`}>{session.state.replaceAll('_', ' ')}</span>{' '}
              {session.notice === null ? waiting[session.state] : session.notice.message}
            </p>
            {session.stale ? <p class="note">This is a copy, and may be behind: the engine cannot be asked just now.</p> : null}
            <Details session={session} replay={replay} />
            <SessionActs
              session={session} version={shown} isSeen={seenFor !== null} onSee={setSeenFor}
              onCopy={() => { void copyText(session.session_id).then((done) => { say(done ? 'Copied.'
                : 'Copying is not allowed here.'); }); }}
            />
            {session.checkpoint_version === 0 ? <p class="empty">No versions yet. The first is kept with the first answer.</p> : (
              <Versions session={session} version={shown} seenFor={seenFor} onChange={setVersion} />
            )}
            <Events replay={replay} />
          </>
        );
      }}
    </AskedPage>
  );
}

const waiting: Readonly<Record<Session['state'], string>> = {
  started: 'It waits for the first answer.', in_progress: 'It waits for the next answer.', generating: 'A proposal is being made.',
  awaiting_approval: 'It waits for an approver.', completed: 'It is done.', cancelled: 'It was cancelled.',
  error: 'It ended with an error.', escalated: 'A person has taken over, until it is returned to its owner.',
};

function Details({ session, replay }: { readonly session: Session; readonly replay: Replay }) {
  const link = replay.workflow?.temporal_ui ?? null;
  return (
    <dl class="details" aria-label="Details">
      <div><dt>Session</dt><dd><code>{session.session_id}</code></dd></div>
      <div><dt>Owner</dt><dd>{session.owner}</dd></div>
      <div><dt>Flow</dt><dd>{session.flow.id}, version {session.flow.version}, {session.language}</dd></div>
      <div><dt>Stage</dt><dd>{session.stage.replaceAll('_', ' ')}, {session.progress_percent} %</dd></div>
      <div><dt>Started</dt><dd><Time at={session.created_at} /></dd></div>
      <div><dt>Last activity</dt><dd><Time at={session.last_activity_at} /></dd></div>
      {session.ended_at === null ? null : <div><dt>Ended</dt><dd><Time at={session.ended_at} /></dd></div>}
      <div><dt>Answers</dt><dd>{session.answers_count}</dd></div>
      {link === null ? null : (
        <div><dt>Workflow</dt><dd><a href={link} target="_blank" rel="noreferrer">Open in Temporal</a></dd></div>
      )}
    </dl>
  );
}
