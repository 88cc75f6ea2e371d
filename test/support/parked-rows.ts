/** Rows of parked tasks, written as their workflows write them. */
import { randomUUID } from 'node:crypto';
import { developmentCodecKeys } from '../../scripts/embedded/secrets.ts';
import { ParkedTask, type Parking, type ParkedTaskState, type TaskFailure } from '../../domain/parked-task.ts';
import { createSealer, readCodecKeys, type Sealer } from '../../encryption/sealer.ts';
import type { InstanceAddress } from './instance.ts';

/** The sealer of a running instance. */
export async function sealerOf(instance: InstanceAddress): Promise<Sealer> {
  return createSealer(readCodecKeys(await developmentCodecKeys(instance.folder)));
}

export function failureOf(failure: Partial<TaskFailure> = {}, at = Date.now()): TaskFailure {
  const shared = {
    category: 'external_api', severity: 'medium', unclassified: false, exception_type: 'HttpError', message: 'HTTP 503', fingerprint: 'f-1',
    ...failure,
  } as const;
  const attempt = (number: number) => ({
    number, at: at - 1_000 * (3 - number), category: shared.category, error: shared.message, delay_seconds: number === 2 ? null : 1,
    worker: 'w-1',
  });
  return { ...shared, attempts: failure.attempts ?? [attempt(1), attempt(2)] };
}

interface Parked extends Partial<Omit<Parking, 'failure'>> { readonly failure?: Partial<TaskFailure>; readonly at?: number }

export function parked(tenant: string, { failure, at = Date.now(), ...given }: Parked = {}): ParkedTaskState {
  return ParkedTask.park({
    task_id: randomUUID(), tenant, task_name: 'applyChangeset', input: {},
    context: { session_id: null, user: 'ana', correlation_id: 'c-1' },
    reply_to: null, max_retries: 3, failure: failureOf(failure, at), ...given,
  }, at).state;
}

/** The same task after what happened to it. */
export function after(state: ParkedTaskState, ...steps: readonly ((task: ParkedTask) => void)[]): ParkedTaskState {
  const task = new ParkedTask(structuredClone(state));
  for (const step of steps) step(task);
  return task.state;
}
