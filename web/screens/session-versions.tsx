/** A session as it was: one version, and what had changed since the one before. */
import { useEffect, useState } from 'preact/hooks';
import { useAsked } from '../client/asking.ts';
import type { Session, SessionVersion } from '../client/contract.ts';
import { get, query } from '../client/request.ts';
import { ProblemAlert } from '../parts/alerts.tsx';
import { Time } from '../parts/time.tsx';
import { Waiting } from '../shell/page.tsx';
import { Region, valueText } from './changes.tsx';

interface VersionsProps {
  readonly session: Session;
  readonly version: number;
  /** Why what was said may be read; null: its shape alone. */
  readonly seenFor: string | null;
  readonly onChange: (version: number) => void;
}

/** A hand that moves on has not arrived: each version that is looked at is an entry in the audit log. */
const movingMs = 250;

export function versionPath(id: string, version: number, seenFor: string | null): string {
  return `/sessions/${id}/versions/${version}/${query(seenFor === null ? {} : { include: 'answers', reason: seenFor })}`;
}

export function Versions({ session, version, seenFor, onChange }: VersionsProps) {
  const [settled, setSettled] = useState(version);
  useEffect(() => {
    const timer = setTimeout(() => { setSettled(version); }, movingMs);
    return () => { clearTimeout(timer); };
  }, [version]);
  const asked = useAsked<SessionVersion>({
    key: ['version', session.session_id, settled, seenFor], ask: (signal) => get(versionPath(session.session_id, settled, seenFor), signal),
  });
  const known = asked.data?.version === version ? asked.data : undefined;
  return (
    <>
      <div class="card versions">
        <label for="version">Version</label>
        <input
          id="version" type="range" min={1} max={session.checkpoint_version} step={1} value={version}
          aria-valuetext={valueWords(version, known)} onInput={(event) => { onChange(Number(event.currentTarget.value)); }}
        />
        <p class="quiet">{valueWords(version, known)}</p>
      </div>
      {asked.problem === null ? null : <ProblemAlert problem={asked.problem} />}
      {known === undefined ? (asked.problem === null ? <Waiting /> : null) : (
        <div class="halves">
          <Region id="state" title={`State at version ${version}`}><State version={known} /></Region>
          <Region id="since" title={`Changes since version ${version - 1}`}><Changes version={known} /></Region>
        </div>
      )}
    </>
  );
}

const clock = new Intl.DateTimeFormat('en-GB', { timeStyle: 'medium' });

/** "version 12, 10:40:07, answered expected_users" */
function valueWords(version: number, known: SessionVersion | undefined): string {
  if (known === undefined) return `version ${version}`;
  const changes = known.changes_since_previous.map(({ change, question_id: question }) => `${change} ${question}`);
  return [`version ${version}`, clock.format(new Date(known.created_at)),
    ...(changes.length === 0 ? ['no answer changed'] : changes)].join(', ');
}

function State({ version }: { readonly version: SessionVersion }) {
  return (
    <>
      <p class="quiet">
        {version.state.replaceAll('_', ' ')}, {version.progress_percent} %, kept <Time at={version.created_at} />
        {version.label === null ? '' : `, "${version.label}"`}
      </p>
      {version.answers.length === 0 ? <p class="quiet">No answers.</p> : (
        <dl class="values">
          {version.answers.map(({ question_id: question, value, shape }) => (
            <div key={question}><dt>{question}</dt><dd><Value value={value} shape={shape} /></dd></div>
          ))}
        </dl>
      )}
    </>
  );
}

function Changes({ version }: { readonly version: SessionVersion }) {
  if (version.changes_since_previous.length === 0) return <p class="quiet">No answer changed.</p>;
  return (
    <dl class="values">
      {version.changes_since_previous.map((change) => (
        <div key={change.question_id}>
          <dt>{change.question_id}, {change.change}</dt>
          <dd>
            {change.change === 'answered' ? null : <del><Value value={change.previous_value} shape={change.previous_shape} /></del>}
            {change.change === 'amended' ? ' ' : null}
            {change.change === 'superseded' ? null : <ins><Value value={change.value} shape={change.shape} /></ins>}
          </dd>
        </div>
      ))}
    </dl>
  );
}

type Shape = SessionVersion['answers'][number]['shape'];

function Value({ value, shape }: { readonly value: unknown; readonly shape: Shape }) {
  if (shape !== undefined) {
    return <>Hidden <span class="quiet">{shape.type}{shape.length === undefined ? '' : `, ${shape.length} long`}</span></>;
  }
  return <>{value === null ? 'skipped' : valueText(value)}</>;
}
