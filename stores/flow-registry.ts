/** Flow versions: shipped ones are registered at start, and a version once registered never changes, since sessions run on it. */
import { createHash } from 'node:crypto';
import { canonicalJson } from '../domain/answer.ts';
import type { Flow } from '../domain/flow.ts';
import type { Json } from '../domain/json.ts';
import type { Database } from './postgres.ts';

export interface FlowRegistry {
  /** The newest version of a flow, or null. */
  newest(flowId: string): Flow | null;
  /** Newest versions of all flows, by id. */
  all(): readonly Flow[];
  /** The version a session runs on. Throws when it was never registered. */
  version(flowId: string, version: number): Promise<Flow>;
}

interface FlowRow { flow_id: string; version: number; definition: Flow }

/** Registers the shipped flows. Throws when a version is known with another content: raise the version instead. */
export async function openFlowRegistry(db: Database, shipped: readonly Flow[]): Promise<FlowRegistry> {
  for (const flow of shipped) await register(db, flow);
  const known = new Map(shipped.map((flow) => [`${flow.id}@${flow.version}`, flow]));
  const newest = new Map<string, Flow>();
  for (const flow of shipped) if ((newest.get(flow.id)?.version ?? 0) < flow.version) newest.set(flow.id, flow);
  return {
    newest: (flowId) => newest.get(flowId) ?? null,
    all: () => [...newest.values()].sort((a, b) => a.id.localeCompare(b.id)),
    version: async (flowId, version) => {
      const key = `${flowId}@${version}`;
      const cached = known.get(key);
      if (cached !== undefined) return cached;
      const [row] = await db.query<FlowRow>("SELECT flow_id, version, definition FROM flows WHERE tenant = '' AND flow_id = $1 AND version = $2", [flowId, version]);
      if (row === undefined) throw new Error(`Flow ${key} was never registered.`);
      known.set(key, row.definition);
      return row.definition;
    },
  };
}

async function register(db: Database, flow: Flow): Promise<void> {
  const hash = createHash('sha256').update(canonicalJson(flow as unknown as Json)).digest('hex');
  await db.asSystem().query("INSERT INTO flows (tenant, flow_id, version, definition, hash) VALUES ('', $1, $2, $3, $4) ON CONFLICT DO NOTHING", [flow.id, flow.version, JSON.stringify(flow), hash]);
  const [row] = await db.query<{ hash: string }>("SELECT hash FROM flows WHERE tenant = '' AND flow_id = $1 AND version = $2", [flow.id, flow.version]);
  if (row?.hash !== hash) throw new Error(`Flow ${flow.id} version ${flow.version} was registered with another content. Give the changed flow a new version: sessions run on the old one.`);
}
