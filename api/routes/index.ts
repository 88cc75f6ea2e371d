/** Every route below the base, in the order of the documentation. */
import type { Route } from '../route.ts';
import { apiKeyRoutes } from './admin-api-keys.ts';
import { auditRoutes } from './admin-audit.ts';
import { breakerRoutes } from './admin-breakers.ts';
import { errorRoutes } from './admin-errors.ts';
import { dlqClearRoutes } from './admin-dlq-clear.ts';
import { dlqRedriveRoutes } from './admin-dlq-redrives.ts';
import { dlqReportRoutes } from './admin-dlq-reports.ts';
import { dlqRoutes } from './admin-dlq.ts';
import { stuckRoutes } from './admin-stuck.ts';
import { flowPublishingRoutes } from './admin-flows.ts';
import { limitRoutes } from './admin-limits.ts';
import { importRoutes } from './analytics-import.ts';
import { approvalRoutes } from './approvals.ts';
import { analyticsRoutes } from './analytics-funnel.ts';
import { cohortRoutes } from './analytics-cohorts.ts';
import { eventCatalogueRoutes } from './analytics-events.ts';
import { countedSessionRoutes } from './analytics-sessions.ts';
import { comparisonRoutes } from './analytics-comparison.ts';
import { whyRoutes } from './analytics-why.ts';
import { answerRoutes } from './answers.ts';
import { changesetRoutes } from './changesets.ts';
import { consoleRoutes } from './console.ts';
import { decisionRoutes } from './decisions.ts';
import { flowRoutes } from './flows.ts';
import { liveRoutes } from './live.ts';
import { ownFunnelRoutes } from './own-funnels.ts';
import { recoveryRoutes } from './recovery.ts';
import { reminderRoutes } from './reminders.ts';
import { resumeLinkRoutes } from './resume-links.ts';
import { riskRoutes } from './risk.ts';
import { replayRoutes } from './session-replay.ts';
import { sessionQuestionRoutes } from './session-questions.ts';
import { sessionRoutes } from './sessions.ts';
import { resumableUploadRoutes } from './resumable-uploads.ts';
import { streamRoutes } from './stream.ts';
import { uploadContentRoutes } from './upload-content.ts';
import { uploadRoutes } from './uploads.ts';
import { versionRoutes } from './versions.ts';

export const routes: readonly Route[] = [
  ...sessionRoutes, ...streamRoutes, ...answerRoutes, ...sessionQuestionRoutes, ...recoveryRoutes, ...versionRoutes, ...riskRoutes,
  ...resumeLinkRoutes,
  ...reminderRoutes, ...resumableUploadRoutes, ...uploadRoutes, ...uploadContentRoutes, ...decisionRoutes, ...approvalRoutes,
  ...changesetRoutes, ...flowRoutes,
  ...flowPublishingRoutes, ...stuckRoutes, ...dlqRoutes, ...dlqReportRoutes, ...dlqClearRoutes, ...dlqRedriveRoutes,
  ...analyticsRoutes, ...countedSessionRoutes, ...eventCatalogueRoutes, ...ownFunnelRoutes, ...comparisonRoutes, ...cohortRoutes,
  ...whyRoutes, ...liveRoutes,
  ...apiKeyRoutes,
  ...importRoutes, ...replayRoutes,
  ...auditRoutes, ...breakerRoutes, ...errorRoutes, ...limitRoutes, ...consoleRoutes,
];
