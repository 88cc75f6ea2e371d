/**
 * Readings of payloads in the audit log. A page of the Temporal Web UI asks some twenty times, and that is one look: one entry for
 * what one actor reads of one tenant until there is quiet, naming whose it was.
 *
 * 1. What cannot be audited is not shown: every reading is in the store before it is answered.
 * 2. Until there is quiet it stands among the acts under way. A process that dies loses nothing: the sweep writes it as it stands.
 * 3. A look names 20 workflows at most; with the next one another entry begins, so that none is left out.
 */
import { randomUUID } from 'node:crypto';
import type { Actor } from '../domain/message.ts';
import { personOf } from '../domain/person.ts';
import type { AuditEntry } from '../stores/postgres/audit.ts';
import { parseWorkflowId } from '../workflows/workflow-ids.ts';

export interface PayloadReadingsOptions {
  /** Keeps an entry among the acts under way, in place of what it was before. Throws StoreUnavailableError. */
  readonly begin: (entry: AuditEntry) => Promise<void>;
  /** Adds it to the log, and takes it off those under way. */
  readonly add: (entry: AuditEntry) => Promise<void>;
  /** Epoch ms. */
  readonly now: () => number;
  /** Without a reading for so long a look is over; 5,000 unless told otherwise: a page asks for all it shows within a second or two. */
  readonly quietMs?: number;
}

export interface PayloadReading {
  readonly tenant: string;
  /** null: the Web UI of this machine. */
  readonly caller: Actor | null;
  readonly correlationId: string;
  /** Of each payload its workflow; null: it is not told. */
  readonly workflows: readonly (string | null)[];
}

interface Seen { readonly payloads: number; readonly workflows: readonly string[]; readonly until: number }

interface Look {
  readonly about: Omit<AuditEntry, 'target' | 'details'>;
  readonly since: number;
  /** What is in the store. */
  seen: Seen;
  /** Workflows that are, or are about to be. */
  readonly named: Set<string>;
  /** Its writes, one after another; never rejects. */
  written: Promise<void>;
  timer: NodeJS.Timeout | undefined;
}

const quietMsUsual = 5_000;
/** A look ends after this, quiet or not. The sweep takes what is twice as old. */
const longestMs = 60_000;
const workflowsMax = 20;
/** Looks that are open at once, one for each actor and tenant: an operator has one. */
const looksMax = 1_000;

export class PayloadReadings {
  private readonly options: PayloadReadingsOptions;
  private readonly looks = new Map<string, Look>();
  private readonly closing = new Set<Promise<void>>();

  constructor(options: PayloadReadingsOptions) {
    this.options = options;
  }

  /** Before they are shown. Throws StoreUnavailableError. */
  async note(reading: PayloadReading): Promise<void> {
    const named = distinct(reading.workflows);
    for (let at = 0; at === 0 || at < named.length; at += workflowsMax) {
      const part = new Set(named.slice(at, at + workflowsMax));
      // those that tell no workflow count with the first part
      const payloads = reading.workflows.filter((workflow) => (workflow === null ? at === 0 : part.has(workflow))).length;
      await this.look(reading, payloads, [...part]);
    }
  }

  /** Ends every look. What cannot be written now stays among the acts under way. */
  async close(): Promise<void> {
    for (const key of this.looks.keys()) this.end(key);
    await Promise.all(this.closing);
  }

  private async look(reading: PayloadReading, payloads: number, workflows: readonly string[]): Promise<void> {
    const key = JSON.stringify([reading.tenant, actorOf(reading)]);
    const look = this.lookOf(key, reading, workflows);
    const step = look.written.then(async () => {
      const seen = {
        payloads: look.seen.payloads + payloads, workflows: distinct([...look.seen.workflows, ...workflows]), until: this.options.now(),
      };
      await this.options.begin(entryOf(look, seen));
      look.seen = seen;
    });
    look.written = step.catch(() => undefined);
    clearTimeout(look.timer);
    const restMs = look.since + longestMs - this.options.now();
    look.timer = setTimeout(() => { this.end(key, look); }, Math.max(0, Math.min(this.options.quietMs ?? quietMsUsual, restMs)));
    look.timer.unref();
    await step;
  }

  /** The open one, unless it is full or its time is over. */
  private lookOf(key: string, reading: PayloadReading, workflows: readonly string[]): Look {
    const open = this.looks.get(key);
    const isOver = open !== undefined && (this.options.now() - open.since >= longestMs
      || new Set([...open.named, ...workflows]).size > workflowsMax);
    if (open !== undefined && !isOver) {
      for (const workflow of workflows) open.named.add(workflow);
      return open;
    }
    this.end(key);
    const [oldest] = this.looks.keys();
    if (this.looks.size >= looksMax && oldest !== undefined) this.end(oldest);
    const now = this.options.now();
    const look: Look = {
      since: now, seen: { payloads: 0, workflows: [], until: now }, named: new Set(workflows), written: Promise.resolve(), timer: undefined,
      about: {
        id: randomUUID(), tenant: reading.tenant, actor: actorOf(reading),
        person: reading.caller === null ? null : personOf(reading.caller), roles: reading.caller?.roles ?? [],
        action: 'payload.decode', reason: null, result: 'allowed', status: 200, correlation_id: reading.correlationId,
      },
    };
    this.looks.set(key, look);
    return look;
  }

  /** `look`: only if it is the one that is open. */
  private end(key: string, look = this.looks.get(key)): void {
    if (look === undefined || this.looks.get(key) !== look) return;
    this.looks.delete(key);
    clearTimeout(look.timer);
    const closed = look.written.then(async () => {
      if (look.seen.payloads > 0) await this.options.add(entryOf(look, look.seen));
    }).catch(() => undefined).finally(() => { this.closing.delete(closed); });
    this.closing.add(closed);
  }
}

function actorOf({ caller }: PayloadReading): string {
  return caller === null ? 'temporal-ui' : caller.subject;
}

function entryOf(look: Look, { payloads, workflows, until }: Seen): AuditEntry {
  const [only] = workflows;
  const name = workflows.length === 1 && only !== undefined ? parseWorkflowId(only) : null;
  return {
    ...look.about, target: name === null ? null : `${name.kind}:${name.id}`,
    details: {
      payloads, workflows: workflows.join(' '), since: new Date(look.since).toISOString(), until: new Date(until).toISOString(),
    },
  };
}

function distinct(workflows: readonly (string | null)[]): string[] {
  return [...new Set(workflows)].filter((workflow) => workflow !== null);
}
