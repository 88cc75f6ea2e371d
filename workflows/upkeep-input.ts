/** What the service does for itself, one task a run. */
export const upkeepWorkflow = 'upkeep';

export interface UpkeepInput {
  readonly task: 'raiseAlerts' | 'cleanUpEndedTasks' | 'reconcileParkedTasks' | 'reconcileStoppedSessions';
  /** Of the cleanup: says what would go. */
  readonly dry_run?: boolean;
}
