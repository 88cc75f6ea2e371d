import { hostname } from 'node:os';

/** Who made an attempt: this process on this host. */
export const workerName = `${process.pid}@${hostname()}`;
