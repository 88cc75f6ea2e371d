/** What can be known before anything is started, looked at all at once: a start is refused with every fault in one message. */
import { ConfigurationError } from '../../domain/configuration-error.ts';
import type { Configuration } from '../../service/configuration.ts';
import { examineEnvironment } from '../../service/environment.ts';
import { dataFolder } from '../embedded/data-folder.ts';
import { lockFolder, type FolderLock } from '../embedded/lock.ts';
import { PlainError } from '../embedded/plain-error.ts';
import { engineFindings } from './engine.ts';
import { about, sentence, type Finding } from './finding.ts';
import { fileFindings } from './files.ts';
import { folderFindings, keyFindings } from './folder.ts';
import { portFinding } from './port.ts';
import { clickhouseFinding, databaseFindings, identityFinding, redisFinding } from './stores.ts';

export interface ReadyToStart {
  readonly configuration: Configuration;
  readonly folder: string;
  readonly lock: FolderLock;
  /** What is missing and keeps nothing from starting. */
  readonly notes: readonly string[];
}

/** For the whole service on this machine. Throws one PlainError with all that is wrong. */
export async function readyToStart(environment: NodeJS.ProcessEnv): Promise<ReadyToStart> {
  const { configuration, faults } = examineEnvironment(environment);
  const folder = dataFolder(configuration);
  const inFolder = await folderFindings(folder, configuration, 'make');
  const usable = inFolder.every(({ state }) => state !== 'wrong');
  const held = usable ? tryLock(folder) : null;
  const findings = [
    ...settingFindings(faults, configuration), ...inFolder, ...(held instanceof PlainError ? [heldFinding(held)] : []),
    // who holds the folder has the port as well
    ...(held instanceof PlainError ? [] : [await portFinding(configuration)]),
    ...(usable ? [...await keyFindings(folder, configuration), ...await fileFindings(configuration)] : []),
    ...await namedStoreFindings(configuration),
  ];
  const { wrong, notes } = parted(findings);
  if (wrong.length > 0 || held === null || held instanceof PlainError) {
    if (held !== null && !(held instanceof PlainError)) held.release();
    throw new PlainError(refusal(faults, wrong));
  }
  return { configuration, folder, lock: held, notes };
}

/** A start goes on without these, and says so. */
const goesOnWithout = ['redis', 'clickhouse', 'identity', 'files'];

/** What keeps a start from going on, and what it says and goes on with. */
export function parted(findings: readonly Finding[]): { readonly wrong: readonly Finding[]; readonly notes: readonly string[] } {
  const wrong = findings.filter(({ state, about: what }) => state === 'wrong' && !goesOnWithout.includes(what));
  const notes = findings.filter((finding) => (finding.state === 'note' || finding.state === 'wrong') && !wrong.includes(finding));
  return { wrong, notes: notes.map(sentence) };
}

/** Whatever the configuration names by an address, side by side. */
export async function namedStoreFindings(configuration: Configuration): Promise<Finding[]> {
  const {
    TEMPORAL_ADDRESS: temporal, DATABASE_URL: database, REDIS_URL: redis, CLICKHOUSE_URL: clickhouse, JWKS_URL: jwks,
  } = configuration;
  const looks: (Promise<Finding[]> | Promise<Finding>)[] = [
    ...(temporal === undefined ? [] : [engineFindings({ address: temporal, setting: 'TEMPORAL_ADDRESS' }, configuration, false)]),
    ...(database === undefined ? [] : [databaseFindings({ url: database, setting: 'DATABASE_URL' }, null)]),
    ...(redis === undefined ? [] : [redisFinding({ url: redis, setting: 'REDIS_URL' })]),
    ...(clickhouse === undefined || clickhouse.startsWith('file:') ? [] : [
      clickhouseFinding({ url: clickhouse, setting: 'CLICKHOUSE_URL' }),
    ]),
    ...(jwks === undefined ? [] : [identityFinding(jwks)]),
  ];
  return (await Promise.all(looks)).flat();
}

const settings = about('settings');

/** `both`: the worker needs a key for pseudonyms where tokens come from elsewhere. */
export function settingFindings(faults: readonly string[], { JWKS_URL: jwks, GANGWAY_PSEUDONYM_KEY: pseudonym }: Configuration): Finding[] {
  const found = faults.map((fault) => settings.wrong(fault, 'docs/configuration.md says what each setting takes'));
  const missing = jwks !== undefined && pseudonym === undefined ? [pseudonymFinding] : [];
  return [...found, ...missing];
}

const pseudonymFinding = about('pseudonyms').wrong(
  'GANGWAY_PSEUDONYM_KEY is needed where JWKS_URL is set',
  'give it a secret text that stays the same: it keys the pseudonyms of people in reports',
);

function tryLock(folder: string): FolderLock | PlainError {
  try {
    return lockFolder(folder);
  } catch (error) {
    if (error instanceof PlainError) return error;
    throw error;
  }
}

function heldFinding({ message }: PlainError): Finding {
  const at = message.indexOf(': ');
  return about('folder').wrong(message.slice(0, at), message.slice(at + 2));
}

/** Settings as everywhere else in one block, then a line for each other fault. */
export function refusal(faults: readonly string[], wrong: readonly Finding[]): string {
  const block = faults.length > 0 ? [new ConfigurationError(faults).message] : [];
  return [...block, ...wrong.filter(({ about: what }) => what !== 'settings').map(sentence)].join('\n');
}
