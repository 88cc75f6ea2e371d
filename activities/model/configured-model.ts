import type { Logger } from 'pino';
import { outsideBreaker } from '../../outside/breakers/configured.ts';
import type { Breakers } from '../../outside/breakers/registry.ts';
import { ConfigurationError, type Configuration } from '../../service/configuration.ts';
import type { Limiter } from '../../stores/redis/limits/limiter.ts';
import type { Resources } from '../../stores/redis/limits/policy.ts';
import { budgetedChat } from './budget.ts';
import type { PaidModel } from './chat-model.ts';
import { guardedChat, judgeCall } from './guarded-chat.ts';
import { createOpenAiChatModel } from './openai-chat-model.ts';

export interface ModelParts {
  readonly log: Logger;
  readonly now: () => number;
  readonly limiter: Limiter;
  readonly resources: Resources;
  readonly breakers: Breakers;
}

/**
 * CHAT_MODEL turns the model on: a key that lies in the environment for something else must not send people's answers away.
 * Throws ConfigurationError when it is set and there is nobody to ask.
 */
export function configuredModel(configuration: Configuration, { log, now, limiter, resources, breakers }: ModelParts): PaidModel | null {
  const { CHAT_MODEL: model, OPENAI_BASE_URL: url, OPENAI_API_KEY: apiKey } = configuration;
  if (model === undefined) {
    if (url !== undefined || apiKey !== undefined) log.info('OPENAI_BASE_URL or OPENAI_API_KEY is set but CHAT_MODEL is not: no model is used');
    return null;
  }
  if (url === undefined && apiKey === undefined) throw new ConfigurationError('CHAT_MODEL needs OPENAI_BASE_URL, OPENAI_API_KEY or both.');
  const proposalTimeoutMs = configuration.GANGWAY_MODEL_TIMEOUT_MS;
  const readingTimeoutMs = configuration.GANGWAY_READING_TIMEOUT_MS;
  const breaker = outsideBreaker(breakers, configuration, { name: 'model', timeoutMs: Math.max(proposalTimeoutMs, readingTimeoutMs), judge: judgeCall });
  const chat = guardedChat(breaker, createOpenAiChatModel({ baseUrl: url ?? 'https://api.openai.com/v1', apiKey: apiKey ?? null, model, now, log }));
  const budget = { limiter, resource: resources.llm_calls, prices: { input: configuration.GANGWAY_LLM_INPUT_PRICE, output: configuration.GANGWAY_LLM_OUTPUT_PRICE } };
  return { paidBy: (payer) => ({ chat: budgetedChat(chat, budget, payer), proposalTimeoutMs, readingTimeoutMs }) };
}
