/** Live numbers of a redrive: its workflow is asked, and what has changed is sent, until it is over. */
import { createHash } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { MessageRejected } from '../domain/message.ts';
import type { RedriveState } from '../domain/redrive-state.ts';
import { EngineUnavailableError } from '../engine/calls.ts';
import type { ParkedTasks } from '../engine/parked-tasks.ts';
import type { Call } from './call.ts';
import { eventText, type Stream } from './event-stream.ts';
import type { StreamPlaces } from './stream-places.ts';

export interface RedriveStreamsOptions {
  readonly tasks: Pick<ParkedTasks, 'redrive'>;
  readonly places: StreamPlaces;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

type Follower = Pick<Call, 'actor' | 'onEnd' | 'lastEventId' | 'expiresAt' | 'stillCounts'>;

/** A person watches it: numbers are at most this old. */
const pollMs = 500;
/** And so often the credential is looked at. */
const checkMs = 30_000;

export class RedriveStreams {
  private readonly options: RedriveStreamsOptions;

  constructor(options: RedriveStreamsOptions) {
    this.options = options;
  }

  /**
   * Each event is the whole redrive as `present` shows it, its id a hash of that. null: it is over, and the reader comes back having
   * seen how it ended; one that was cut off before is shown it. Throws not_found, and `rate_limited` or `too_many_streams` when it
   * would be one stream too many.
   */
  async follow(call: Follower, redriveId: string, present: (redrive: RedriveState) => object): Promise<Stream | null> {
    this.options.places.take(call);
    const first = await this.options.tasks.redrive(call.actor.tenant, redriveId);
    if (isOver(first) && call.lastEventId === idOf(present(first))) return null;
    return (write, signal) => this.run(call, first, present, write, signal);
  }

  private async run(
    call: Follower, first: RedriveState, present: (redrive: RedriveState) => object, write: (text: string) => void, signal: AbortSignal,
  ): Promise<void> {
    const { now } = this.options;
    let redrive: RedriveState | null = first;
    let sent = '';
    let checked = now();
    while (redrive !== null) {
      const data = present(redrive);
      const id = idOf(data);
      if (id !== sent) write(eventText({ id, name: 'redrive', data }));
      sent = id;
      if (isOver(redrive)) return;
      await pause(pollMs, undefined, { signal }).catch(() => undefined);
      if (signal.aborted || now() >= call.expiresAt) return;
      if (now() - checked >= checkMs) {
        if (!await call.stillCounts().catch(() => false)) return;
        checked = now();
      }
      redrive = await this.asked(call.actor.tenant, redrive);
    }
  }

  /** What is known while the engine cannot be asked; null when there is nothing left to follow. */
  private async asked(tenant: string, known: RedriveState): Promise<RedriveState | null> {
    try {
      return await this.options.tasks.redrive(tenant, known.redrive_id);
    } catch (error) {
      if (error instanceof MessageRejected) return null;
      if (error instanceof EngineUnavailableError) return known;
      throw error;
    }
  }
}

/** What is shown has no count of its own that processes would share: the same numbers are the same event. */
function idOf(shown: object): string {
  return createHash('sha256').update(JSON.stringify(shown)).digest('hex').slice(0, 16);
}

function isOver({ status }: RedriveState): boolean {
  return status !== 'running' && status !== 'paused';
}
