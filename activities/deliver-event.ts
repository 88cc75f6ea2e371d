/** One event of the outbox whose own tries were exhausted, sent once more. Its receiver knows it by its id, so twice does no harm. */
import { ApplicationFailure } from '@temporalio/activity';
import { z } from 'zod';
import { dropEvent, findEvent, markDelivered } from '../stores/postgres/outgoing-events.ts';
import { sessionTask } from './inputs.ts';
import { attempt } from './outbox/delivery.ts';
import { requestOf } from './outbox/event-request.ts';
import { defineTask } from './task.ts';

export const deliverEvent = defineTask({
  name: 'deliverEvent', input: sessionTask.extend({ event_id: z.uuid() }), timeoutMs: 60_000,
  run: async ({ tenant, event_id }, { stores: { db }, eventReceiver, signal }): Promise<{ status: 'delivered' | 'outdated' }> => {
    if (eventReceiver === null) {
      throw ApplicationFailure.create({
        type: 'validation', nonRetryable: true, message: 'EVENT_WEBHOOK_URL is not set: there is nobody to deliver to.',
      });
    }
    const scope = db.asTenant(tenant);
    const event = await findEvent(scope, event_id);
    if (event === null) {
      throw ApplicationFailure.create({ type: 'data_integrity', nonRetryable: true, message: 'This event is no longer in the outbox.' });
    }
    if (event.status === 'delivered') return { status: 'delivered' };
    const prepared = await eventReceiver.prepare(event);
    if (prepared === null) {
      await dropEvent(scope, event.position);
      return { status: 'outdated' };
    }
    const sent = await attempt(eventReceiver.post, requestOf(eventReceiver.url, prepared, signal));
    if (sent !== 'delivered') {
      throw ApplicationFailure.create({
        type: 'external_api', message: `The receiver did not take the event: ${sent.reason}.`,
        ...(sent.retryAfterMs === null ? {} : { nextRetryDelay: sent.retryAfterMs }),
      });
    }
    await markDelivered(scope, event.position);
    return { status: 'delivered' };
  },
});
