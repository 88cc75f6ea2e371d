/** Shapes of the HTTP contract, from the schemas that validate it. Types alone: none of their code comes here. */
import type { z } from 'zod';
import type { Expression } from '../../domain/expression.ts';
import type { AnswersWire } from '../../api/routes/answers.ts';
import type { AwaitedWire } from '../../api/routes/approvals.ts';
import type { ChangesetWire, ChangesetWithChanges, RollbackDone as RollbackWire } from '../../api/routes/changesets.ts';
import type { ConsoleSession } from '../../api/routes/console.ts';
import type { ApprovalResult, DecisionResult, Recommendations } from '../../api/routes/decisions.ts';
import type { RedriveWithResults, RedriveWire } from '../../api/routes/admin-dlq-redrives.ts';
import type { Groups } from '../../api/routes/admin-dlq-reports.ts';
import type { Retried as RetriedWire } from '../../api/routes/admin-dlq.ts';
import type { TaskWire, TaskWithHistory } from '../../api/routes/admin-dlq-wire.ts';
import type { FlowWire } from '../../api/routes/flows.ts';
import type { ResumeLinkWire, SpentLinkWire } from '../../api/routes/resume-links.ts';
import type { SessionQuestions as QuestionsWire } from '../../api/routes/session-questions.ts';
import type { SessionReplay } from '../../api/routes/session-replay.ts';
import type { Version } from '../../api/routes/versions.ts';
import type { StreamEventWire } from '../../api/session-streams.ts';
import type { AnsweredSession, ChangeWire, MistakeWire, ProblemWire, SessionWire } from '../../api/wire.ts';

export type Who = z.output<typeof ConsoleSession>;
export type ProblemBody = z.output<typeof ProblemWire>;
export type Mistake = z.output<typeof MistakeWire>;
export type TaskGroups = z.output<typeof Groups>;
export type TaskGroup = TaskGroups['results'][number];
export type Task = z.output<typeof TaskWire>;
export type WholeTask = z.output<typeof TaskWithHistory>;
export type Awaited = z.output<typeof AwaitedWire>;
export type Proposal = z.output<typeof Recommendations>;
export type Item = Proposal['recommendations'][number];
export type Risk = NonNullable<Proposal['risk']>;
export type Change = z.output<typeof ChangeWire>;
export type Decided = z.output<typeof DecisionResult>;
export type Approved = z.output<typeof ApprovalResult>;
export type Changeset = z.output<typeof ChangesetWire>;
export type WholeChangeset = z.output<typeof ChangesetWithChanges>;
export type RolledBack = z.output<typeof RollbackWire>;
export type Session = z.output<typeof SessionWire>;
export type Replay = z.output<typeof SessionReplay>;
export type Moment = Replay['timeline'][number];
export type SessionVersion = z.output<typeof Version>;
export type Flow = z.output<typeof FlowWire>;
export type Retried = z.output<typeof RetriedWire>;
export type Redrive = z.output<typeof RedriveWire>;
export type WholeRedrive = z.output<typeof RedriveWithResults>;
export type Answered = z.output<typeof AnsweredSession>;
export type Answers = z.output<typeof AnswersWire>;
export type AskedQuestion = Omit<z.output<typeof QuestionsWire>['questions'][number], 'when'> & { readonly when: Expression | null };
export type SessionQuestions = Omit<z.output<typeof QuestionsWire>, 'questions'> & { readonly questions: readonly AskedQuestion[] };
export type StreamEvent = z.output<typeof StreamEventWire>;
export type ResumeLink = z.output<typeof ResumeLinkWire>;
export type SpentLink = z.output<typeof SpentLinkWire>;

/** A page of a list. */
export interface Listed<Row> {
  readonly results: readonly Row[];
  readonly total: number;
  readonly total_is_at_least?: boolean | undefined;
  readonly next_cursor: string | null;
}
