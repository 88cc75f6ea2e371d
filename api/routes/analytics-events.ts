import { z } from 'zod';
import { knownEvents } from '../../analytics/reports/event-catalogue.ts';
import { reportRoute } from '../report-route.ts';
import { count } from '../wire.ts';

export const eventCatalogueRoutes = [
  reportRoute('/analytics/events', {
    id: 'EventCatalogue',
    summary: 'Which events the sessions of the period have, with their questions and properties: what a step can name',
    answer: {
      events: z.array(z.object({
        name: z.string(), count, questions: z.array(z.object({ question_id: z.string(), count })).readonly(),
        properties: z.array(z.object({ name: z.string(), count })).readonly(),
      })).readonly(),
      more: z.boolean().meta({ description: 'There are others, less frequent' }),
    },
    table: 'events',
    compute: ({ filters, services, now }) => knownEvents(services.reports.clickhouse, filters, now),
  }),
];
