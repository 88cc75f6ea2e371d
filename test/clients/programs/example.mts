/** An answer to whatever is asked, as a first program would give it. */
export interface Asked { readonly id: string; readonly type: string; readonly options: readonly { readonly value: string }[] }

const examples: Readonly<Record<string, unknown>> = {
  text: 'Harbour Office', number: 10, boolean: true, date: '2027-01-15', time_range: { start: '09:00', end: '17:30' }, email: 'office@example.org',
};

export function exampleOf({ type, options }: Asked): unknown {
  const first = options[0]?.value;
  if (type === 'single_choice') return first;
  return type === 'multi_choice' ? [first] : examples[type];
}

declare const process: { readonly env: Readonly<Record<string, string | undefined>> };

export function setting(name: string): string {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is not set.`);
  return value;
}

/** Longest wait for a proposal. */
const waitsMax = 300;

export async function until(done: () => Promise<boolean>): Promise<void> {
  for (let waits = 0; waits < waitsMax; waits += 1) {
    if (await done()) return;
    await new Promise((resolve) => { setTimeout(resolve, 100); });
  }
  throw new Error('The proposal does not come.');
}

declare function setTimeout(work: (value: unknown) => void, ms: number): unknown;
