/** Who is about to leave: one session by its factors, all open ones worst first, and the levels that are crossed while nobody looks. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Client, Connection } from '@temporalio/client';
import { assessRisk, leastScore, riskLevels } from '../domain/abandonment-risk.ts';
import type { SessionView } from '../domain/message.ts';
import type { SessionEvent } from '../domain/session-state.ts';
import { listedScoreOf, riskSourceOf } from '../domain/view-risk.ts';
import { connectEngine } from '../engine/connection.ts';
import type { Database } from '../stores/postgres/database.ts';
import { saveSessions } from '../stores/postgres/sessions.ts';
import { sessionsAtRisk } from '../stores/postgres/sessions-at-risk.ts';
import { readEvents } from '../workflows/messages.ts';
import { databaseOf, runFileOf } from './support/instance-stores.ts';
import { leftSession, type LeftSession } from './support/left-session.ts';
import { sealerOf } from './support/parked-rows.ts';
import { cast, newTenant, person, proposed, type Body } from './support/person.ts';
import { sharedInstance } from './support/shared.ts';
import { until } from './support/until.ts';

const instance = await sharedInstance();
let db: Database;
beforeAll(async () => { db = await databaseOf(instance); });
afterAll(() => db.close());

const refuse = async (ana: { post: (path: string, body: object) => Promise<Body> }, id: string, times: number): Promise<void> => {
  for (let at = 0; at < times; at += 1) await ana.post(`/sessions/${id}/answers/`, { question_id: 'setup_urgency', value: 'castle' });
};

describe('Abandonment risk detection', () => {
  test('counts what really happened, explains each factor, and says what would help', async () => {
    const { ana, admin, tenant } = await cast(instance);
    const { session_id: id } = await ana.start();
    const fresh = (await ana.get(`/sessions/${id}/risk/`)).body;
    expect(fresh).toMatchObject({
      session_id: id, risk_score: 0, risk_level: 'low', predicted_abandonment_probability: 0, model: { name: 'rules', version: '1' },
      waiting_for: 'person', current_stage: 'started', intervention: { type: 'none', urgency: 'monitor', actions: [] },
    });
    await refuse(ana, id, 6);
    const { body } = await admin.get(`/sessions/${id}/risk/`);
    expect(body).toMatchObject({
      risk_score: 50, risk_level: 'high', predicted_abandonment_probability: 0.5,
      intervention: {
        type: 'human_assistance', action: 'offer_live_chat', priority: 'high', urgency: 'soon',
        actions: ['offer_live_chat', 'escalate_to_support'],
      },
    });
    expect(body.risk_factors.map((each: Body) => [each.factor, each.weight, each.contribution])).toEqual([
      ['inactivity', 30, 0], ['confusion', 25, 25], ['fatigue', 20, 0], ['errors', 25, 25],
    ]);
    expect(body.risk_factors.slice(1).map((each: Body) => each.value)).toEqual([7, 7, 6]);
    const eve = await person(instance, tenant, 'eve', 'user');
    expect((await eve.get(`/sessions/${id}/risk/`)).body.code).toBe('not_found');
  });

  test('a question about the question and an amended branch ask again; waiting for an approver nobody is inactive', async () => {
    const { ana, ben } = await cast(instance);
    const { session_id: id } = await ana.start();
    await ana.post(`/sessions/${id}/answers/`, { text: 'what does that mean?' });
    const [, confusion, fatigue, errors] = (await ana.get(`/sessions/${id}/risk/`)).body.risk_factors;
    expect([confusion.value, fatigue.value, errors.value]).toEqual([2, 2, 0]);
    await ana.post(`/sessions/${id}/cancel/`, {});
    expect((await ana.get(`/sessions/${id}/risk/`)).body).toMatchObject({ risk_score: 0, waiting_for: null });
    const { session } = await proposed(ana, ben);
    expect((await ana.get(`/sessions/${session.session_id}/risk/`)).body.waiting_for).toBe('approver');
  });
});

describe('the list of sessions at risk', () => {
  test('has a session as soon as its score stands, without waiting for the next copy, and not when it waits for somebody else', async () => {
    const { ana, admin } = await cast(instance);
    const { session_id: id } = await ana.start();
    const listed = async (level: string): Promise<Body> => (await admin.get(`/admin/at-risk-sessions/?risk_level=${level}`)).body;
    expect(await listed('low')).toMatchObject({ total: 1, sessions: [{ session_id: id, owner: 'ana', risk_score: 0 }] });
    await refuse(ana, id, 6);
    const asked = performance.now();
    await until('it is listed with all of it', async () => (await listed('high')).sessions[0]?.risk_score === 50);
    // copies follow within 30 s; this one did not wait for that
    expect(performance.now() - asked).toBeLessThan(20_000);
    expect(await listed('high')).toMatchObject({
      total: 1, filters: { risk_level: 'high', limit: 50 }, sessions: [{ session_id: id, risk_score: 50, risk_level: 'high' }],
    });
    expect((await listed('critical')).total).toBe(0);
    await ana.post(`/sessions/${id}/escalate/`, { reason: 'help' });
    await until('it is not listed', async () => (await listed('low')).total === 0);
    expect((await admin.get('/admin/at-risk-sessions/?limit=201')).status).toBe(400);
    expect((await ana.get('/admin/at-risk-sessions/')).status).toBe(403);
  });

  test('is what looking at every session would give, for each level, at every threshold and a millisecond to both sides', async () => {
    const [tenant, now] = [newTenant(), Date.now()];
    const idle = [0, 119_999, 120_000, 120_001, 299_999, 300_000, 300_001, 599_999, 600_000, 600_001, 86_400_000];
    const counters = [1, 2, 4].flatMap((asked_most) => [1, 16, 21].flatMap((asked) => [0, 2, 4, 6].map(
      (refusals) => ({ asked_most, asked, refusals }),
    )));
    const states = ['started', 'in_progress', 'generating', 'awaiting_approval', 'escalated', 'completed'] as const;
    const views = counters.flatMap((each, one) => idle.map((ms, two): SessionView => {
      const state = states[(one * idle.length + two) % 9] ?? 'in_progress';
      return {
        session_id: randomUUID(), tenant, owner: `o-${one}-${two}`, flow: { id: 'f', version: 1 }, language: 'en', state, stage: 'started',
        progress_percent: 10, question: null, answers_count: 0, checkpoint_version: 1, created_at: now - 90_000_000,
        last_activity_at: now - ms, ended_at: state === 'completed' ? now - ms : null, waits_for: null, counters: each,
        version: 1, revision: 1,
      };
    }));
    await saveSessions(db.asTenant(tenant), views.map((view) => ({ view, segment: 'first_time', snapshot: null })));
    const scoreOf = (view: SessionView): number => assessRisk(riskSourceOf(view), now).score;
    const ranked = views.filter((view) => listedScoreOf(view) !== null).sort((a, b) => scoreOf(b) - scoreOf(a)
      || a.last_activity_at - b.last_activity_at || (a.session_id < b.session_id ? -1 : 1));
    for (const least of [...riskLevels.map((level) => leastScore[level]), 1, 30, 100]) {
      const expected = ranked.filter((view) => scoreOf(view) >= least);
      for (const limit of [1, 7, 50, 200]) {
        const found = await sessionsAtRisk(db, { tenant, least, limit, now });
        expect([least, limit, found.total]).toEqual([least, limit, expected.length]);
        expect(found.views.map((view) => view.session_id)).toEqual(expected.slice(0, limit).map((view) => view.session_id));
      }
    }
    await db.asTenant(tenant).query('DELETE FROM sessions WHERE tenant = $1', [tenant]);
  });
});

describe('levels that are crossed while nobody looks', () => {
  let client: Client;
  let connection: Connection;
  beforeAll(async () => {
    const { urls } = await runFileOf(instance);
    ({ client, connection } = await connectEngine({
      address: urls.temporalAddress, namespace: 'default', sealer: await sealerOf(instance),
    }));
  });
  afterAll(() => connection.close());

  test('are recorded once each, with what would help, by the one timer that a session at rest has', async () => {
    const { handle, owner, left } = await leftSession(client, 299_000);
    const crossed = async (): Promise<readonly SessionEvent[]> => {
      const read = await handle.query(readEvents, owner, 0);
      return 'found' in read ? read.found.events.filter(({ event }) => event === 'risk_level_changed') : [];
    };
    await until('a level was crossed', async () => (await crossed()).length > 0);
    const [event] = await crossed();
    expect(event?.properties).toEqual({
      from: 'low', level: 'medium', score: '20', factor: 'inactivity', type: 'proactive_reach_out', action: 'send_reminder',
    });
    expect((event?.at ?? 0) - left).toBeGreaterThan(300_000);
    const pending = async (): Promise<number> => {
      const { events = [] } = await handle.fetchHistory();
      const timers = (events ?? []).map((each) => [
        each.timerStartedEventAttributes, each.timerFiredEventAttributes ?? each.timerCanceledEventAttributes,
      ]);
      return timers.filter(([started]) => started != null).length - timers.filter(([, over]) => over != null).length;
    };
    const flushed = async (): Promise<boolean> => {
      const { events } = await handle.fetchHistory();
      return events?.findLast((each) => each.activityTaskCompletedEventAttributes != null || each.timerFiredEventAttributes != null)
        ?.activityTaskCompletedEventAttributes != null;
    };
    await until('its copies are written', flushed);
    await until('one timer is left', async () => await pending() === 1);
    expect(await crossed()).toHaveLength(1);
    await handle.cancel();
    await handle.result();
  });

  test('are copied in the task that recorded them: nobody is there of whom more could come', async () => {
    /** How many timers had fired before each flush was asked for. */
    const firedBefore = async ({ handle }: LeftSession): Promise<number[]> => {
      const { events } = await handle.fetchHistory();
      let fired = 0;
      return (events ?? []).flatMap((each) => {
        if (each.timerFiredEventAttributes != null) fired += 1;
        return each.activityTaskScheduledEventAttributes?.activityType?.name === 'flushSession' ? [fired] : [];
      });
    };
    const [alone, accompanied, before] = await Promise.all([
      { aloneAfterMs: 30_000 }, { aloneAfterMs: 600_000 }, {},
    ].map((limits) => leftSession(client, 299_000, { flushAfterMs: 30_000, ...limits }))) as [LeftSession, LeftSession, LeftSession];
    // its start, and its level
    await until('both its copies are on their way', async () => (await firedBefore(alone)).length === 2);
    expect(await firedBefore(alone)).toEqual([0, 1]);
    // the others wait for what else may come with their start, which is their level
    for (const other of [accompanied, before]) {
      await until('its copies are on their way', async () => (await firedBefore(other)).length > 0);
      expect(await firedBefore(other)).toEqual([2]);
    }
    for (const { handle } of [alone, accompanied, before]) {
      await handle.cancel();
      await handle.result();
    }
  });
});
