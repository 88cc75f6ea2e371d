/** What is asked before many tasks are retried or discarded. */
import type { ComponentChildren } from 'preact';
import { useId, useState } from 'preact/hooks';
import { useLocation } from 'preact-iso';
import { useAct } from '../client/asking.ts';
import type { Listed, Redrive, Task } from '../client/contract.ts';
import { RequestProblem } from '../client/problem.ts';
import { get, query, request } from '../client/request.ts';
import type { FieldError } from '../parts/alerts.tsx';
import { ActDialog } from '../parts/dialog.tsx';
import { TextField } from '../parts/fields.tsx';
import { say } from '../shell/said.ts';

const reasonHint = 'It stands in the audit log.';
const canaryUsual = 10;
/** Requests under way at once, of many tasks. */
const atOnce = 4;
const pageRows = 100;

interface Closing { readonly onClose: () => void }

/** A redrive of all that has one fingerprint. */
export function RetryGroupDialog({ fingerprint, count, onClose }: Closing & { readonly fingerprint: string; readonly count: number }) {
  const { route } = useLocation();
  const id = useId();
  const [canary, setCanary] = useState(String(Math.min(canaryUsual, count)));
  const [stopAt, setStopAt] = useState('50 %');
  const [rate, setRate] = useState('5');
  const [reason, setReason] = useState('');
  const [errors, setErrors] = useState<readonly FieldError[]>([]);
  const act = useAct(async (key) => {
    const { body } = await request<Redrive>('POST', '/admin/dlq/redrives/', {
      key, body: {
        filter: { fingerprint }, canary: Number(canary), stop_at_failure_share: shareOf(stopAt), rate_per_second: Number(rate), reason,
      },
    });
    route(`/redrives/${body.redrive_id}`);
  });
  const submit = (): void => {
    const share = shareOf(stopAt);
    const found = [
      ...(/^\d{1,5}$/.test(canary) ? [] : [{ field: `${id}-canary`, message: 'Enter a whole number of tasks for the canary, or 0' }]),
      ...(share >= 0 && share <= 1 ? [] : [{ field: `${id}-stop`, message: 'Enter a share from 0 % to 100 % to stop at' }]),
      ...(Number(rate) >= 0.01 && Number(rate) <= 100 ? [] : [{ field: `${id}-rate`,
        message: 'Enter a rate from 0.01 to 100 tasks a second' }]),
      ...missingReason(`${id}-reason`, reason),
    ];
    setErrors(found);
    if (found.length === 0) act.run();
  };
  return (
    <ActDialog
      title={`Retry ${count} tasks?`} onClose={onClose} act={act} words={['Retry', 'Retrying…']} errors={errors}
      onSubmit={submit}
    >
      <TextField
        id={`${id}-canary`} label="Canary" hint="So many first, and no more before all of them have ended." value={canary}
        onChange={setCanary} errors={errors} numeric
      />
      <TextField
        id={`${id}-stop`} label="Stop at" hint="Share of failures at which it stops." value={stopAt} onChange={setStopAt} errors={errors}
      />
      <TextField id={`${id}-rate`} label="Rate" hint="Tasks a second." value={rate} onChange={setRate} errors={errors} numeric />
      <TextField id={`${id}-reason`} label="Reason" hint={reasonHint} value={reason} onChange={setReason} errors={errors} />
    </ActDialog>
  );
}

/** Those that were selected, one by one. */
export function RetryTasksDialog({ ids, onClose }: Closing & { readonly ids: readonly string[] }) {
  const act = useOfEach(ids, 'retried', onClose, (task, reason, key) => request('POST', `/admin/dlq/tasks/${task}/retry/`, {
    key: `${key}-${task}`, body: { reason },
  }));
  return <ReasonDialog title={`Retry ${ids.length} tasks?`} words={['Retry', 'Retrying…']} act={act} onClose={onClose} />;
}

