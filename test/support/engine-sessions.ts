/** Sessions that are begun and spoken to in the engine itself, past the API: with limits of a test's own. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { WithStartWorkflowOperation, type Client, type WorkflowHandle } from '@temporalio/client';
import type { Actor, AnswerBody, Message } from '../../domain/message.ts';
import { loadFlowFolder } from '../../flows/files.ts';
import { readConfiguration } from '../../service/environment.ts';
import { answerQuestion, openSession, sessionWorkflow, type SessionInput } from '../../workflows/messages.ts';

/** One that lets an answer fail for so long is broken. */
const sayMs = 180_000;

/** As users have it. */
export const defaultMessagesPerRun = readConfiguration({}).GANGWAY_UPDATES_PER_RUN;

export class EngineSessions {
  private readonly client: Client;
  private readonly taskQueue: string;
  private readonly rules: SessionInput['rules'];

  private constructor(client: Client, taskQueue: string, rules: SessionInput['rules']) {
    this.client = client;
    this.taskQueue = taskQueue;
    this.rules = rules;
  }

  static async on(client: Client, taskQueue: string): Promise<EngineSessions> {
    const flow = (await loadFlowFolder('flows')).find(({ id }) => id === 'business_unit_setup');
    if (flow === undefined) throw new Error('The flow is missing.');
    return new EngineSessions(client, taskQueue, flow.rules);
  }

  async open(limits: Partial<SessionInput['limits']> = {}): Promise<string> {
    const sessionId = randomUUID();
    const { tenant, subject } = this.ownerOf(sessionId);
    const input: SessionInput = {
      rules: this.rules, state: null,
      limits: {
        idleAbandonedMs: 604_800_000, idleCancelMs: 7_776_000_000, flushAfterMs: 30_000, messagesPerRun: defaultMessagesPerRun,
        proposalFallbackMs: 900_000,
        manualRetries: 3, ...limits,
      },
      start: {
        session_id: sessionId, tenant, owner: subject, language: 'en', segment: 'first_time', correlation_id: 'c', client_context: {},
      },
    };
    const startWorkflowOperation = new WithStartWorkflowOperation(sessionWorkflow, {
      workflowId: this.workflowId(sessionId), taskQueue: this.taskQueue, args: [input], workflowIdConflictPolicy: 'USE_EXISTING',
      // ten times the service's: how many long histories are replayed in 2 s is the machine's affair
      workflowTaskTimeout: '20s',
    });
    await this.client.workflow.executeUpdateWithStart(openSession, { startWorkflowOperation, updateId: 'open' });
    return sessionId;
  }

  workflowId(sessionId: string): string { return `session:engine:${sessionId}`; }
  handleOf(sessionId: string): WorkflowHandle { return this.client.workflow.getHandle(this.workflowId(sessionId)); }
  ownerOf(sessionId: string): Actor { return { tenant: 'engine', subject: `ana-${sessionId}`, roles: ['user'] }; }

  messageOf(sessionId: string, questionId: string, value: string | number, id: string = randomUUID()): Message<AnswerBody> {
    return {
      id, fingerprint: `${questionId}=${value}`, actor: this.ownerOf(sessionId), correlation_id: 'c', if_match: null,
      body: { question_id: questionId, value },
    };
  }

  /** As the API does: resent with the same id until it is acknowledged. */
  async say(sessionId: string, message: Message<AnswerBody>): Promise<void> {
    const deadline = performance.now() + sayMs;
    for (;;) {
      try {
        await this.client.withDeadline(Date.now() + 5_000, async () => this.handleOf(sessionId).executeUpdate(answerQuestion, {
          updateId: `answer:${message.id}`, args: [message],
        }));
        return;
      } catch (error) {
        if (performance.now() > deadline) throw error;
        await sleep(100);
      }
    }
  }

  answer(sessionId: string, questionId: string, value: string | number): Promise<void> {
    return this.say(sessionId, this.messageOf(sessionId, questionId, value));
  }
}
