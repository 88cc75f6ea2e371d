/** The three activities under their names. */
import type { Services } from './attempt.ts';
import { importLabels, type ImportLabels } from './import-labels.ts';
import { openUnit, type OpenUnit } from './open-unit.ts';
import { verifyCompany, type VerifyCompany } from './verify-company.ts';

export interface TaskInputs { readonly importLabels: ImportLabels; readonly openUnit: OpenUnit; readonly verifyCompany: VerifyCompany }

export function createActivities(services: Services) {
  return { importLabels: importLabels(services), openUnit: openUnit(services), verifyCompany: verifyCompany(services) };
}
export type Activities = ReturnType<typeof createActivities>;
