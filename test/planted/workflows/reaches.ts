import { z } from 'zod';
import { activity } from '../activities/upwards.ts';

export const workflow = [z, activity];
