/** Alerts: when one begins, and where it is told. */
import type { AlertThresholds } from '../../domain/alert.ts';
import type { BackOff } from '../../domain/back-off.ts';
import type { Outside } from '../../outside/outside.ts';
import type { AlertChannel, AlertChannelOf } from './channel.ts';

export interface AlertSettings {
  readonly thresholds: AlertThresholds;
  /** Without one, alerts are kept and logged all the same. */
  readonly channels: readonly AlertChannelOf[];
  /** Under which people reach the console; null: unknown. */
  readonly publicUrl: string | null;
  /** Milliseconds for which what a worker saw of the scanner of uploads counts; null: there is none. */
  readonly scannerSightMs: number | null;
  /** Days that an alert stays after its end. */
  readonly keepDays: number;
}

export interface Alerting extends Omit<AlertSettings, 'channels'> {
  readonly channels: readonly AlertChannel[];
  /** For a message that a channel did not take. */
  readonly backOff: BackOff;
}

/** Ten tries over some four hours: 1, 2, 4 … minutes, then one an hour. */
const backOff = { tries: 10, firstDelayMs: 60_000, capMs: 3_600_000, retryAfterCapMs: 3_600_000 };

export function alertingOf(settings: AlertSettings, outside: Outside, random: () => number): Alerting {
  return { ...settings, channels: settings.channels.map((channelOf) => channelOf(outside)), backOff: { ...backOff, random } };
}
