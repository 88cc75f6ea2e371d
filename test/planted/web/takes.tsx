import { server } from '../api/server.ts';
export const taken = server;
