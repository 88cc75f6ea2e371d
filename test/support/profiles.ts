/** Instances that test files share, by name: a file that kills servers, or restarts, has one of its own. */
import { usersTimeouts } from './instance.ts';
import { secret } from './receiver.ts';

export interface Profile {
  /** Beside what every instance of a test has (instance.ts). `port` leads to the receiver of whoever has the instance for itself. */
  readonly settings: (port: number) => Readonly<Record<string, string>>;
  /** One file after the other has it (`leaseInstance`); else all at once (`sharedInstance`), each with tenants of its own. */
  readonly isLeased: boolean;
}

/** Tests write rows of tasks that the engine has never heard of, which would be begun there. */
const noReconciling = { GANGWAY_DLQ_RECONCILE_SECONDS: '86400' };

export const profiles = {
  /** For whoever needs no settings. */
  default: {
    settings: () => ({
      // some read what is flushed, and nobody wants to wait half a minute for it
      GANGWAY_FLUSH_SECONDS: '1',
      ...noReconciling,
    }),
    isLeased: false,
  },
  /** Its servers may be frozen, and have to be thawed. */
  outage: {
    settings: () => usersTimeouts,
    isLeased: true,
  },
  /** Everything that goes out goes to one receiver: /target, /events, /alerts. */
  outside: {
    settings: (port) => ({
      CHANGE_TARGET_URL: `http://127.0.0.1:${port}/target`, CHANGE_TARGET_SECRET: secret,
      EVENT_WEBHOOK_URL: `http://127.0.0.1:${port}/events`, EVENT_WEBHOOK_SECRET: secret,
      ALERT_WEBHOOK_URL: `http://127.0.0.1:${port}/alerts`, ALERT_WEBHOOK_SECRET: secret, GANGWAY_ALLOW_PRIVATE_URLS: 'true',
      GANGWAY_EVENT_FIRST_DELAY_MS: '50', GANGWAY_EVENT_POLL_MS: '200', GANGWAY_RETRY_DELAY_PERCENT: '5', GANGWAY_DLQ_CAPACITY: '2',
      GANGWAY_DLQ_ALERT_SECONDS: '2', ...noReconciling,
    }),
    isLeased: true,
  },
} satisfies Readonly<Record<string, Profile>>;

export type ProfileName = keyof typeof profiles;

export function isProfileName(name: string): name is ProfileName {
  return Object.hasOwn(profiles, name);
}
