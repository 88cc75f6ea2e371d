import { resolve } from 'node:path';
import type { Configuration } from '../../service/configuration.ts';

/** The data folder, absolute. A relative GANGWAY_DATA counts from the project, wherever a command was started. */
export function dataFolder(configuration: Configuration): string {
  return resolve(import.meta.dirname, '../..', configuration.GANGWAY_DATA);
}
