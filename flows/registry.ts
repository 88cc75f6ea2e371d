/**
 * Flow versions. Shipped ones are registered at start, and a tenant publishes its own; a version once registered never
 * changes, since sessions run on it.
 *
 * What a tenant publishes shadows the shipped flow of the same id, in that tenant and from then on. Its number follows
 * the highest of both, so that id and version name one flow in a tenant: a session that began on the shipped one goes on.
 */
import { createHash } from 'node:crypto';
import { canonicalJson, type Json } from '../domain/json.ts';
import { isClosed } from '../domain/closed-answers.ts';
import type { Flow, QuestionRule } from '../domain/flow.ts';
import { loadFlow, type FlowProblem } from './files.ts';
import { LruMap } from '../domain/lru-map.ts';
import type { Database } from '../stores/postgres/database.ts';
import { StoreUnavailableError } from '../stores/unavailable.ts';

export interface FlowRegistry {
  /** The version that a new session of the tenant gets, or null. At most a second behind what another process published. */
  newest(tenant: string, flowId: string): Promise<Flow | null>;
  /** Newest versions of all flows that the tenant can start, by id. */
  all(tenant: string): Promise<readonly Flow[]>;
  /** Ids and languages of all that sessions of the tenant may have run on: also of versions that are no longer started. */
  everRegistered(tenant: string): Promise<readonly FlowName[]>;
  /** Versions and closed questions of all that sessions of the tenant may have run on: what reports may be narrowed by. */
  filterable(tenant: string): Promise<Filterable>;
  /** Ids of all questions that sessions of the tenant may have been asked, in order. */
  questionIds(tenant: string): Promise<readonly string[]>;
  /** The version a session of the tenant runs on. Throws when it was never registered. */
  version(tenant: string, flowId: string, version: number): Promise<Flow>;
  /** The same; null when it was never registered. */
  find(tenant: string, flowId: string, version: number): Promise<Flow | null>;
  /**
   * Adds the next version of a tenant's flow, unless it would be the newest once more. Every mistake of a document comes
   * back at once, however wrong it is.
   * @param document in the form of flows/*.yaml. Its id may be missing; the version it has is not looked at.
   */
  publish(tenant: string, flowId: string, document: FlowDocument): Promise<Publication>;
}

export interface Filterable {
  readonly versions: readonly { readonly flow_id: string; readonly version: number }[];
  readonly questions: readonly { readonly flow_id: string; readonly question: QuestionRule }[];
}

export type FlowName = Pick<Flow, 'id' | 'languages'>;

export type FlowDocument = Readonly<Record<string, unknown>>;

export type Publication = { readonly flow: Flow; readonly isNew: boolean } | { readonly problems: readonly FlowProblem[] };

export interface FlowRegistryOptions {
  readonly db: Database;
  readonly shipped: readonly Flow[];
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
}

interface FlowRow { definition: Flow }
type Versions = ReadonlyMap<string, number>;
interface Known { readonly at: number; readonly versions: Promise<Versions> }

/** How long a process may not know what another one has published. */
const newestMs = 1_000;
const cachedDefinitions = 500;
const cachedTenants = 5_000;
/** Flows of a tenant's own. */
const ownFlowsMax = 100;
/** Each try fails only because somebody else has published this flow in the same moment. */
const publishTries = 50;

/** Registers the shipped flows. Throws when a version is known with another content: raise the version instead. */
export async function openFlowRegistry(options: FlowRegistryOptions): Promise<FlowRegistry> {
  for (const flow of options.shipped) await register(options.db, flow);
  return new CachedFlows(options, await takenNumbers(options.db));
}

/** Questions of a version; of another system's session, which may not say its version or have one of its own, those of the newest. */
export async function flowQuestions(
  flows: FlowRegistry, tenant: string, flowId: string, version: number,
): Promise<readonly QuestionRule[]> {
  const flow = (version > 0 ? await flows.find(tenant, flowId, version) : null) ?? await flows.newest(tenant, flowId);
  return flow?.rules.questions ?? [];
}

class CachedFlows implements FlowRegistry {
  private readonly db: Database;
  private readonly now: () => number;
  private readonly shipped: ReadonlyMap<string, Flow>;
  private readonly taken: ReadonlySet<string>;
  private readonly newestShipped: ReadonlyMap<string, Flow>;
  private readonly definitions = new LruMap<Flow>(cachedDefinitions);
  private readonly own = new LruMap<Known>(cachedTenants);

  constructor({ db, shipped, now }: FlowRegistryOptions, taken: ReadonlySet<string>) {
    this.db = db;
    this.now = now;
    this.taken = taken;
    this.shipped = new Map(shipped.map((flow) => [keyOf('', flow.id, flow.version), flow]));
    const newest = new Map<string, Flow>();
    for (const flow of shipped) if ((newest.get(flow.id)?.version ?? 0) < flow.version) newest.set(flow.id, flow);
    this.newestShipped = newest;
  }

