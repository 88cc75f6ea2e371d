/**
 * What is counted for operators, in the form of Prometheus. One object a process, shared by its roles. Labels name routes,
 * policies and breakers, never a tenant, a person or an answer.
 */
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { BreakerState, BreakerStatus } from '../outside/breakers/breaker.ts';

export type LimitOutcome = 'allowed' | 'denied' | 'shadow_denied' | 'fallback_allowed' | 'fallback_denied' | 'unavailable';

/** Of all tenants, now. */
export interface DeadLetterCount {
  readonly parked: number;
  readonly retrying: number;
  /** Since the oldest open task was parked; 0: none is open. */
  readonly oldestSeconds: number;
}

export interface Metrics {
  /** `route` is a pattern of a declaration, never a path that was sent. */
  readonly requestFinished: (
    request: { readonly route: string; readonly method: string; readonly status: number; readonly seconds: number },
  ) => void;
  readonly limitDecided: (policy: string, outcome: LimitOutcome) => void;
  readonly breakerChanged: (breaker: string, state: BreakerState) => void;
  /** One attempt of a task. `outcome`: succeeded, retried (it failed and is tried again), or exhausted (it failed for the last time). */
  readonly taskAttempted: (task: string, outcome: 'succeeded' | 'retried' | 'exhausted', category: string) => void;
  /** An upload that is over, by its door and what came of it: accepted, the code of a layer, failed, aborted. */
  readonly uploadEnded: (door: string, outcome: string) => void;
  /** Bytes of uploads that were received and stored. */
  readonly uploadedBytes: (bytes: number) => void;
  /** Uploads that are being received in this process: one more or one less. */
  readonly uploadsUnderWay: (change: number) => void;
  /** Where the states of breakers are read from. */
  readonly watchBreakers: (list: () => readonly BreakerStatus[]) => void;
  /** Where the dead letter queue of all tenants is counted from; asked at most every 10 s. */
  readonly watchDeadLetters: (count: () => Promise<DeadLetterCount>) => void;
  /** Where the number of workflows that cannot move is read from; null: the engine does not tell. */
  readonly watchStuck: (count: () => Promise<number | null>) => void;
  /** Whether the scanner of uploads can be believed; never called where there is none. */
  readonly watchScanner: (sees: () => boolean) => void;
  /** A report that was answered. hit, stale: from what is kept; shared: of a run that somebody else began; run: of its own. */
  readonly reportAnswered: (outcome: string) => void;
  /** A run of a report, by the pattern of its route. */
  readonly reportRun: (run: { readonly report: string; readonly seconds: number; readonly failed: boolean }) => void;
  /** A workflow task that failed in this process, by the class of the failure. */
  readonly workflowTaskFailed: (failure: string) => void;
  /** The text that Prometheus reads, and its media type. */
  readonly render: () => Promise<{ readonly contentType: string; readonly text: string }>;
}

const methods = new Set(['GET', 'POST', 'PUT', 'DELETE', 'HEAD', 'OPTIONS', 'PATCH']);
const stateNumbers: Readonly<Record<BreakerState, number>> = { closed: 0, half_open: 1, open: 2 };

/** Counted anew after this, milliseconds: a scraper that asks often costs no more. */
const countedMs = 10_000;
/** Of the runtime's own: gauges under names of counters, which checkers of metrics refuse; each has a sibling by kind. */
const misnamed = ['nodejs_active_handles_total', 'nodejs_active_requests_total', 'nodejs_active_resources_total'];

