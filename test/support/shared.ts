/** Instances that the test files of a run share, by the name of their profile. Each file keeps to tenants of its own. */
import { get, type IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import type { InstanceAddress } from './instance.ts';
import type { ProfileName } from './profiles.ts';
import { until } from './until.ts';

// not GANGWAY_…: what has such a name and is no setting is refused at a start
const variable = 'TESTED_GANGWAY_KEEPER';

/** For all workers of the run. */
export function nameKeeper(url: string): void {
  process.env[variable] = url;
}

/** The first to ask waits until it runs. */
export async function sharedInstance(name: ProfileName = 'default'): Promise<InstanceAddress> {
  return JSON.parse(await text(await asked(`/${name}`))) as InstanceAddress;
}

/** Everything it has printed so far. */
export async function outputOf(name: ProfileName = 'default'): Promise<string> {
  return text(await asked(`/${name}/output`));
}

export interface Lease {
  readonly instance: InstanceAddress;
  /** Whoever is next may have it. */
  end(): void;
}

/** How long a file may have to wait for its turn: for the hook that asks. */
export const leaseMs = 300_000;

/** An instance that files have one after the other. `receiver` is the port that what it sends comes to meanwhile. */
export async function leaseInstance(name: ProfileName, receiver = 0): Promise<Lease> {
  const response = await asked(`/${name}/lease?to=${receiver}`);
  const { promise, resolve, reject } = Promise.withResolvers<InstanceAddress>();
  let line = '';
  response.setEncoding('utf8').on('data', (chunk: string) => {
    line += chunk;
    if (line.endsWith('\n')) resolve(JSON.parse(line) as InstanceAddress);
  }).on('error', reject);
  const instance = await promise;
  await until('what was frozen before answers again', async () => (await fetch(`${instance.url}/readyz`)).status === 200);
  return { instance, end: () => { response.destroy(); } };
}

async function asked(path: string): Promise<IncomingMessage> {
  const keeper = process.env[variable];
  if (keeper === undefined) throw new Error('Nobody keeps shared instances: start tests by npm test.');
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    get(`${keeper}${path}`, { agent: false }, resolve).once('error', reject);
  });
  if (response.statusCode !== 200) throw new Error(await text(response));
  return response;
}
