/** What `npm run up` writes: short lines, aligned; colour only where a person watches and NO_COLOR is unset. */
import type { Configuration } from '../../service/configuration.ts';
import type { StoreAddresses } from '../../service/addresses.ts';
import { temporalCommand, tokenCommand } from './command.ts';

const coloured = process.stdout.isTTY && (process.env['NO_COLOR'] ?? '') === '';
const paint = (code: number) => (text: string) => (coloured ? `\u001B[${code}m${text}\u001B[0m` : text);
const bold = paint(1);
const dim = paint(2);
const green = paint(32);

export function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

export function progress(line: string): void {
  say(`  ${dim(line)}`);
}

export interface Ready {
  readonly configuration: Configuration;
  readonly url: string;
  readonly urls: StoreAddresses;
  /** null when tokens come from an identity provider. */
  readonly token: string | null;
  readonly seconds: number;
}

/** Ready-made lists for operators, by the search attributes of sessions. */
const filters: readonly (readonly [name: string, query: string])[] = [
  // what the service does for itself, every minute, would bury them
  ['sessions', 'WorkflowType="onboardingSession"'],
  ['awaiting approval', `GwState="awaiting_approval"`], ['parked tasks', `GwState="parked"`], ['with a person', `GwState="escalated"`],
  ['open, not answered', `GwState="started" AND ExecutionStatus="Running"`],
];

/** One name for console, service and Temporal Web UI: a browser takes 127.0.0.1 and 0.0.0.0 for two, and keeps no sign-in on the second. */
function reachable(url: string): string {
  return url.replace('//0.0.0.0:', '//127.0.0.1:');
}

export function sayReady({ configuration, url: listening, urls, token, seconds }: Ready): void {
  const url = reachable(listening);
  const row = (name: string, text: string) => { say(`  ${name.padEnd(15)}${text}`); };
  say(`\n${green('●')} ${bold('Gangway is running.')}\n`);
  if (token !== null) {
    row('Chat', bold(`${url}/o/business_unit_setup#t=${token}`));
    row('', dim('opens a page as ana of acme, who is asked some questions'));
  }
  row('Console', bold(`${url}/`));
  if (token !== null) row('',
    dim(`sign in with what this prints: ${tokenCommand(configuration, '--tenant acme --sub dee --roles admin')}`));
  row('API', bold(url));
  row('Documentation', `${url}/docs`);
  if (urls.temporalUiUrl === null) row('Temporal', urls.temporalAddress);
  else {
    row('Temporal', urls.temporalUiUrl);
    for (const [name, query] of filters) {
      row(
        '',
        `${dim(name.padEnd(20))}${urls.temporalUiUrl}/namespaces/${configuration.TEMPORAL_NAMESPACE}/workflows` +
          `?query=${encodeURIComponent(query)}`,
      );
    }
  }
  row('', `${dim('command line'.padEnd(20))}${temporalCommand(configuration, 'workflow list')}`);
  row('Data', configuration.GANGWAY_DATA);
  say('');
  if (token === null) row('Tokens', `from your identity provider (${configuration.JWKS_URL ?? ''})`);
  else sayFirstCall(configuration, url, token);
  row('Stop', 'Ctrl-C');
  say(`\nReady in ${seconds.toFixed(1)} s.`);
}

function sayFirstCall(configuration: Configuration, url: string, token: string): void {
  say('  Start a session (paste these lines; the token is for ana of acme, 12 hours):\n');
  say(`TOKEN='${token}'`);
  say(`curl -sS ${url}/api/v1/onboarding/sessions/ -H "Authorization: Bearer $TOKEN" \\`);
  say(`  -H 'Content-Type: application/json' -d '{"flow":"business_unit_setup","resume_existing":true}'\n`);
  say(`  Other tokens   ${tokenCommand(configuration, '--tenant acme --sub ben --roles approver')}`);
}
