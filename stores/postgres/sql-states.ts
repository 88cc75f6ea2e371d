/**
 * What a failure of PostgreSQL means, by its SQLSTATE (Appendix A of its manual); the longest beginning that fits counts.
 *
 * `away`: the store cannot answer now, 503 with Retry-After, and the connection is thrown away: what it knows of the server, that
 * it takes no writes for one, may be over for a new one. `broken`: a fault that repeating does not mend, 500, and the connection
 * is thrown away. Everything else is a fault of ours or of the data, 500, on a connection that is as good as before.
 */
const meanings: Readonly<Record<string, 'away' | 'broken'>> = {
  /** Connection exceptions, among them all that a pooler says by itself. */
  '08': 'away',
  /** A server that became a standby, or was made read-only because its disk is full. The rest of 25 are statements in the wrong place. */
  '25006': 'away',
  /** The server has ended the connection: a transaction of ours lay idle, or lasted longer than somebody else's setting allows. */
  '25P03': 'away',
  '25P04': 'away',
  /** Disk full, out of memory, too many connections, or a limit that was configured. */
  '53': 'away',
  /** Somebody or something intervened: a time-out, a shutdown, a crash of another backend, a start that is not over. */
  '57': 'away',
  /** The system below: an error of input or output, a file that cannot be read or is gone. */
  '58': 'away',
  /** An error inside the server, or data or an index that are corrupt: nothing that waiting mends, and nothing to go on with. */
  XX: 'broken',
};

export function meaningOf(state: string): 'away' | 'broken' | 'fault' {
  return meanings[state] ?? meanings[state.slice(0, 2)] ?? 'fault';
}

/** SQLSTATE of a database error, or null. */
export function sqlState(error: unknown): string | null {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : null;
}
