/** What is installed here: Node, the packages, and the programs of the servers that no setting names. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Configuration } from '../../service/configuration.ts';
import { PlainError } from '../embedded/plain-error.ts';
import { checkPostgres } from '../embedded/postgres.ts';
import { lookForProgram, type Program } from '../embedded/python.ts';
import { redisProgram } from '../embedded/redis.ts';
import { temporalProgram } from '../embedded/temporal.ts';
import { about, type Finding } from './finding.ts';

const { well, wrong } = about('versions');
const project = join(import.meta.dirname, '../..');

export async function machineFindings(folder: string, configuration: Configuration): Promise<Finding[]> {
  const programs = [
    ...(configuration.TEMPORAL_ADDRESS === undefined ? [temporalProgram] : []),
    ...(configuration.REDIS_URL === undefined ? [redisProgram] : []),
  ];
  const found = await Promise.all([
    packagesFault(), ...programs.map(programFault), ...(configuration.DATABASE_URL === undefined ? [postgresFault(folder)] : []),
  ]);
  const faults = found.filter((finding) => finding !== null);
  return faults.length > 0 ? faults : [well(`Node ${process.versions.node}, the packages and the servers' programs fit together`)];
}

/** As scripts/run asks at each start. */
async function packagesFault(): Promise<Finding | null> {
  const [wanted, present] = await Promise.all(['package-lock.json', 'node_modules/.gangway-lock'].map(
    (file) => readFile(join(project, file), 'utf8').catch(() => ''),
  ));
  return wanted === present ? null : wrong(
    'The packages in node_modules are not those of package-lock.json', 'start again: npm run up installs them',
  );
}

async function programFault(program: Program): Promise<Finding | null> {
  const looked = await lookForProgram(program);
  if (looked === null || 'path' in looked) return null;
  const at = looked.fault.indexOf(': ');
  return wrong(looked.fault.slice(0, at), looked.fault.slice(at + 2).replace(/\.$/, ''));
}

async function postgresFault(folder: string): Promise<Finding | null> {
  try {
    await checkPostgres(folder);
    return null;
  } catch (error) {
    if (!(error instanceof PlainError)) throw error;
    const at = error.message.indexOf(': ');
    return wrong(error.message.slice(0, at), error.message.slice(at + 2).replace(/\.$/, ''));
  }
}
