/** Workflows that cannot move, as alerts need them. Made by engine/stuck-workflows.ts. */

export interface StuckTally { readonly tenant: string; readonly stuck: number; readonly failure_type: string }

export interface Stuck {
  /** By tenant, of a bounded number in all. null: the server does not tell. */
  tally(): Promise<readonly StuckTally[] | null>;
}
