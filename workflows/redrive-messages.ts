/** A redrive: many parked tasks retried one after another, carefully. */
import { defineQuery, defineUpdate } from '@temporalio/workflow';
import type { RedriveState } from '../domain/redrive-state.ts';

export const redriveWorkflow = 'redriveTasks';

export const pauseRedrive = defineUpdate<RedriveState>('pauseRedrive');
export const resumeRedrive = defineUpdate<RedriveState>('resumeRedrive');
export const abortRedrive = defineUpdate<RedriveState>('abortRedrive');
export const readRedrive = defineQuery<RedriveState>('readRedrive');
