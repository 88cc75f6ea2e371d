/** Places for event streams: so many in this process, so many of one person. */
import type { Call } from './call.ts';
import { Problem } from './problem.ts';

export interface StreamPlacesOptions { readonly streamsMax: number; readonly streamsPerPersonMax: number }

/** Streams end when they end: what a refused person is told to wait. */
const retryAfterSeconds = '10';

export class StreamPlaces {
  private readonly options: StreamPlacesOptions;
  private readonly perPerson = new Map<string, number>();
  private open = 0;

  constructor(options: StreamPlacesOptions) {
    this.options = options;
  }

  /** One of the person's places, until the request ends. Throws `rate_limited` or `too_many_streams` when there is none. */
  take({ actor, onEnd }: Pick<Call, 'actor' | 'onEnd'>): void {
    const { streamsMax, streamsPerPersonMax } = this.options;
    const person = JSON.stringify([actor.tenant, actor.subject]);
    const own = this.perPerson.get(person) ?? 0;
    if (own >= streamsPerPersonMax) {
      throw new Problem('rate_limited', `You have ${own} event streams open, and that is the most. Close one first.`, {
        headers: { 'Retry-After': retryAfterSeconds }, members: { violated_policies: ['streams'] },
      });
    }
    if (this.open >= streamsMax) {
      throw new Problem('too_many_streams', 'There is no room for another event stream right now.', {
        headers: { 'Retry-After': retryAfterSeconds },
      });
    }
    this.perPerson.set(person, own + 1);
    this.open += 1;
    onEnd(() => {
      this.open -= 1;
      const left = (this.perPerson.get(person) ?? 1) - 1;
      if (left > 0) this.perPerson.set(person, left);
      else this.perPerson.delete(person);
    });
  }
}
