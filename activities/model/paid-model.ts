/** The language model: guarded by a breaker, paid from the budget of whoever it works for. */
import type { Logger } from 'pino';
import type { Breakers } from '../../outside/breakers/registry.ts';
import type { Limiter } from '../../stores/redis/limits/limiter.ts';
import type { Resource } from '../../stores/redis/limits/policy.ts';
import { budgetedChat, type Prices } from './budget.ts';
import type { PaidModel } from './chat-model.ts';
import { guardedChat, judgeCall } from './guarded-chat.ts';
import { createOpenAiChatModel } from './openai-chat-model.ts';

export interface ModelSettings {
  /** As its server knows it. */
  readonly model: string;
  /** Up to and with /v1. */
  readonly baseUrl: string;
  readonly apiKey: string | null;
  readonly proposalTimeoutMs: number;
  readonly readingTimeoutMs: number;
  readonly prices: Prices;
}

export interface ModelParts {
  readonly log: Logger;
  readonly now: () => number;
  readonly limiter: Limiter;
  /** What its calls are counted on. */
  readonly resource: Resource;
  readonly breakers: Breakers;
}

export function paidModel(settings: ModelSettings, { log, now, limiter, resource, breakers }: ModelParts): PaidModel {
  const { model, baseUrl, apiKey, proposalTimeoutMs, readingTimeoutMs, prices } = settings;
  const breaker = breakers.outside({ name: 'model', timeoutMs: Math.max(proposalTimeoutMs, readingTimeoutMs), judge: judgeCall });
  const chat = guardedChat(breaker, createOpenAiChatModel({ baseUrl, apiKey, model, now, log }));
  const budget = { limiter, resource, prices };
  return { paidBy: (payer) => ({ chat: budgetedChat(chat, budget, payer), proposalTimeoutMs, readingTimeoutMs }) };
}
