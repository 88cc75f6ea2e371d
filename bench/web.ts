/** The console as Lighthouse judges it: signed out at the first page, and an operator at Dead letters. */
import { consoleCookie } from '../api/console-cookie.ts';
import { developmentToken } from '../scripts/development-token.ts';
import { developmentKey } from '../scripts/embedded/secrets.ts';
import { readConfiguration } from '../service/environment.ts';
import { openDatabase } from '../stores/postgres/database.ts';
import { startBrowser } from '../test/support/browser.ts';
import { freePort } from '../test/support/free-port.ts';
import { tenant } from './answering.ts';
import { fillTasks } from './dlq.ts';
import { startHost } from './host-process.ts';
import type { Context, Figure, Outcome } from './part.ts';
import { median, range } from './statistics.ts';
import { categories, forms, metrics, openLighthouse, type Form, type Looked, type Metric } from './web/lighthouse.ts';

const [looks, scoreMin] = [3, 95];
const [tasks, openTasks] = [2_000, 500];

interface Place { readonly name: string; readonly path: string; readonly headers: Readonly<Record<string, string>> }
interface Seen { readonly place: Place; readonly form: Form; readonly looked: readonly Looked[] }

export async function run({ folder, say }: Context): Promise<Outcome> {
  say('starting the service and Chromium ...');
  const host = await startHost(folder, {});
  const db = openDatabase({ url: host.databaseUrl, timeoutMs: 120_000, connections: 1 });
  const port = await freePort();
  const browser = await startBrowser([`--remote-debugging-port=${port}`]);
  try {
    await fillTasks(db, tasks, openTasks);
    const token = await developmentToken(
      { tenant, sub: 'dee', roles: ['admin'], ttlSeconds: 3_600 }, await developmentKey(folder), readConfiguration({}),
    );
    const places = [
      { name: 'Sign in', path: '/sign-in', headers: {} },
      { name: 'Dead letters', path: '/dead-letters', headers: { cookie: `${consoleCookie}=${token}` } },
    ];
    const look = await openLighthouse(port);
    const seen: Seen[] = [];
    for (const place of places) {
      for (const form of forms) {
        say(`${looks} looks at ${place.name}, ${form} ...`);
        const looked: Looked[] = [];
        for (let at = 0; at < looks; at += 1) looked.push(await look(`${host.url}${place.path}`, form, place.headers));
        seen.push({ place, form, looked });
      }
    }
    return outcome(seen);
  } finally {
    await browser.close();
    await db.close();
    await host.stop();
  }
}

function outcome(seen: readonly Seen[]): Outcome {
  const figures = seen.flatMap(({ place, form, looked }) => [
    ...categories.map((category): Figure => {
      const scores = looked.map((each) => each.scores[category]);
      return { name: `${place.name}, ${form}: ${category}`, value: median(scores), unit: '', range: range(scores),
        goal: { atLeast: scoreMin } };
    }),
    ...Object.entries(metrics).map(([metric, unit]): Figure => {
      const found = looked.map((each) => each.metrics[metric as Metric]);
      return { name: `${place.name}, ${form}: ${metric}`, value: median(found), unit, range: range(found), goal: null };
    }),
  ]);
  return {
    title: 'The console, as Lighthouse judges it',
    notes: [
      `Medians of ${looks} looks each, at the built service on this machine, with the lines and processors that Lighthouse simulates.`,
      `Dead letters: an operator of a tenant with ${openTasks} parked tasks, signed in by the cookie.`,
    ],
    tables: [],
    figures,
    details: {
      looks: seen.map(({ place, form, looked }) => ({
        page: place.name, form, scores: looked.map(({ scores }) => scores),
        metrics: looked.map((each) => each.metrics),
        faults: [...new Set(looked.flatMap(({ faults }) => faults))],
      })),
    },
  };
}
