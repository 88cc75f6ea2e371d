import type { Logger } from 'pino';
import { ConfigurationError, type Configuration } from '../../stores/configuration.ts';
import type { LanguageModel } from './chat-model.ts';
import { createOpenAiChatModel } from './openai-chat-model.ts';

/**
 * CHAT_MODEL turns the model on: a key that lies in the environment for something else must not send people's answers away.
 * Throws ConfigurationError when it is set and there is nobody to ask.
 */
export function configuredModel(configuration: Configuration, log: Logger, now: () => number): LanguageModel | null {
  const { CHAT_MODEL: model, OPENAI_BASE_URL: url, OPENAI_API_KEY: apiKey } = configuration;
  if (model === undefined) {
    if (url !== undefined || apiKey !== undefined) log.info('OPENAI_BASE_URL or OPENAI_API_KEY is set but CHAT_MODEL is not: no model is used');
    return null;
  }
  if (url === undefined && apiKey === undefined) throw new ConfigurationError('CHAT_MODEL needs OPENAI_BASE_URL, OPENAI_API_KEY or both.');
  return {
    chat: createOpenAiChatModel({ baseUrl: url ?? 'https://api.openai.com/v1', apiKey: apiKey ?? null, model, now, log }),
    proposalTimeoutMs: configuration.GANGWAY_MODEL_TIMEOUT_MS, readingTimeoutMs: configuration.GANGWAY_READING_TIMEOUT_MS,
  };
}
