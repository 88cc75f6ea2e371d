/** SIGTERM under load: who balances loads is told first, and nobody who was heard is cut. */
import { Agent, request, type IncomingHttpHeaders } from 'node:http';
import { afterAll, expect, test } from '@jest/globals';
import { newFolder } from './support/folders.ts';
import { discard, startInstance, type Instance } from './support/instance.ts';
import { base, newTenant, person, tokenFor, type Body, type Person } from './support/person.ts';
import { until } from './support/until.ts';

let instance: Instance | undefined;
afterAll(async () => { await discard(instance); }, 60_000);

interface Answered { readonly status: number; readonly headers: IncomingHttpHeaders }

/** One request over a connection of the agent. Rejects with the error of the socket. */
async function ask(agent: Agent, url: string, token = '', body?: string): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const sent = request(url, {
      agent, method: body === undefined ? 'GET' : 'POST', headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    }, (response) => {
      response.resume();
      response.once('end', () => { resolve({ status: response.statusCode ?? 0, headers: response.headers }); });
      response.once('error', reject);
    });
    sent.once('error', reject);
    sent.end(body);
  });
}

test('a stop is told by /readyz first, every answer from then on closes its connection, and no request that was sent is cut', async () => {
  instance = await startInstance(await newFolder(), { GANGWAY_UNREADY_SECONDS: '2', GANGWAY_IN_FLIGHT_PER_SESSION: '10' });
  const { url, pid } = instance;
  const tenant = newTenant();
  let stopping = false;
  let outOfService = false;
  const answered: number[] = [];
  const failures: string[] = [];
  /** What each person's session must hold: the last value that was acknowledged. */
  const acknowledged = new Map<string, { readonly who: Person; value: number }>();
  /** Statuses and the header `Connection` of what was asked after the signal. */
  const late: { status: number; connection: string | undefined }[] = [];

  /**
   * Posts over a connection that is kept; one behind a balancer ends when that has taken the process out of service, another when
   * it is refused, or reset by the system before the process saw it: then its request was not heard, which is looked at below.
   */
  const post = async (name: string, isBalanced: boolean): Promise<void> => {
    const who = await person({ url, folder: instance?.folder ?? '', pid }, tenant, name, 'user');
    const token = await tokenFor({ url, folder: instance?.folder ?? '', pid }, tenant, name, ['user']);
    const { session_id: id } = await who.start() as { session_id: string };
    const answers = [['setup_urgency', 'immediate'], ['business_unit_type', 'office'], ['business_unit_name', name]] as const;
    for (const [question, value] of answers) await who.answer(id, question, value);
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    for (let value = 1; !(isBalanced && outOfService); value += 1) {
      const sentLate = stopping;
      const body = JSON.stringify({ question_id: 'expected_users', value, message_id: `${name}-${value}` });
      try {
        const { status, headers } = await ask(agent, `${url}${base}/sessions/${id}/answers/`, token, body);
        answered.push(status);
        acknowledged.set(id, { who, value });
        if (sentLate) late.push({ status, connection: headers.connection });
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        if ((code === 'ECONNREFUSED' || code === 'ECONNRESET') && !isBalanced) break;
        failures.push(`${name}, ${isBalanced ? 'balanced' : 'on its own'}: ${code ?? String(error)}`);
        break;
      }
    }
    agent.destroy();
  };
  const clients = Promise.all(Array.from({ length: 12 }, (_, at) => post(`person-${at}`, at % 2 === 0)));
  await until('everybody has been answered', () => answered.length >= 60);

  stopping = true;
  process.kill(pid, 'SIGTERM');
  const probe = new Agent({ keepAlive: true });
  // of the first no there must be a sign: a balancer that asks each tenth of a second sees it
  await until('/readyz says that it is leaving', async () => {
    const ready = await ask(probe, `${url}/readyz`);
    outOfService = ready.status === 503;
    return outOfService;
  }, 1_900);
  await clients;
  probe.destroy();
  expect(failures).toEqual([]);
  expect(new Set(answered)).toEqual(new Set([200]));
  expect(late.length).toBeGreaterThan(6);
  expect(late.filter(({ connection }) => connection !== 'close')).toEqual([]);
  const { child } = instance;
  await until('it has ended', () => child.exitCode !== null || child.signalCode !== null, 60_000);
  expect(child.exitCode).toBe(0);

  instance = await startInstance(instance.folder);
  const after = instance;
  const held = await Promise.all([...acknowledged].map(async ([id, { who, value }]) => {
    const again = await person(after, tenant, who.subject, 'user');
    const { answers } = (await again.get(`/sessions/${id}/answers/`)).body as { answers: Body[] };
    const kept = answers.find(({ question_id: question, superseded }) => question === 'expected_users' && superseded !== true);
    return [id, value, kept?.value];
  }));
  expect(held.filter(([, said, kept]) => said !== kept)).toEqual([]);
});
