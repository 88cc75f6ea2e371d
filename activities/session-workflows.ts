/** Sessions at the engine, as background work needs them. Made by engine/session-workflows.ts. */

export interface SessionName { readonly tenant: string; readonly session_id: string }
/** Of closing times, epoch ms; both ends are part of it. */
export interface Span { readonly from: number; readonly until: number }

export interface SessionWorkflows {
  /** Runs that were ended from outside. The engine's list is a moment behind. */
  countStopped(span: Span): Promise<number>;
  stopped(span: Span): AsyncIterable<SessionName>;
  /** running: it has a run; begun: again, from its history; restored: from the archive; ended: for good; unknown: nobody has its state. */
  revive(session: SessionName): Promise<'running' | 'begun' | 'restored' | 'ended' | 'unknown'>;
}
