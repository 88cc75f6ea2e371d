/** OGG: the streams that begin in it are all sound. */
import { BrokenFileError, type FileWindow } from '../file-window.ts';

const codecs = ['OpusHead', '\x01vorbis', '\x7fFLAC', 'Speex   '];
const streamsMax = 16;
const beginsStream = 0x02;

export async function checkOgg(window: FileWindow): Promise<void> {
  let at = 0;
  for (let stream = 0; stream <= streamsMax; stream += 1) {
    const header = await window.at(at, 27);
    if (header.toString('latin1', 0, 4) !== 'OggS') throw new BrokenFileError('Its pages do not follow one another.');
    if (((header[5] ?? 0) & beginsStream) === 0) {
      if (stream === 0) break;
      return;
    }
    const segments = header[26] ?? 0;
    const length = (await window.at(at + 27, segments)).reduce((sum, byte) => sum + byte, 0);
    const packet = (await window.at(at + 27 + segments, Math.min(length, 8))).toString('latin1');
    if (!codecs.some((codec) => packet.startsWith(codec))) throw new BrokenFileError('It holds something else than sound.');
    at += 27 + segments + length;
  }
  throw new BrokenFileError('There is no sound in it.');
}
