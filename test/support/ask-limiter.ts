/** A process that asks a limiter many times at once, and prints how often it was let through: URL, subject, times, limit. */
import { limitingOn, outcomes, quota } from './limiting.ts';

const [url = '', subject = '', times = '0', limit = '0'] = process.argv.slice(2);
// beyond the time-out Redis is not asked any more, which is not what is tried here
const { limiter, redis } = await limitingOn(url, { timeoutMs: 10_000 });
const { allowed = 0 } = await outcomes(Number(times), () => limiter.take([{ resource: quota(Number(limit), 60) }], subject));
process.stdout.write(String(allowed));
redis.disconnect();