  async newest(tenant: string, flowId: string): Promise<Flow | null> {
    const own = (await this.ownVersions(tenant)).get(flowId);
    return own === undefined ? this.newestShipped.get(flowId) ?? null : this.version(tenant, flowId, own);
  }

  async all(tenant: string): Promise<readonly Flow[]> {
    const own = await this.ownVersions(tenant);
    const flows = [...this.newestShipped.values()].filter((flow) => !own.has(flow.id));
    for (const [flowId, version] of own) flows.push(await this.version(tenant, flowId, version));
    return flows.sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  async everRegistered(tenant: string): Promise<readonly FlowName[]> {
    return this.db.asTenant(tenant).query<FlowName>(
      `SELECT flow_id AS id, array_agg(DISTINCT language) AS languages
       FROM flows, jsonb_array_elements_text(definition->'languages') AS language
       WHERE tenant IN ($1, '') GROUP BY flow_id ORDER BY flow_id`,
      [tenant],
    );
  }

  async filterable(tenant: string): Promise<Filterable> {
    const [versions, questions] = await Promise.all([
      this.db.asTenant(tenant).query<{ flow_id: string; version: number }>(
        "SELECT flow_id, version FROM flows WHERE tenant IN ($1, '') ORDER BY flow_id, version DESC", [tenant],
      ),
      this.db.asTenant(tenant).query<{ flow_id: string; question: QuestionRule }>(
        `SELECT DISTINCT flow_id, question FROM flows, jsonb_array_elements(definition->'rules'->'questions') AS question
         WHERE tenant IN ($1, '') AND question->>'type' IN ('boolean', 'single_choice', 'multi_choice', 'number')
           AND NOT (question->>'pii')::boolean`,
        [tenant],
      ),
    ]);
    return { versions, questions: questions.filter(({ question }) => isClosed(question)) };
  }

  async questionIds(tenant: string): Promise<readonly string[]> {
    const rows = await this.db.asTenant(tenant).query<{ id: string }>(
      `SELECT DISTINCT question->>'id' AS id FROM flows, jsonb_array_elements(definition->'rules'->'questions') AS question
       WHERE tenant IN ($1, '') ORDER BY id`,
      [tenant],
    );
    return rows.map(({ id }) => id);
  }

  async version(tenant: string, flowId: string, version: number): Promise<Flow> {
    const flow = await this.find(tenant, flowId, version);
    if (flow === null) throw new Error(`Flow ${flowId} version ${version} was never registered.`);
    return flow;
  }

  async find(tenant: string, flowId: string, version: number): Promise<Flow | null> {
    const key = keyOf(tenant, flowId, version);
    const known = this.taken.has(key) ? undefined : this.shipped.get(keyOf('', flowId, version));
    const cached = known ?? this.definitions.get(key);
    if (cached !== undefined) return cached;
    // also those that an earlier release shipped
    const [row] = await this.db.asTenant(tenant).query<FlowRow>(
      "SELECT definition FROM flows WHERE tenant IN ($1, '') AND flow_id = $2 AND version = $3 ORDER BY tenant DESC LIMIT 1",
      [tenant, flowId, version],
    );
    if (row === undefined) return null;
    this.definitions.set(key, row.definition);
    return row.definition;
  }

  async publish(tenant: string, flowId: string, document: FlowDocument): Promise<Publication> {
    for (let tries = 0; tries < publishTries; tries += 1) {
      const { newest, next, isFull } = await this.numbers(tenant, flowId);
      const load = loadFlow(JSON.stringify({ ...document, id: flowId, version: next }), flowId);
      const problems = [...idProblems(flowId, document, isFull), ...('problems' in load ? load.problems : [])];
      if ('problems' in load || problems.length > 0) return { problems };
      if (newest !== null && contentOf(newest) === contentOf(load.flow)) return { flow: newest, isNew: false };
      if (await this.add(tenant, load.flow)) return { flow: load.flow, isNew: true };
    }
    throw new StoreUnavailableError('postgresql', new Error('others publish this flow all the time'));
  }

  /** The version that new sessions get, as the store has it now, and the number after all that a session may run on. */
  private async numbers(tenant: string, flowId: string): Promise<{ newest: Flow | null; next: number; isFull: boolean }> {
    const [row] = await this.db.asTenant(tenant).query<{ own: number | null; highest: number | null; flows: number }>(
      `SELECT max(version) FILTER (WHERE tenant = $1 AND flow_id = $2) AS own, max(version) FILTER (WHERE flow_id = $2) AS highest,
              count(DISTINCT flow_id) FILTER (WHERE tenant = $1)::int AS flows
       FROM flows WHERE tenant IN ($1, '')`,
      [tenant, flowId],
    );
    const own = row?.own ?? null;
    const newest = own === null ? this.newestShipped.get(flowId) ?? null : await this.version(tenant, flowId, own);
    return { newest, next: (row?.highest ?? 0) + 1, isFull: own === null && (row?.flows ?? 0) >= ownFlowsMax };
  }

  /** False when the number was taken in the meantime, by the tenant or by a new version of the product. */
  private async add(tenant: string, flow: Flow): Promise<boolean> {
    const rows = await this.db.asTenant(tenant).query(
      `INSERT INTO flows (tenant, flow_id, version, definition, hash)
       SELECT $1, $2, $3, $4, $5 WHERE NOT EXISTS (SELECT FROM flows WHERE tenant = '' AND flow_id = $2 AND version >= $3)
       ON CONFLICT DO NOTHING RETURNING 1`,
      [tenant, flow.id, flow.version, JSON.stringify(flow), hashOf(flow)],
    );
    if (rows.length === 0) return false;
    this.definitions.set(keyOf(tenant, flow.id, flow.version), flow);
    this.own.delete(tenant);
    return true;
  }

  /** Newest versions of a tenant's own flows. While the store is away, those that were known last. */
  private ownVersions(tenant: string): Promise<Versions> {
    const before = this.own.get(tenant);
    if (before !== undefined && this.now() - before.at < newestMs) return before.versions;
    const versions = readOwnVersions(this.db, tenant).catch((error: unknown) => {
      if (before !== undefined && error instanceof StoreUnavailableError) return before.versions;
      if (this.own.get(tenant)?.versions === versions) this.own.delete(tenant);
      throw error;
    });
    this.own.set(tenant, { at: this.now(), versions });
    return versions;
  }
}

/**
 * Numbers that a tenant had given before a release shipped them too: in that tenant they go on being its own. None comes
 * to these later, since a tenant's next number follows what is shipped. All other shipped versions need no look-up, so
 * that sessions on them go on without PostgreSQL.
 */
async function takenNumbers(db: Database): Promise<ReadonlySet<string>> {
  const rows = await db.asSystem().query<{ tenant: string; flow_id: string; version: number }>(
    `SELECT own.tenant, own.flow_id, own.version FROM flows AS own JOIN flows AS shipped USING (flow_id, version)
     WHERE own.tenant <> '' AND shipped.tenant = ''`,
  );
  return new Set(rows.map((row) => keyOf(row.tenant, row.flow_id, row.version)));
}

async function readOwnVersions(db: Database, tenant: string): Promise<Versions> {
  const rows = await db.asTenant(tenant).query<{ flow_id: string; version: number }>(
    'SELECT flow_id, max(version) AS version FROM flows WHERE tenant = $1 GROUP BY flow_id', [tenant],
  );
  return new Map(rows.map((row) => [row.flow_id, row.version]));
}

async function register(db: Database, flow: Flow): Promise<void> {
  const hash = hashOf(flow);
  await db.asSystem().query(
    "INSERT INTO flows (tenant, flow_id, version, definition, hash) VALUES ('', $1, $2, $3, $4) ON CONFLICT DO NOTHING",
    [flow.id, flow.version, JSON.stringify(flow), hash],
  );
  const [row] = await db.query<{ hash: string }>(
    "SELECT hash FROM flows WHERE tenant = '' AND flow_id = $1 AND version = $2", [flow.id, flow.version],
  );
  if (row?.hash === hash) return;
  const mend = 'Give the changed flow a new version: sessions run on the old one.';
  throw new Error(`Flow ${flow.id} version ${flow.version} was registered with another content. ${mend}`);
}

function hashOf(flow: Flow): string {
  return createHash('sha256').update(canonicalJson(flow as unknown as Json)).digest('hex');
}

/** What two versions are compared by: all but their numbers, as the store gives it back. */
function contentOf(flow: Flow): string {
  return hashOf(JSON.parse(JSON.stringify({ ...flow, version: 0, rules: { ...flow.rules, version: 0 } })) as Flow);
}

function idProblems(flowId: string, document: FlowDocument, isFull: boolean): FlowProblem[] {
  const at = { file: flowId, line: 1, column: 1, path: '/id' };
  const isOther = Object.hasOwn(document, 'id') && document['id'] !== flowId;
  return [
    ...(isOther ? [{ ...at, reason: `'id' must be left out, or be '${flowId}' as in the address` }] : []),
    ...(isFull ? [{ ...at, reason: `there are ${ownFlowsMax} flows of your own already, and no more are kept` }] : []),
  ];
}

function keyOf(tenant: string, flowId: string, version: number): string {
  return JSON.stringify([tenant, flowId, version]);
}
