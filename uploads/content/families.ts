/** What each family of content is called by people, by names of files and by senders, and as what it is served. */
import { familiesOf, fileFamilies, type FileFamily, type UploadKind } from '../../domain/upload.ts';

export interface FamilyFacts {
  readonly name: string;
  /** Lower case; the first is the usual one. */
  readonly extensions: readonly [string, ...string[]];
  /** The type under which it is served. */
  readonly type: string;
  /** What senders call it besides: browsers, phones and old systems differ. */
  readonly otherTypes: readonly string[];
}

export const familyFacts: Readonly<Record<FileFamily, FamilyFacts>> = {
  jpeg: {
    name: 'JPEG', extensions: ['jpg', 'jpeg', 'jpe', 'jfif'], type: 'image/jpeg', otherTypes: ['image/jpg', 'image/pjpeg'],
  },
  png: { name: 'PNG', extensions: ['png'], type: 'image/png', otherTypes: ['image/x-png', 'image/apng'] },
  webp: { name: 'WebP', extensions: ['webp'], type: 'image/webp', otherTypes: [] },
  heic: { name: 'HEIC', extensions: ['heic', 'heif'], type: 'image/heic', otherTypes: ['image/heif'] },
  pdf: { name: 'PDF', extensions: ['pdf'], type: 'application/pdf', otherTypes: ['application/x-pdf'] },
  docx: {
    name: 'DOCX', extensions: ['docx'], type: 'application/vnd.openxmlformats-officedocument.wordprocessingml.document', otherTypes: [],
  },
  mpeg: {
    name: 'MP3', extensions: ['mp3', 'mpga'], type: 'audio/mpeg', otherTypes: ['audio/mp3', 'audio/x-mp3', 'audio/x-mpeg', 'audio/mpeg3'],
  },
  wav: { name: 'WAV', extensions: ['wav', 'wave'], type: 'audio/wav', otherTypes: ['audio/x-wav', 'audio/wave', 'audio/vnd.wave'] },
  webm: { name: 'WebM', extensions: ['webm', 'weba'], type: 'audio/webm', otherTypes: ['video/webm'] },
  ogg: {
    name: 'OGG', extensions: ['ogg', 'oga', 'opus'], type: 'audio/ogg', otherTypes: ['application/ogg', 'audio/opus', 'video/ogg'],
  },
  m4a: {
    name: 'M4A', extensions: ['m4a', 'mp4'], type: 'audio/mp4', otherTypes: ['audio/x-m4a', 'audio/m4a', 'video/mp4'],
  },
};

const byExtension = new Map(fileFamilies.flatMap((family) => familyFacts[family].extensions.map((extension) => [extension, family])));
const byType = new Map(
  fileFamilies.flatMap((family) => [familyFacts[family].type, ...familyFacts[family].otherTypes].map((type) => [type, family])),
);

/** `extension` without its dot, in any case. */
export function familyOfExtension(extension: string): FileFamily | null {
  return byExtension.get(extension.toLowerCase()) ?? null;
}

/** `type` in lower case, without parameters. */
export function familyOfType(type: string): FileFamily | null {
  return byType.get(type) ?? null;
}

const kindNames: Readonly<Record<UploadKind, string>> = { photo: 'A photo', document: 'A document', voice: 'A voice recording' };

/** "A photo may be JPEG, PNG, WebP or HEIC." */
export function allowedFor(kind: UploadKind): string {
  const names = familiesOf[kind].map((family) => familyFacts[family].name).join(', ').replace(/, ([^,]*)$/, ' or $1');
  return `${kindNames[kind]} may be ${names}.`;
}
