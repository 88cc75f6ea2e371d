/** Whether the engine that runs beside us can still write: without room it answers reads as if all were well. */
import { statfs } from 'node:fs/promises';

/** Bytes that have to be free: some thousands of answers, so that it is told before the first of them is refused. */
export const engineFreeBytesMin = 16 * 1_024 * 1_024;

/** `folder`: where its database is. What the system keeps for its administrator does not count as free. */
export async function hasRoom(folder: string): Promise<boolean> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize >= engineFreeBytesMin;
}