/** `ids` null: all that match. */
export function DiscardTasksDialog(
  { ids, fingerprint, count, onClose }: Closing & {
    readonly ids: readonly string[] | null;
    readonly fingerprint: string;
    readonly count: number;
  },
) {
  const which = ids ?? (() => parkedWith(fingerprint));
  const act = useOfEach(which, 'discarded', onClose, (task, reason) => (
    request('DELETE', `/admin/dlq/tasks/${task}/${query({ reason })}`)
  ));
  return (
    <ReasonDialog title={`Discard ${count} ${tasks(count)}?`} words={['Discard', 'Discarding…']} act={act} onClose={onClose} isGrave>
      <p>They are not tried again. Whoever waits for them is told.</p>
    </ReasonDialog>
  );
}

interface ReasonedAct { readonly act: ReturnType<typeof useAct>; readonly setReason: (reason: string) => void; readonly reason: string }

/** Does something with each; what cannot be done with one is counted, and the others go on. */
function useOfEach(
  which: readonly string[] | (() => Promise<readonly string[]>), done: string, onClose: () => void,
  one: (task: string, reason: string, key: string) => Promise<unknown>,
): ReasonedAct {
  const [reason, setReason] = useState('');
  const act = useAct(async (key) => {
    const ids = typeof which === 'function' ? await which() : which;
    const left = ids.values();
    let good = 0;
    const refused: RequestProblem[] = [];
    await Promise.all(Array.from({ length: atOnce }, async () => {
      for (const task of left) {
        try {
          await one(task, reason, key);
          good += 1;
        } catch (error) {
          if (!(error instanceof RequestProblem)) throw error;
          refused.push(error);
        }
      }
    }));
    const [first] = refused;
    if (good === 0 && first !== undefined) throw first;
    say(`${good} ${tasks(good)} ${done}${first === undefined ? '' : `, ${refused.length} not: ${first.message}`}.`);
    onClose();
  });
  return { act, reason, setReason };
}

async function parkedWith(fingerprint: string): Promise<readonly string[]> {
  const found: string[] = [];
  let cursor: string | undefined;
  do {
    const page: Listed<Task> = await get(`/admin/dlq/tasks/${query({ fingerprint, cursor, status: 'parked', limit: pageRows })}`);
    found.push(...page.results.map(({ task_id: id }) => id));
    cursor = page.next_cursor ?? undefined;
  } while (cursor !== undefined);
  return found;
}

export function ReasonDialog(
  { title, words, act: { act, reason, setReason }, onClose, isGrave = false, children }: Closing & {
    readonly title: string;
    readonly words: readonly [string, string];
    readonly act: ReasonedAct;
    readonly isGrave?: boolean;
    readonly children?: ComponentChildren;
  },
) {
  const id = useId();
  const [errors, setErrors] = useState<readonly FieldError[]>([]);
  const submit = (): void => {
    const found = missingReason(id, reason);
    setErrors(found);
    if (found.length === 0) act.run();
  };
  return (
    <ActDialog title={title} onClose={onClose} act={act} words={words} errors={errors} isGrave={isGrave} onSubmit={submit}>
      {children}
      <TextField id={id} label="Reason" hint={reasonHint} value={reason} onChange={setReason} errors={errors} />
    </ActDialog>
  );
}

function missingReason(field: string, reason: string): FieldError[] {
  return reason.trim() === '' ? [{ field, message: 'Enter a reason' }] : [];
}

/** "50 %", "50" and "0.5" are one share; NaN for what is none. */
function shareOf(text: string): number {
  const [, digits, percent] = /^\s*(\d+(?:\.\d+)?)\s*(%?)\s*$/.exec(text) ?? [];
  if (digits === undefined) return Number.NaN;
  return percent === '%' || Number(digits) > 1 ? Number(digits) / 100 : Number(digits);
}

function tasks(count: number): string {
  return count === 1 ? 'task' : 'tasks';
}
