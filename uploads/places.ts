/**
 * Places among a person's uploads at once. A place lasts a few seconds and is kept by bytes that come, all of this process in one
 * statement: a silent, dead or killed upload holds none. Whoever was silent for long has to find one again, and ends where there is none.
 */
import type { Database } from '../stores/postgres/database.ts';
import { renewPlaces, takePlace, type UploadTimes, type UploadWriter } from '../stores/postgres/uploads.ts';
import type { UploadLimits } from '../domain/upload.ts';
import { UploadFailed } from './failure.ts';

export interface PlacesOptions {
  readonly db: Database;
  readonly limits: UploadLimits;
  readonly times: UploadTimes;
  /** PostgreSQL did not answer: it is asked again with the next turn. */
  readonly onFailure: (error: unknown) => void;
}

export interface HeldPlace {
  /** Bytes have come. */
  readonly moved: () => void;
  /** Fires when the place is lost for good, with the error that says so. */
  readonly signal: AbortSignal;
  readonly end: () => void;
}

interface Holder { readonly writer: UploadWriter & { readonly owner: string }; readonly lost: AbortController; hasMoved: boolean }

/** Parts of its length in which a place is renewed. */
const renewals = 4;

export class Places {
  private readonly options: PlacesOptions;
  private readonly holders = new Set<Holder>();
  private timer: NodeJS.Timeout | null = null;
  private isRenewing = false;

  constructor(options: PlacesOptions) {
    this.options = options;
  }

  hold(writer: Holder['writer']): HeldPlace {
    const holder: Holder = { writer, lost: new AbortController(), hasMoved: false };
    this.holders.add(holder);
    this.timer ??= setInterval(() => { this.renew().catch(this.options.onFailure); }, this.options.times.placeMs / renewals);
    return {
      moved: () => { holder.hasMoved = true; }, signal: holder.lost.signal,
      end: () => {
        this.holders.delete(holder);
        if (this.holders.size > 0 || this.timer === null) return;
        clearInterval(this.timer);
        this.timer = null;
      },
    };
  }

  private async renew(): Promise<void> {
    const moved = [...this.holders].filter(({ hasMoved }) => hasMoved);
    if (this.isRenewing || moved.length === 0) return;
    this.isRenewing = true;
    try {
      for (const holder of moved) holder.hasMoved = false;
      const kept = await renewPlaces(this.options.db, moved.map(({ writer }) => writer), this.options.times);
      await Promise.all(moved.filter(({ writer }) => !kept.has(writer.writer)).map((holder) => this.takeAgain(holder)));
    } finally {
      this.isRenewing = false;
    }
  }

  private async takeAgain(holder: Holder): Promise<void> {
    const { db, limits, times } = this.options;
    const place = await takePlace(db, holder.writer, limits, times);
    // it may have come to its end meanwhile
    if (place.kind === 'taken' || !this.holders.has(holder)) return;
    holder.lost.abort(place.kind === 'refused' ? place.refusal : new UploadFailed(
      'upload_gone', 'This upload was cancelled, or is sent by another request.',
      'Look at its state, and send it again if it is not there.',
    ));
  }
}
