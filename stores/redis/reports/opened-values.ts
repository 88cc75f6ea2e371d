/** Values that were opened a moment ago: to open, unpack and read one costs more than all else of a request that is answered by it. */

interface Opened { readonly sealed: Buffer; readonly value: unknown; readonly characters: number }

/** The one used last is the last to go. `charactersMax`: of their JSON, together. */
export class OpenedValues {
  readonly #charactersMax: number;
  readonly #opened = new Map<string, Opened>();
  #characters = 0;

  constructor(charactersMax: number) {
    this.#charactersMax = charactersMax;
  }

  /** undefined: it was not opened, or stands there otherwise by now. Every sealing of a value is another text. */
  get(id: string, sealed: Buffer): unknown {
    const known = this.#opened.get(id);
    if (known === undefined || !known.sealed.equals(sealed)) return undefined;
    this.#opened.delete(id);
    this.#opened.set(id, known);
    return known.value;
  }

  /** Nobody may change the value afterwards. */
  put(id: string, { sealed, value, characters }: Opened): void {
    this.#forget(id);
    if (characters > this.#charactersMax) return;
    this.#opened.set(id, { sealed, value, characters });
    this.#characters += characters;
    for (const oldest of this.#opened.keys()) {
      if (this.#characters <= this.#charactersMax) break;
      this.#forget(oldest);
    }
  }

  #forget(id: string): void {
    this.#characters -= this.#opened.get(id)?.characters ?? 0;
    this.#opened.delete(id);
  }
}
