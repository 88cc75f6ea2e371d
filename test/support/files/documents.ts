/** Documents, as writers of them make them, and with what should not be in them. */
import { deflateSync } from 'node:zlib';
import { zipOf, type Member } from './zip.ts';

const xml = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>';
const office = 'http://schemas.openxmlformats.org';
export const mainType = 'application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml';

export function contentTypes(main = mainType): Member {
  return {
    name: '[Content_Types].xml',
    content: `${xml}<Types xmlns="${office}/package/2006/content-types">` +
      '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>' +
      '<Default Extension="xml" ContentType="application/xml"/>' +
      `<Override PartName="/word/document.xml" ContentType="${main}"/></Types>`,
  };
}

export function relationships(inside = '', name = 'word/_rels/document.xml.rels'): Member {
  return { name, content: `${xml}<Relationships xmlns="${office}/package/2006/relationships">${inside}</Relationships>` };
}

export function relationship(type: string, target: string, mode: string): string {
  return `<Relationship Id="rId1" Type="${office}/officeDocument/2006/relationships/${type}" Target="${target}" TargetMode="${mode}"/>`;
}

export function bodyOf(text: string): Member {
  const paragraph = `<w:p><w:r><w:t>${text}</w:t></w:r></w:p>`;
  return {
    name: 'word/document.xml',
    content: `${xml}<w:document xmlns:w="${office}/wordprocessingml/2006/main"><w:body>${paragraph}</w:body></w:document>`,
  };
}

/** A whole document, and what is given besides. */
export function docx(...more: readonly Member[]): Buffer {
  return zipOf([contentTypes(), relationships('', '_rels/.rels'), bodyOf('Fire exits are kept clear.'), ...more]);
}

/** `more`: objects, as they stand in the file. */
export function pdf(more = '', catalog = ''): Buffer {
  return Buffer.from([
    '%PDF-1.7', '1 0 obj', `<< /Type /Catalog /Pages 2 0 R ${catalog} >>`, 'endobj', '2 0 obj',
    '<< /Type /Pages /Kids [3 0 R] /Count 1 >>',
    'endobj', '3 0 obj', '<< /Type /Page /Parent 2 0 R /MediaBox [0 0 200 200] >>', 'endobj', more, 'xref', '0 1', '0000000000 65535 f ',
    'trailer', '<< /Root 1 0 R /Size 4 >>', 'startxref', '9', '%%EOF', '',
  ].join('\n'), 'latin1');
}

/** Objects as newer writers pack them. */
export function packedObjects(objects: string): string {
  const data = deflateSync(Buffer.from(objects, 'latin1')).toString('latin1');
  return `4 0 obj\n<< /Type /ObjStm /N 1 /First 4 /Filter /FlateDecode /Length ${data.length} >>\nstream\n${data}\nendstream\nendobj`;
}
