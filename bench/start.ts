/** From `npm run up` to the first answered question, in copies of the project, so that cold is cold. */
import { join } from 'node:path';
import { developmentKey } from '../scripts/embedded/secrets.ts';
import { openSession } from './answering.ts';
import { copyProject } from './copy.ts';
import { HttpClient } from './http-client.ts';
import type { Context, Figure, Outcome } from './part.ts';
import { median, range, rounded } from './statistics.ts';
import { up } from './up.ts';

const repetitions = 3;

interface Start { readonly ready: number; readonly answered: number }

export async function run({ folder, say }: Context): Promise<Outcome> {
  const cold: Start[] = [];
  const warm: Start[] = [];
  for (let count = 1; count <= repetitions; count += 1) {
    say(`start ${count} of ${repetitions}, cold and warm ...`);
    const copy = join(folder, `copy-${count}`);
    await copyProject(copy);
    cold.push(await timed(copy));
    warm.push(await timed(copy));
  }
  return outcome(cold, warm);
}

/** Seconds from the command until the service took requests, and until a question was answered. */
async function timed(copy: string): Promise<Start> {
  const data = join(copy, '.local', 'data');
  const gangway = await up(copy, data);
  const seconds = (): number => (performance.now() - gangway.began) / 1_000;
  const ready = seconds();
  const http = new HttpClient(gangway.url);
  try {
    await openSession(http, await developmentKey(data));
    return { ready, answered: seconds() };
  } finally {
    http.close();
    await gangway.stop();
  }
}

function outcome(cold: readonly Start[], warm: readonly Start[]): Outcome {
  const row = (name: string, starts: readonly Start[]): Figure => {
    const seconds = starts.map((start) => start.answered);
    return { name, value: median(seconds), unit: 's', goal: null, range: range(seconds) };
  };
  const told = (starts: readonly Start[]) =>
    starts.map(({ ready, answered }) => ({ ready_seconds: rounded(ready, 2), answered_seconds: rounded(answered, 2) }));
  return {
    title: 'From npm run up to the first answered question',
    notes: [
      'Cold: empty data folder, workflow bundle built anew. Warm: the second start on the same data.',
      'Not in it: installing Node, packages and servers, which comes on top of the very first start. Files were in the',
      `page cache of the system. Medians of ${repetitions} starts each.`,
    ],
    tables: [],
    figures: [row('cold', cold), row('warm', warm)],
    details: { cold: told(cold), warm: told(warm) },
  };
}
