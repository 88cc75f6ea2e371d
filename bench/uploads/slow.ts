/** What a hundred people who send slowly do to the answers of others: windows with and without them, in random order. */
import { connect, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { closedLoop, ratioByRound } from '../alternating.ts';
import { openSessions, throughApi, type Session } from '../answering.ts';
import type { HttpClient } from '../http-client.ts';
import type { Figure, Table } from '../part.ts';
import { openDatabase, type Database } from '../../stores/postgres/database.ts';
import { median, percentile, rounded, shuffled, type Random } from '../statistics.ts';
import { numberText } from '../table.ts';

export const slowRatioMax = 1.3;
const uploads = 100;
/** Of one person at once, as users have it. */
const perPerson = 3;
/** Announced; and what is sent of it in one piece, and how often: 4 KB/s each, a poor line. */
const [fileBytes, pieceBytes, pieceMs] = [5_000_000, 2_048, 500];
const [rounds, windowSeconds, warmUpSeconds, sessionsInParallel] = [6, 8, 2, 16];
const sides = ['without', 'with'] as const;
type Side = (typeof sides)[number];
const settledMs = 30_000;

/** Milliseconds of each answer, also of those that were refused as 503: their people have waited as well. */
interface Answers { readonly ms: number[]; readonly failed: number }

export interface SlowOptions {
  readonly url: string;
  readonly api: HttpClient;
  readonly key: Uint8Array;
  readonly databaseUrl: string;
  readonly random: Random;
}

export interface Slow {
  readonly tables: readonly Table[];
  readonly figures: readonly Figure[];
  readonly details: Readonly<Record<string, unknown>>;
}

export async function measureSlow(options: SlowOptions, say: (line: string) => void): Promise<Slow> {
  const { api, key, databaseUrl, random } = options;
  const db = openDatabase({ url: databaseUrl, timeoutMs: 30_000, connections: 1 });
  try {
    say(`${rounds} rounds of ${windowSeconds} s with and ${windowSeconds} s without ${uploads} slow uploads ...`);
    const senders = await openSessions(api, key, Math.ceil(uploads / perPerson));
    const windows: Record<Side, Answers[]> = { without: [], with: [] };
    for (let round = 0; round <= rounds; round += 1) {
      const sessions = await openSessions(api, key, sessionsInParallel);
      for (const side of shuffled(sides, random)) {
        const answers = await window(options, db, { side, senders, sessions, seconds: round === 0 ? warmUpSeconds : windowSeconds });
        if (round > 0) windows[side].push(answers);
      }
    }
    return slowOf(windows);
  } finally {
    await db.close();
  }
}

interface Window {
  readonly side: Side;
  readonly senders: readonly Session[];
  readonly sessions: readonly Session[];
  readonly seconds: number;
}

async function window({ url, api }: SlowOptions, db: Database, { side, senders, sessions, seconds }: Window): Promise<Answers> {
  const answer = throughApi(api);
  const ms: number[] = [];
  let failed = 0;
  const answers = (): Promise<unknown> => closedLoop(sessions, seconds, async (session) => {
    const began = performance.now();
    await answer(session).catch(() => { failed += 1; });
    ms.push(performance.now() - began);
    return true;
  });
  await (side === 'with' ? whileSending(url, db, senders, answers) : answers());
  return { ms, failed };
}

/** Throws when one of them did not last. */
async function whileSending(url: string, db: Database, senders: readonly Session[], work: () => Promise<unknown>): Promise<void> {
  const lines = Array.from({ length: uploads }, (_, at) => new SlowLine(url, senders[Math.floor(at / perPerson)]));
  try {
    await underWay(db, uploads);
    await work();
    const broken = lines.filter((line) => !line.isSending).map((line) => line.answer);
    if (broken.length > 0) throw new Error(`${broken.length} slow uploads did not last: ${broken[0]}`);
    await underWay(db, uploads);
  } finally {
    for (const line of lines) line.end();
  }
  await underWay(db, 0);
}

/** Waits until so many hold a place. */
async function underWay(db: Database, wanted: number): Promise<void> {
  const deadline = performance.now() + settledMs;
  for (;;) {
    const [row] = await db.asSystem().query<{ n: number }>(
      "SELECT count(*)::int AS n FROM uploads WHERE status = 'receiving' AND active_until > clock_timestamp()",
    );
    if (row?.n === wanted) return;
    if (performance.now() > deadline) throw new Error(`${row?.n} uploads are under way in place of ${wanted}.`);
    await pause(50);
  }
}

/** A connection that sends a piece now and then. */
class SlowLine {
  answer = '';
  private readonly socket: Socket;
  private readonly timer: NodeJS.Timeout;
  private isOpen = true;

  constructor(url: string, session: Session | undefined) {
    if (session === undefined) throw new Error('A session is missing.');
    const { hostname, port } = new URL(url);
    const head = '--slow\r\nContent-Disposition: form-data; name="file"; filename="photo.jpg"\r\nContent-Type: image/jpeg\r\n\r\n';
    this.socket = connect(Number(port), hostname);
    this.socket.on('error', (error) => { this.answer ||= error.message; }).on('close', () => { this.isOpen = false; });
    this.socket.on('data', (data) => { this.answer += data.toString('latin1'); });
    this.socket.write([
      `POST /api/v1/onboarding/sessions/${session.id}/uploads/?kind=photo HTTP/1.1`, `Host: ${hostname}`,
      `Authorization: Bearer ${session.token}`, 'Content-Type: multipart/form-data; boundary=slow', `Content-Length: ${fileBytes}`, '',
      `${head}\xff\xd8\xff`,
    ].join('\r\n'), 'latin1');
    const piece = Buffer.alloc(pieceBytes, 0x20);
    this.timer = setInterval(() => { if (this.isOpen) this.socket.write(piece); }, pieceMs);
  }

  get isSending(): boolean {
    return this.isOpen && this.answer === '';
  }

  end(): void {
    clearInterval(this.timer);
    this.socket.destroy();
  }
}

function slowOf(windows: Record<Side, Answers[]>): Slow {
  const p99 = (side: Side): number[] => windows[side].map(({ ms }) => percentile(ms, 0.99));
  const whole = (side: Side, share: number): number => percentile(windows[side].flatMap(({ ms }) => ms), share);
  const failures = (side: Side): number => windows[side].reduce((sum, { failed }) => sum + failed, 0);
  const ratio = (share: number): number => whole('with', share) / whole('without', share);
  return {
    tables: [{
      head: ['answers of others', 'p50 ms', 'p99 ms', 'p99 ms, median of windows', 'answers', 'of those 503'],
      rows: sides.map((side) => [
        `${side} ${uploads} slow uploads`, numberText(whole(side, 0.5)), numberText(whole(side, 0.99)), numberText(median(p99(side))),
        ...[windows[side].flatMap(({ ms }) => ms).length, failures(side)].map(String),
      ]),
    }],
    figures: [
      { name: `answers' p99, with / without ${uploads} slow uploads, window by window`, unit: '',
        ...ratioByRound(p99('with'), p99('without')), goal: { atMost: slowRatioMax } },
      { name: 'the same over all answers of each side', value: ratio(0.99), unit: '', goal: { atMost: slowRatioMax } },
      { name: "answers' p50, with / without", value: ratio(0.5), unit: '', goal: null },
    ],
    details: {
      rounds, window_seconds: windowSeconds, sessions_in_parallel: sessionsInParallel, bytes_per_second: pieceBytes * 1_000 / pieceMs,
      p99_ms_by_window: Object.fromEntries(sides.map((side) => [side, p99(side).map((ms) => rounded(ms, 1))])),
    },
  };
}
