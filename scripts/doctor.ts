/** npm run doctor: looks at everything that is known to go wrong, and says in plain sentences what is wrong and how to mend it. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { Configuration } from '../service/configuration.ts';
import { examineEnvironment } from '../service/environment.ts';
import { optionsOrEnd } from './arguments.ts';
import { settingFindings } from './doctor/before-start.ts';
import { engineFindings } from './doctor/engine.ts';
import { about, reasonOf, type Finding, type State } from './doctor/finding.ts';
import { fileFindings } from './doctor/files.ts';
import { folderFindings, keyFindings } from './doctor/folder.ts';
import { machineFindings } from './doctor/machine.ts';
import { portFinding } from './doctor/port.ts';
import { clickhouseFinding, databaseFindings, identityFinding, redisFinding } from './doctor/stores.ts';
import { dataFolder } from './embedded/data-folder.ts';
import { codecKeyFile } from './embedded/secrets.ts';

const usage = `Usage: npm run --silent doctor [-- --json]
  --json  one JSON object in place of lines: { "state": "well" | "wrong" | "unseen", "findings": [{ about, state, says, mend? }] }
Ends with 0 when all is well, 1 when something is wrong, 2 when nothing is wrong as far as it could look,
but it could not look everywhere.`;

const RunFile = z.object({
  pid: z.number(), url: z.string(),
  urls: z.object({ temporalAddress: z.string(), redisUrl: z.string(), databaseUrl: z.string() }),
});
type RunFile = z.infer<typeof RunFile>;

/** What a running Gangway has written down, or null when none runs on the folder. */
async function runningOn(folder: string): Promise<RunFile | null> {
  const text = await readFile(join(folder, 'run.json'), 'utf8').catch(() => null);
  if (text === null) return null;
  const run = RunFile.parse(JSON.parse(text));
  const alive = await fetch(`${run.url}/livez`, { signal: AbortSignal.timeout(4_000) }).then((response) => response.ok, () => false);
  return alive ? run : null;
}

/** Each store once: where the configuration says, else where the running Gangway has it. */
async function storeFindings(configuration: Configuration, folder: string, run: RunFile | null): Promise<Finding[]> {
  const {
    TEMPORAL_ADDRESS: temporal, REDIS_URL: redis, DATABASE_URL: database, CLICKHOUSE_URL: clickhouse, JWKS_URL: jwks,
  } = configuration;
  const codecKeys = configuration.GANGWAY_CODEC_KEYS ?? await readFile(codecKeyFile(folder), 'utf8').then(
    (text) => text.trim(), () => null,
  );
  const looks: Promise<Finding[] | Finding>[] = [];
  const address = temporal ?? run?.urls.temporalAddress;
  if (address !== undefined) {
    looks.push(engineFindings({ address, setting: temporal === undefined ? null : 'TEMPORAL_ADDRESS' }, configuration, true));
  }
  const databaseUrl = database ?? (run === null ? undefined : await withPassword(run.urls.databaseUrl, folder));
  if (databaseUrl !== undefined) {
    looks.push(databaseFindings({ url: databaseUrl, setting: database === undefined ? null : 'DATABASE_URL' }, codecKeys));
  }
  const redisUrl = redis ?? run?.urls.redisUrl;
  if (redisUrl !== undefined) looks.push(redisFinding({ url: redisUrl, setting: redis === undefined ? null : 'REDIS_URL' }));
  if (clickhouse !== undefined && !clickhouse.startsWith('file:')) {
    looks.push(clickhouseFinding({ url: clickhouse, setting: 'CLICKHOUSE_URL' }));
  }
  if (jwks !== undefined) looks.push(identityFinding(jwks));
  return (await Promise.all(looks)).flat();
}

async function withPassword(url: string, folder: string): Promise<string> {
  const whole = new URL(url);
  whole.password = (await readFile(join(folder, 'secrets', 'postgres.password'), 'utf8').catch(() => '')).trim();
  return whole.href;
}

const service = about('service');

async function serviceFinding({ url }: RunFile): Promise<Finding> {
  const response = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(4_000) });
  const { checks } = z.object({ checks: z.record(z.string(), z.string()) }).parse(await response.json());
  const away = Object.entries(checks).flatMap(([name, state]) => (state === 'ok' ? [] : [`${name} (${state})`]));
  if (response.ok && away.length === 0) return service.well(`Gangway runs at ${url}, and everything it asks answers`);
  const mend = 'docs/operations.md, When a store is away, says what goes on and what waits';
  if (response.ok) return service.note(`Gangway runs at ${url} without ${away.join(', ')}`, mend);
  return service.wrong(`Gangway at ${url} takes no requests, for want of ${away.join(', ')}`, mend);
}

async function look(): Promise<Finding[]> {
  const { configuration, faults } = examineEnvironment(process.env);
  const folder = dataFolder(configuration);
  const settings = settingFindings(faults, configuration);
  const inFolder = await folderFindings(folder, configuration, 'look');
  const run = await runningOn(folder);
  return [
    ...settings.length > 0 ? settings : [about('settings').well('Every setting can be used')],
    ...await tried('versions', machineFindings(folder, configuration)), ...inFolder,
    ...await tried('keys', keyFindings(folder, configuration)), ...await tried('files', fileFindings(configuration)),
    ...run === null ? [await portFinding(configuration), service.unseen(
      `No Gangway runs on ${folder}: what is stored, and whether sessions are stuck, is not looked at where no setting names the store`,
      'start it by npm run up and ask again',
    )] : await tried('service', serviceFinding(run)),
    ...await tried('stores', storeFindings(configuration, folder, run)),
  ];
}

/** A look that fails itself is no finding about what it looked at. */
async function tried(name: string, work: Promise<Finding[] | Finding>): Promise<Finding[]> {
  try {
    return [await work].flat();
  } catch (error) {
    return [about(name).unseen(`This could not be looked at (${reasonOf(error)})`)];
  }
}

function verdict(findings: readonly Finding[]): Exclude<State, 'note'> {
  const has = (state: State): boolean => findings.some((finding) => finding.state === state);
  return has('wrong') ? 'wrong' : has('unseen') ? 'unseen' : 'well';
}

const marks: Readonly<Record<State, string>> = { well: '✓', wrong: '✗', note: '!', unseen: '?' };
const exitCodes = { well: 0, wrong: 1, unseen: 2 } as const;

const { json } = optionsOrEnd(usage, { json: { type: 'boolean' } });
const findings = await look().catch((error: unknown) => [about('doctor').unseen(`Nothing could be looked at (${reasonOf(error)})`)]);
const state = verdict(findings);
if (json === true) process.stdout.write(`${JSON.stringify({ state, findings }, null, 2)}\n`);
else {
  for (const { about: what, state: found, says, mend } of findings) {
    process.stdout.write(
      `${marks[found]} ${what.padEnd(18)} ${says}.\n${mend === undefined || found === 'well' ? '' : `${' '.repeat(21)}${mend}.\n`}`,
    );
  }
}
process.exit(exitCodes[state]);
