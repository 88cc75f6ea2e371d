/** The command line that heals a workflow which cannot move: it is ended, and begins again from what is archived of it. */
export interface HealOptions {
  readonly address: string;
  readonly namespace: string;
  /** Of the command line program, where it is ours. */
  readonly program: string | null;
}

export function healCommand({ address, namespace, program }: HealOptions): (workflowId: string) => string {
  return (workflowId) => [
    shellWord(program ?? 'temporal'), 'workflow', 'terminate', '--workflow-id', shellWord(workflowId), '--reason', 'stuck',
    '--address', shellWord(address), '--namespace', shellWord(namespace),
  ].join(' ');
}

function shellWord(text: string): string {
  return /^[\w./:@-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
