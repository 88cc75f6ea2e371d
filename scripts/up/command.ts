/** Commands for people to paste: they reach this Gangway also where it does not run on the usual settings. */
import type { Configuration } from '../../service/configuration.ts';
import { readConfiguration } from '../../service/environment.ts';

/** By which key, and for whom, tokens are made: another value, and they are refused. */
const forTokens = ['GANGWAY_DATA', 'JWT_ISSUER', 'JWT_AUDIENCE'] as const;

export function tokenCommand(configuration: Configuration, options: string): string {
  const usual = readConfiguration({});
  const settings = forTokens.filter((name) => configuration[name] !== usual[name]).map((name) => `${name}=${quoted(configuration[name])} `);
  return `${settings.join('')}npm run --silent token -- ${options}`;
}

/** For a shell. */
function quoted(text: string): string {
  return /^[\w./:@%+,-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
