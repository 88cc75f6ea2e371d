/** The configuration from the environment, checked as a whole: every problem is reported at once, values are never printed. */
import { readOrigins } from '../api/cross-origin.ts';
import { addressReader } from '../api/limits/address.ts';
import { ConfigurationError } from '../domain/configuration-error.ts';
import { readCodecKeys } from '../encryption/sealer.ts';
import { addressFault } from '../outside/address.ts';
import { resourcesOf } from '../stores/redis/limits/policy.ts';
import { configurationSchema, type Configuration } from './configuration.ts';
import { limitSettings } from './settings.ts';

/** Reads and checks the environment. Empty values count as absent. Throws ConfigurationError naming every bad setting. */
export function readConfiguration(environment: Readonly<Record<string, string | undefined>>): Configuration {
  const present = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== undefined && value !== ''));
  const result = configurationSchema.safeParse(present);
  if (!result.success) throw new ConfigurationError(result.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`));
  const configuration = result.data;
  const faults = [
    ...outgoingFaults(configuration), ...mailFaults(configuration), ...modelFaults(configuration), ...readingFaults(configuration),
  ];
  if (faults.length > 0) throw new ConfigurationError(faults);
  return configuration;
}

/** What the parts would say of their settings when they are made, said before anything is started. */
function readingFaults(configuration: Configuration): string[] {
  const { GANGWAY_CODEC_KEYS: keys, TRUSTED_PROXIES: proxies, GANGWAY_ALLOWED_ORIGINS: origins } = configuration;
  const readers = [
    () => (keys === undefined ? null : readCodecKeys(keys)), () => addressReader(proxies), () => readOrigins(origins),
    () => resourcesOf(limitSettings(configuration)),
  ];
  return readers.flatMap((read) => {
    try {
      read();
      return [];
    } catch (error) {
      if (error instanceof ConfigurationError) return error.faults;
      throw error;
    }
  });
}

/** CHAT_MODEL turns the model on: a key that lies in the environment for something else must not send people's answers away. */
function modelFaults({ CHAT_MODEL: model, OPENAI_BASE_URL: url, OPENAI_API_KEY: apiKey }: Configuration): string[] {
  return model !== undefined && url === undefined && apiKey === undefined ? ['CHAT_MODEL: needs OPENAI_BASE_URL, OPENAI_API_KEY or both']
    : [];
}

/** Addresses that requests may not go to, and those without the secret that signs them. */
function outgoingFaults(configuration: Configuration): string[] {
  const addresses = (['CHANGE_TARGET_URL', 'EVENT_WEBHOOK_URL', 'ALERT_WEBHOOK_URL', 'SLACK_WEBHOOK_URL'] as const).flatMap((name) => {
    const url = configuration[name];
    const fault = url === undefined ? null : addressFault(url, configuration.GANGWAY_ALLOW_PRIVATE_URLS === 'true');
    return fault === null ? [] : [`${name}: ${fault}`];
  });
  const unsigned = (['CHANGE_TARGET', 'EVENT_WEBHOOK', 'ALERT_WEBHOOK'] as const)
    .filter((name) => configuration[`${name}_URL`] !== undefined && configuration[`${name}_SECRET`] === undefined)
    .map((name) => `${name}_SECRET: is needed with ${name}_URL, which gets signed requests`);
  return [...addresses, ...unsigned];
}

/** Mail needs a server, a sender and somebody to read it. */
function mailFaults(configuration: Configuration): string[] {
  const names = ['SMTP_URL', 'GANGWAY_ALERT_MAIL_TO', 'GANGWAY_ALERT_MAIL_FROM'] as const;
  const missing = names.filter((name) => configuration[name] === undefined);
  return missing.length === names.length ? [] : missing.map(
    (name) => `${name}: is needed for mail, for which ${names.filter((other) => !missing.includes(other)).join(' and ')} ask`,
  );
}
