/** The configuration from the environment, checked as a whole: every problem is reported at once, values are never printed. */
import { readOrigins } from '../api/cross-origin.ts';
import { addressReader } from '../api/limits/address.ts';
import { ConfigurationError } from '../domain/configuration-error.ts';
import { readCodecKeys } from '../encryption/sealer.ts';
import { addressFault } from '../outside/address.ts';
import { resourcesOf } from '../stores/redis/limits/policy.ts';
import { configurationSchema, type Configuration } from './configuration.ts';
import { nearestName } from './nearest-name.ts';
import { limitSettings } from './settings.ts';

type Environment = Readonly<Record<string, string | undefined>>;

export interface ExaminedEnvironment {
  /** With the default in the place of what cannot be used. */
  readonly configuration: Configuration;
  /** `SETTING: what is wrong`, each. */
  readonly faults: readonly string[];
}

/** Reads and checks the environment. Empty values count as absent. Throws ConfigurationError naming every bad setting. */
export function readConfiguration(environment: Environment): Configuration {
  const { configuration, faults } = examineEnvironment(environment);
  if (faults.length > 0) throw new ConfigurationError(faults);
  return configuration;
}

export function examineEnvironment(environment: Environment): ExaminedEnvironment {
  const names = Object.keys(configurationSchema.shape);
  const present = Object.entries(environment).filter((entry): entry is [string, string] => entry[1] !== undefined && entry[1] !== '');
  const given = new Map(present.filter(([name]) => names.includes(name)));
  const bad = new Map<string, string>();
  const refuse = (name: string, why: string): void => {
    if (!bad.has(name)) bad.set(name, why);
    given.delete(name);
  };
  for (const [name, value] of [...given]) if (value.trim() === '') refuse(name, 'is blank: give it a value, or leave it out');
  const { error } = configurationSchema.safeParse(Object.fromEntries(given));
  for (const { path, message } of error?.issues ?? []) refuse(String(path[0]), message);
  // settings that need each other are looked at without the bad ones, and what is said of those is enough
  const configuration = configurationSchema.parse(Object.fromEntries(given));
  const together = [
    ...outgoingFaults(configuration), ...fileFaults(configuration), ...mailFaults(configuration), ...modelFaults(configuration),
    ...readingFaults(configuration),
  ].filter((fault) => !bad.has(fault.slice(0, fault.indexOf(':'))));
  const alone = names.flatMap((name) => (bad.has(name) ? [`${name}: ${bad.get(name) ?? ''}`] : []));
  return { configuration, faults: [...alone, ...together, ...unknownNames(present, names)] };
}

const prefix = /^GANGWAY_/;
/** Made by Kubernetes and Docker where a service is called gangway. */
const ofAService = /_SERVICE_(HOST|PORT(_\w+)?)$|_PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?$/;

/** A setting that is misspelt would count for nothing, and nobody would know. */
function unknownNames(present: readonly (readonly [string, string])[], known: readonly string[]): string[] {
  const unknown = present.filter(([name, value]) => prefix.test(name) && !known.includes(name)
    && !ofAService.test(name) && !/^(tcp|udp|sctp):\/\//.test(value));
  return unknown.map(([name]) => {
    const bare = (full: string): string => full.replace(prefix, '');
    const near = nearestName(bare(name), known.map(bare));
    const meant = known.find((full) => bare(full) === near) ?? null;
    return `${name}: is no setting. ${meant === null ? 'docs/configuration.md has them all' : `Did you mean ${meant}?`}`;
  });
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

/** Without S3_BUCKET the others may lie there for something else; with it a key needs its secret. */
function fileFaults(configuration: Configuration): string[] {
  const names = ['S3_ACCESS_KEY_ID', 'S3_SECRET_ACCESS_KEY'] as const;
  const missing = names.filter((name) => configuration[name] === undefined);
  return configuration.S3_BUCKET === undefined || missing.length !== 1 ? [] : missing.map(
    (name) => `${name}: is needed with ${names.find((other) => other !== name)}`,
  );
}
