/** Where uploads are kept: whether something can be stored there. */
import { constants } from 'node:fs';
import { access, mkdtemp, rm, stat, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { unsealedChunks } from '../../encryption/sealed-chunks.ts';
import type { Configuration } from '../../service/configuration.ts';
import { fileStoreSettings } from '../../service/settings.ts';
import { chosenFileStore, type FileStoreSettings } from '../../stores/files/chosen.ts';
import { systemCode } from '../embedded/plain-error.ts';
import { about, patienceMs, reasonOf, within, type Finding } from './finding.ts';
import { nearest } from './folder.ts';
import { placeOf } from './stores.ts';

const { well, wrong, note } = about('files');
/** Some files of the largest size: below this uploads may be refused within minutes. */
const freeBytesMin = 128 * 1_024 * 1_024;

/** Gangway runs without it, on everything but uploads. In a bucket an empty object is written, and removed again. */
export async function fileFindings(configuration: Configuration): Promise<Finding[]> {
  const settings = fileStoreSettings(configuration);
  const inFolder = await folderFinding(settings.folder, configuration.GANGWAY_UPLOADS === undefined ? 'GANGWAY_DATA' : 'GANGWAY_UPLOADS');
  if (settings.s3 === null) return [inFolder];
  // files pass through the folder
  const inBucket = await bucketFinding(settings, settings.s3);
  return inFolder.state === 'well' ? [inBucket] : [inFolder, inBucket];
}

async function folderFinding(folder: string, setting: string): Promise<Finding> {
  try {
    const there = await nearest(folder);
    if (!(await stat(there)).isDirectory()) return unusable(folder, setting, 'it is, or lies below, a file that is no folder');
    for (const path of [there, join(folder, 'incoming'), join(folder, 'files')]) await writable(path);
    const { bavail, bsize } = await statfs(there);
    if (bavail * bsize >= freeBytesMin) return well(`Uploads can be stored in ${folder}`);
    return note(`There are only ${Math.floor((bavail * bsize) / 1_048_576)} MB left for uploads in ${folder}`, 'make room');
  } catch (error) {
    return unusable(folder, setting, faults[systemCode(error) ?? ''] ?? reasonOf(error));
  }
}

/** What is not there yet is made when it is needed. */
async function writable(path: string): Promise<void> {
  const isThere = await stat(path).then((found) => found, (error: unknown) => {
    if (systemCode(error) === 'ENOENT') return null;
    throw error;
  });
  if (isThere === null) return;
  if (!isThere.isDirectory()) throw Object.assign(new Error(`${path} is no folder`), { code: 'ENOTDIR' });
  await access(path, constants.R_OK | constants.W_OK | constants.X_OK);
}

const faults: Readonly<Record<string, string>> = {
  EACCES: 'this user may not', EPERM: 'this user may not', EROFS: 'its file system is read-only',
  ENOTDIR: 'something in its place is a file and no folder',
};

function unusable(folder: string, setting: string, why: string): Finding {
  return wrong(
    `Uploads cannot be stored in ${folder} (${why}): they are answered 503`, `mend that, or name another folder with ${setting}`,
  );
}

async function bucketFinding(settings: FileStoreSettings, { bucket, endpoint }: NonNullable<FileStoreSettings['s3']>): Promise<Finding> {
  const where = endpoint === null ? bucket : `${bucket} at ${placeOf(endpoint)}`;
  const folder = await mkdtemp(join(tmpdir(), 'gangway-doctor-'));
  const store = await chosenFileStore({ ...settings, folder }, unsealedChunks);
  try {
    await within(patienceMs, store.checkWritable());
    return well(`Uploads can be stored in the bucket ${where}`);
  } catch (error) {
    return wrong(
      `S3_BUCKET: nothing can be stored in the bucket ${where} (${reasonOf(unwrapped(error))}): uploads are answered 503`,
      'start it, give the credentials a bucket that they may write, or correct S3_BUCKET and S3_ENDPOINT',
    );
  } finally {
    store.close();
    await rm(folder, { recursive: true, force: true });
  }
}

/** The client of S3 keeps the code of a connection that failed in its words alone. */
function unwrapped(error: unknown): unknown {
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
  if (!(cause instanceof Error) || 'code' in cause) return cause;
  const [code] = /\bE[A-Z]{4,}\b/.exec(cause.message) ?? [];
  return code === undefined ? cause : Object.assign(new Error(cause.message), { code });
}
