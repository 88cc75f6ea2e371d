/** Search attributes of workflows. The owner is an opaque id: nothing personal may stand here. */
import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';

export const sessionAttributes = {
  tenant: defineSearchAttributeKey('GwTenant', SearchAttributeType.KEYWORD),
  flow: defineSearchAttributeKey('GwFlow', SearchAttributeType.KEYWORD),
  state: defineSearchAttributeKey('GwState', SearchAttributeType.KEYWORD),
  stage: defineSearchAttributeKey('GwStage', SearchAttributeType.KEYWORD),
  owner: defineSearchAttributeKey('GwOwner', SearchAttributeType.KEYWORD),
} as const;

/** Of parked tasks, beside tenant, owner and state: parked, retrying, completed, discarded. */
export const taskAttributes = {
  task: defineSearchAttributeKey('GwTask', SearchAttributeType.KEYWORD),
  category: defineSearchAttributeKey('GwCategory', SearchAttributeType.KEYWORD),
  fingerprint: defineSearchAttributeKey('GwFingerprint', SearchAttributeType.KEYWORD),
  session: defineSearchAttributeKey('GwSession', SearchAttributeType.KEYWORD),
} as const;

/** Kept by the server itself (from 1.30 on), of workflows whose tasks fail again and again. */
export const reportedProblems = defineSearchAttributeKey('TemporalReportedProblems', SearchAttributeType.KEYWORD_LIST);

export const searchAttributeNames = [...Object.values(sessionAttributes), ...Object.values(taskAttributes)].map((key) => key.name);
