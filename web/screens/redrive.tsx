/** A redrive while it runs: its numbers come by themselves. */
import { useEffect, useState } from 'preact/hooks';
import { useRoute } from 'preact-iso';
import { questions, useAct, useAsked } from '../client/asking.ts';
import type { Redrive, WholeRedrive } from '../client/contract.ts';
import { base, get, request } from '../client/request.ts';
import { ActButton } from '../parts/buttons.tsx';
import { ReasonDialog } from './dead-letter-dialogs.tsx';
import { AskedPage } from '../shell/page.tsx';
import { say } from '../shell/said.ts';

const words: Readonly<Record<Redrive['status'], string>> = {
  running: 'Under way.', paused: 'Paused. Nothing more is sent until you continue.', completed: 'Done.',
  stopped: 'Stopped by itself.', aborted: 'Aborted.',
};

/** Where live numbers cannot be had. */
const askMs = 5_000;

export function RedriveScreen() {
  const { params } = useRoute();
  const id = params['id'] ?? '';
  const key = ['redrive', id];
  const asked = useAsked<WholeRedrive>({ key, everyMs: askMs, ask: (signal) => get(`/admin/dlq/redrives/${id}/`, signal) });
  const status = asked.data?.status;
  useEffect(() => {
    if (status !== undefined) say(words[status]);
  }, [status]);
  const isOpen = status === 'running' || status === 'paused';
  useEffect(() => {
    if (!isOpen) return undefined;
    const source = new EventSource(`${base}/admin/dlq/redrives/${id}/events/`);
    source.addEventListener('redrive', ({ data }: MessageEvent<string>) => {
      const redrive = JSON.parse(data) as Redrive;
      questions.setQueryData<WholeRedrive>(key, (known) => (known === undefined ? known : { ...known, ...redrive }));
      // what became of each task is asked for when all is over
      if (redrive.status !== 'running' && redrive.status !== 'paused') void questions.invalidateQueries();
    });
    return () => { source.close(); };
  }, [id, isOpen]);
  return (
    <AskedPage asked={asked} title={`Redrive ${id.slice(0, 8)}`} trail={<a href="/dead-letters">Dead letters</a>}>
      {(redrive) => <Numbers redrive={redrive} onKnown={(known) => {
        questions.setQueryData<WholeRedrive>(key, { ...redrive, ...known });
      }} />}
    </AskedPage>
  );
}

function Numbers({ redrive, onKnown }: { readonly redrive: WholeRedrive; readonly onKnown: (known: Redrive) => void }) {
  const { redrive_id: id, status, matched, canary, succeeded, failed, remaining, note, results } = redrive;
  const ended = succeeded + failed;
  const missed = results.filter(({ result }) => result !== 'succeeded');
  return (
    <>
      <p class="lead">{words[status]}{note === null ? '' : ` ${note}`}</p>
      <section class="card bars" aria-label="Progress">
        {canary === 0 ? null : <Bar name="Canary" value={Math.min(ended, canary)} max={canary} />}
        <Bar name="All" value={ended} max={matched} />
        <p class="numbers">{succeeded} ok, {failed} failed, {remaining} left</p>
      </section>
      {status === 'running' || status === 'paused' ? <Steering id={id} status={status} sent={matched - remaining}
        onKnown={onKnown} /> : null}
      {missed.length === 0 ? null : (
        <section>
          <h2 id="missed">Not mended by it</h2>
          <ul aria-labelledby="missed" class="plain">
            {missed.map(({ task_id: task, result }) => (
              <li key={task}><a href={`/dead-letters/${task}`}>{task}</a> <span class="quiet">{outcomes[result]}</span></li>
            ))}
          </ul>
        </section>
      )}
    </>
  );
}

const outcomes: Readonly<Record<WholeRedrive['results'][number]['result'], string>> = {
  succeeded: 'went well', failed: 'failed again', not_parked: 'was not parked any more',
    max_retries_exceeded: 'was retried too often before',
};

function Bar({ name, value, max }: { readonly name: string; readonly value: number; readonly max: number }) {
  return (
    <div class="bar">
      <span aria-hidden="true">{name}</span>
      <progress aria-label={name} value={value} max={Math.max(max, 1)} />
      <span class="quiet">{value} of {max}</span>
    </div>
  );
}

function Steering(
  { id, status, sent, onKnown }: {
    readonly id: string;
    readonly status: 'running' | 'paused';
    readonly sent: number;
    readonly onKnown: (known: Redrive) => void;
  },
) {
  const [isAborting, setAborting] = useState(false);
  const [reason, setReason] = useState('');
  const steer = (act: 'pause' | 'resume' | 'abort', body: object) => async (key: string): Promise<void> => {
    onKnown((await request<Redrive>('POST', `/admin/dlq/redrives/${id}/${act}/`, { key, body })).body);
  };
  const pause = useAct(steer('pause', {}));
  const resume = useAct(steer('resume', {}));
  const abort = useAct(steer('abort', { reason }));
  return (
    <div class="actions">
      {status === 'running' ? <ActButton act={pause} words={['Pause', 'Pausing…']} />
        : <ActButton act={resume} words={['Continue', 'Continuing…']} kind="main" />}
      <button type="button" onClick={() => { setAborting(true); }}>Abort</button>
      {isAborting ? (
        <ReasonDialog
          title="Abort this redrive?" words={['Abort', 'Aborting…']} act={{ act: abort, reason, setReason }} isGrave
          onClose={() => { setAborting(false); }}
        ><p>{sent} already sent stay sent. The others stay where they are.</p></ReasonDialog>
      ) : null}
    </div>
  );
}
