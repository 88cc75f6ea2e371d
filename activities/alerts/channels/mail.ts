/** Alerts by mail. */
import { createTransport } from 'nodemailer';
import { BreakerOpenError, type Judgement, type OutsideBreaker } from '../../../outside/breakers/outside-breaker.ts';
import { channelTimeoutMs, type AlertChannel, type AlertChannelOf, type AlertMessage } from '../channel.ts';
import { placeLines } from '../place.ts';

export interface MailSettings {
  /** smtp:// or smtps://, with user and password where the server wants them. */
  readonly url: string;
  readonly from: string;
  readonly to: readonly string[];
}

export function mailAlerts(settings: MailSettings): AlertChannelOf {
  return ({ breakers, allowPrivate }) => mailChannel({
    ...settings, timeoutMs: channelTimeoutMs, passwordNeedsTls: !allowPrivate,
    breaker: breakers.outside({ name: 'alert_mail', timeoutMs: channelTimeoutMs, judge: judgeMail }),
  });
}

export interface MailOptions extends MailSettings {
  readonly timeoutMs: number;
  /** Over smtp:// a password goes out only once STARTTLS has succeeded. */
  readonly passwordNeedsTls: boolean;
  readonly breaker: OutsideBreaker;
}

export function mailChannel(options: MailOptions): AlertChannel {
  const { timeoutMs, from, to, breaker } = options;
  const transport = createTransport(settingsOf(options));
  return {
    name: 'mail', timeoutMs,
    tell: async (message, signal) => {
      // the time-outs of the transport are for silence; this one is for all of it
      const mail = { ...mailOf(message, from), to: [...to], signal: AbortSignal.any([AbortSignal.timeout(timeoutMs), signal]) };
      try {
        await breaker.call(() => transport.sendMail(mail));
        return 'delivered';
      } catch (error) {
        return { reason: error instanceof BreakerOpenError ? 'breaker_open' : reasonOf(error), retryAfterMs: null };
      }
    },
  };
}

/** The parts of the address only: nodemailer would take any option from its query, time-outs included. */
function settingsOf({ url, timeoutMs, passwordNeedsTls }: MailOptions) {
  const { protocol, hostname, port, username, password } = new URL(url);
  const secure = protocol === 'smtps:';
  return {
    host: hostname.replace(/^\[|\]$/g, ''), port: port === '' ? (secure ? 465 : 587) : Number(port), secure,
    ...(username === '' ? {} : {
      auth: { user: decodeURIComponent(username), pass: decodeURIComponent(password) }, requireTLS: !secure && passwordNeedsTls,
    }),
    connectionTimeout: timeoutMs, greetingTimeout: timeoutMs, socketTimeout: timeoutMs, dnsTimeout: timeoutMs, disableFileAccess: true,
    disableUrlAccess: true,
  };
}

function mailOf({ message_id, first_message_id, alert, words, place }: AlertMessage, from: string) {
  const domain = from.slice(from.lastIndexOf('@') + 1);
  const first = `<${first_message_id}@${domain}>`;
  const over = alert.says === 'recovered';
  return {
    from, subject: words.title, text: [...words.lines, '', ...placeLines(place), ''].join('\n'), messageId: `<${message_id}@${domain}>`,
    headers: { 'Auto-Submitted': 'auto-generated', 'X-Auto-Response-Suppress': 'All' },
    // below the mail of the beginning, and without a noise of its own
    ...(over ? { inReplyTo: first, references: [first], priority: 'low' as const } : {}),
  };
}

/** A code and a status: the text of a mail server can quote addresses. */
function reasonOf(error: unknown): string {
  const { code, status, late } = told(error);
  if (late) return 'timeout';
  return status === null ? (code ?? 'unknown') : `status ${status}`;
}

/** A server that says no has answered; one that says "not now" before anything else has not. */
export function judgeMail(error: unknown): Judgement {
  const { code, status, late } = told(error);
  if (late) return 'failed';
  if (status !== null) return status === 421 ? 'failed' : 'answered';
  return code === null || ['EABORT', 'EAUTH', 'EENVELOPE'].includes(code) ? 'unknown' : 'failed';
}

function told(error: unknown): { readonly code: string | null; readonly status: number | null; readonly late: boolean } {
  if (typeof error !== 'object' || error === null) return { code: null, status: null, late: false };
  return {
    late: 'cause' in error && error.cause instanceof DOMException && error.cause.name === 'TimeoutError',
    code: 'code' in error && typeof error.code === 'string' ? error.code : null,
    status: 'responseCode' in error && typeof error.responseCode === 'number' ? error.responseCode : null,
  };
}
