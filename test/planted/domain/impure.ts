import { randomUUID } from 'node:crypto';
import { Pool } from 'pg';
import { workflow } from '../workflows/reaches.ts';

export const impure = [randomUUID, Pool, workflow];
