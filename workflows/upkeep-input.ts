/** What the service does for itself, one task a run. */
export const upkeepWorkflow = 'upkeep';

export interface UpkeepInput {
  readonly task:
    | 'raiseAlerts' | 'cleanUpEndedTasks' | 'cleanUpUploads' | 'reconcileParkedTasks' | 'reconcileStoppedSessions' | 'reconcileUploads'
    | 'watchSteps';
  /** Of the cleanup: says what would go. */
  readonly dry_run?: boolean;
}
