/** The instance that all tests of a run share. Each test file keeps to tenants of its own. */
import type { InstanceAddress } from './instance.ts';

const variable = 'TESTED_GANGWAY';

export function shareInstance(address: InstanceAddress): void {
  process.env[variable] = JSON.stringify(address);
}

export function sharedInstance(): InstanceAddress {
  const text = process.env[variable];
  if (text === undefined) throw new Error('The shared instance is not running: start tests by npm test.');
  return JSON.parse(text) as InstanceAddress;
}
