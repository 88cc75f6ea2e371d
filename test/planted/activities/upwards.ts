import { server } from '../api/server.ts';

export const activity = server;
