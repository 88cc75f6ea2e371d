/** Commands for people to paste: they reach this Gangway also where it does not run on the usual settings. */
import type { Configuration } from '../../service/configuration.ts';
import { readConfiguration } from '../../service/environment.ts';

/** By which key, and for whom, tokens are made: another value, and they are refused. */
const forTokens = ['GANGWAY_DATA', 'JWT_ISSUER', 'JWT_AUDIENCE'] as const;

/** Of which Gangway, and which sessions. */
const forTemporal = ['GANGWAY_DATA', 'TEMPORAL_NAMESPACE'] as const;

export function tokenCommand(configuration: Configuration, options: string): string {
  return `${settingsOf(configuration, forTokens)}npm run --silent token -- ${options}`;
}

/** Temporal's own command line, on this one. */
export function temporalCommand(configuration: Configuration, options: string): string {
  return `${settingsOf(configuration, forTemporal)}npm run --silent temporal -- ${options}`;
}

/** Those that are not as usual, to stand before a command. */
function settingsOf(configuration: Configuration, names: readonly (typeof forTokens[number] | typeof forTemporal[number])[]): string {
  const usual = readConfiguration({});
  return names.filter((name) => configuration[name] !== usual[name]).map((name) => `${name}=${quoted(configuration[name])} `).join('');
}

/** For a shell. */
function quoted(text: string): string {
  return /^[\w./:@%+,-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
