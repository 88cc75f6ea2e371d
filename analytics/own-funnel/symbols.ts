/** The characters of a tenant's histories, as a funnel sees them. */
import { foreign, symbolOf } from '../history.ts';
import type { FunnelDefinition } from './definition.ts';
import { markOf, markOfForeign, type Mark } from './marks.ts';

/** What the dictionary of a tenant has of the names of a funnel. */
export interface NamedSymbols {
  /** Key → number, of every key that one of the names finds. */
  readonly numbers: ReadonlyMap<string, number>;
  /** No key gets a number any more, so that more keys may be found among the events. */
  readonly full: boolean;
}

export class Alphabet {
  readonly #marks: ReadonlyMap<string, Mark>;
  readonly #rest: Mark;

  constructor({ numbers }: NamedSymbols, definition: FunnelDefinition) {
    this.#marks = new Map([...numbers].map(([key, number]) => [symbolOf(number), markOf(key, definition)]));
    this.#rest = markOfForeign(definition);
  }

  markOf(symbol: string): Mark {
    return symbol === foreign ? this.#rest : this.#marks.get(symbol) ?? this.#rest;
  }

  /** Characters of known keys whose marks are so, one after the other. */
  symbolsWith(wanted: (mark: Mark) => boolean): string {
    return [...this.#marks].filter(([, mark]) => mark !== 0 && wanted(mark)).map(([symbol]) => symbol).join('');
  }
}
