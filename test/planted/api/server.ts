import { activity } from '../activities/upwards.ts';

export const server = activity;