export function createMetrics(): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  for (const name of misnamed) registry.removeSingleMetric(name);
  const registers = [registry];
  const requests = new Counter({
    name: 'gangway_http_requests_total', help: 'Requests answered', labelNames: ['route', 'method', 'status'], registers,
  });
  const durations = new Histogram({
    name: 'gangway_http_request_seconds', help: 'From the request to its answer; of a stream, to its end', labelNames: ['route', 'method'],
    buckets: [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10], registers,
  });
  const limits = new Counter({
    name: 'gangway_limit_decisions_total', help: 'Decisions of the rate limiter', labelNames: ['policy', 'outcome'], registers,
  });
  let breakers: () => readonly BreakerStatus[] = () => [];
  new Gauge({
    name: 'gangway_breaker_state', help: '0 closed, 1 half open, 2 open', labelNames: ['breaker'], registers,
    collect() { for (const { name, state } of breakers()) this.set({ breaker: name }, stateNumbers[state]); },
  });
  const transitions = new Counter({
    name: 'gangway_breaker_transitions_total', help: 'Changes of a breaker, by the state it went to', labelNames: ['breaker', 'to'],
    registers,
  });
  const attempts = new Counter({
    name: 'gangway_task_attempts_total', help: 'Attempts of background tasks', labelNames: ['task', 'outcome', 'category'], registers,
  });
  const uploads = new Counter({ name: 'gangway_uploads_total', help: 'Uploads that are over', labelNames: ['door', 'outcome'], registers });
  const uploadBytes = new Counter({ name: 'gangway_upload_bytes_total', help: 'Bytes of uploads received', registers });
  const uploadsUnderWay = new Gauge({ name: 'gangway_uploads_under_way', help: 'Uploads being received in this process', registers });
  const deadLetters = remembered<DeadLetterCount>(countedMs);
  new Gauge({
    name: 'gangway_open_tasks', help: 'Tasks in the dead letter queues of all tenants, by status', labelNames: ['status'], registers,
    async collect() {
      this.reset();
      const counted = await deadLetters.get();
      if (counted !== null) for (const status of ['parked', 'retrying'] as const) this.set({ status }, counted[status]);
    },
  });
  new Gauge({
    name: 'gangway_oldest_open_task_seconds', help: 'Since the oldest open task was parked; 0 without one', registers,
    async collect() {
      this.remove();
      const counted = await deadLetters.get();
      if (counted !== null) this.set(counted.oldestSeconds);
    },
  });
  let stuck: () => Promise<number | null> = () => Promise.resolve(null);
  new Gauge({
    name: 'gangway_stuck_workflows', help: 'Sessions and parked tasks whose workflow tasks fail again and again', registers,
    async collect() {
      // not known now: no sample, which is not the same as none
      const count = await stuck().catch(() => null);
      if (count === null) this.remove();
      else this.set(count);
    },
  });
  let scannerSees: (() => boolean) | null = null;
  new Gauge({
    name: 'gangway_upload_scanner_sees', help: '1: it finds the EICAR text; 0: it does not, and uploads wait in quarantine', registers,
    collect() {
      this.remove();
      if (scannerSees !== null) this.set(scannerSees() ? 1 : 0);
    },
  });
  const reports = new Counter({
    name: 'gangway_report_answers_total', help: 'Reports answered: hit and stale ones were kept', labelNames: ['outcome'], registers,
  });
  const reportRuns = new Histogram({
    name: 'gangway_report_run_seconds', help: 'Working out a report, queries and all', labelNames: ['report', 'outcome'],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10], registers,
  });
  const failedWorkflowTasks = new Counter({
    name: 'gangway_workflow_task_failures_total', help: 'Workflow tasks that failed in this process', labelNames: ['failure'], registers,
  });
  return {
    requestFinished: ({ route, method, status, seconds }) => {
      const known = methods.has(method) ? method : 'other';
      requests.inc({ route, method: known, status: `${Math.floor(status / 100)}xx` });
      durations.observe({ route, method: known }, seconds);
    },
    limitDecided: (policy, outcome) => { limits.inc({ policy, outcome }); },
    breakerChanged: (breaker, state) => { transitions.inc({ breaker, to: state }); },
    taskAttempted: (task, outcome, category) => { attempts.inc({ task, outcome, category }); },
    uploadEnded: (door, outcome) => { uploads.inc({ door, outcome }); },
    uploadedBytes: (bytes) => { uploadBytes.inc(bytes); },
    uploadsUnderWay: (change) => { uploadsUnderWay.inc(change); },
    watchStuck: (count) => { stuck = count; },
    watchScanner: (sees) => { scannerSees = sees; },
    reportAnswered: (outcome) => { reports.inc({ outcome }); },
    reportRun: ({ report, seconds, failed }) => { reportRuns.observe({ report, outcome: failed ? 'failed' : 'done' }, seconds); },
    workflowTaskFailed: (failure) => { failedWorkflowTasks.inc({ failure }); },
    watchBreakers: (list) => { breakers = list; },
    watchDeadLetters: (count) => { deadLetters.source = count; },
    render: async () => ({ contentType: registry.contentType, text: await registry.metrics() }),
  };
}

/** A figure from somewhere else, shared for a while by all who ask. null: nobody gives it, or it cannot be had now. */
function remembered<T>(forMs: number): { source: (() => Promise<T>) | null; readonly get: () => Promise<T | null> } {
  let last: { readonly at: number; readonly figure: Promise<T | null> } | null = null;
  const kept = {
    source: null as (() => Promise<T>) | null,
    get: (): Promise<T | null> => {
      if (kept.source === null) return Promise.resolve(null);
      if (last === null || performance.now() - last.at > forMs) last = { at: performance.now(), figure: kept.source().catch(() => null) };
      return last.figure;
    },
  };
  return kept;
}
