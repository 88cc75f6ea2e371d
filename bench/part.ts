/** What a part of the bench is, and what it hands back. A new part is a file with `run`, and its line in main.ts. */

export interface Context {
  /** An empty folder of the part's own, on the disk that a user's data would be on; removed afterwards. */
  readonly folder: string;
  /** One line of progress. */
  readonly say: (line: string) => void;
}

export type Goal = { readonly atMost: number } | { readonly atLeast: number };

/** One measured figure, beside what it should be. */
export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: '' | 'µs' | 'ms' | 's' | 'MB' | '/s';
  /** null: told, not judged. */
  readonly goal: Goal | null;
  /** Lowest and highest of the repetitions behind the value: how far to trust it. */
  readonly range?: readonly [low: number, high: number];
}

export interface Table {
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

export interface Outcome {
  readonly title: string;
  /** How it was measured, and what is not in it. */
  readonly notes: readonly string[];
  readonly tables: readonly Table[];
  readonly figures: readonly Figure[];
  /** Everything that was measured, for bench/results. */
  readonly details: Readonly<Record<string, unknown>>;
}

export interface Part { run(context: Context): Promise<Outcome> }
