/** File type validation: what documents hold. */
import { describe, expect, test } from '@jest/globals';
import {
  bodyOf, contentTypes, docx, mainType, packedObjects, pdf, relationship, relationships,
} from './support/files/documents.ts';
import { judged, refused } from './support/files/judging.ts';
import { zipOf } from './support/files/zip.ts';

describe('Documents are looked into', () => {
  test.each([
    ['a sheet', docx({ name: 'xl/workbook.xml', content: '<a/>' }), []],
    ['an attached template', docx(relationships(relationship('attachedTemplate', 'https://example.com/a.dotm', 'External'))), [
      'docx_external_relationship']],
    ['a template with a written-out letter', docx(relationships(relationship('oleObject', 'https://example.com/', '&#69;xternal'))), [
      'docx_external_relationship']],
    ['a link that people click', docx(relationships(relationship('hyperlink', 'https://example.com/', 'External'))), []],
    ['an object of another program', docx({ name: 'word/embeddings/oleObject1.bin', content: Buffer.from('d0cf11e0a1b11ae1', 'hex') }), [
      'docx_embedded_object']],
  ] as const)('a DOCX with %s is taken, and marked as it should be', async (_, content, marks) => {
    expect((await judged(content, 'document', 'docx')).marks).toEqual(marks);
  });

  const doctype = '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]><w:document/>';
  test.each([
    ['no document in it', 'no Word document', zipOf([contentTypes()])], ['no list of contents', 'no Word document', zipOf([bodyOf('a')])],
    ['another kind of content', 'no Word document', zipOf([contentTypes(
      'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml'), bodyOf('a')])],
    ['nothing in it', 'application/zip', zipOf([])], ['any files', 'no Word document', zipOf([{ name: 'a.txt', content: 'a' }])],
    ['macros', 'macros', docx({ name: 'word/vbaProject.bin', content: 'a' })], ['macros under another name', 'macros', docx(
      relationships('<Relationship Type="http://schemas.microsoft.com/office/2006/relationships/vbaProject" Target="a.bin"/>'),
    )],
    ['the type of one with macros', 'macros', zipOf([contentTypes(mainType.replace(
      /.*/, 'application/vnd.ms-word.document.macroEnabled.main+xml')), bodyOf('a')])],
    ['an archive', 'another archive', docx({ name: 'word/embeddings/a.zip', content: 'PK' })],
    ['an archive under another name', 'another archive', docx({ name: 'word/media/image1.png', content: zipOf([{ name: 'a',
      content: 'a' }]) })],
    ['a program', 'a program', docx({ name: 'word/media/image1.png', content: 'MZ\x90\0\x03\0\0\0\x04' })],
    ['entities', 'entities', docx({ name: 'word/header1.xml', content: doctype })],
    ['entities in UTF-16', 'entities', docx({ name: 'word/header1.xml', content: Buffer.from(`\uFEFF${doctype}`, 'utf16le') })],
    ['entities far behind its beginning', 'entities', docx({ name: 'word/header1.xml', content: `<?xml version="1.0"?><!--${' '.repeat(
      60_000)}-->${' '.repeat(200_000)}${doctype.slice(21)}` })],
    ['an encoding in which entities are not seen', 'encoding', docx(
      { name: 'word/header1.xml', content: '<?xml version="1.0" encoding="UTF-7"?><a/>' })],
    ['a path upwards', 'archive is broken', docx({ name: '../../a.xml', content: '<a/>' })], ['an absolute path', 'archive is broken',
      docx({ name: '/etc/a.xml', content: '<a/>' })],
    ['folders in folders', 'folders in folders', docx({ name: `${'a/'.repeat(20)}a.xml`, content: '<a/>' })],
    ['an encrypted member', 'encrypted', docx({ name: 'word/a.bin', content: 'a', encrypted: true })],
    ['two members of one name', 'one name', docx(bodyOf('another'))],
    ['too many members', 'members', docx(...Array.from({ length: 2_001 }, (__, index) => ({ name: `a${index}.txt`, content: '' })))],
    ['a member that grows a thousand times', 'unpacks to far more', docx({ name: 'word/media/a.bin', content: Buffer.alloc(20_000_000) })],
    ['a member that says it has 4 GB', 'unpacks to far more', docx({ name: 'word/media/a.bin', content: 'a', saysBytes: 4_000_000_000 })],
    ['a member that says it is small and is not', 'archive is broken', docx({ name: 'word/a.xml', content: ' '.repeat(50_000_000),
      saysBytes: 1_000 })],
    ['members that share their bytes', 'unpacks to far more', docx(...Array.from({ length: 50 }, (__, index) => ({ name: `a${index}.bin`,
      content: contentTypes().content, sharesFirst: true })))],
  ])('a DOCX with %s is refused, and why is said: %s', async (_, reason, content) => {
    const { layer, message } = await refused(content, 'document', 'docx');
    expect(layer).toBe('file_type_invalid');
    expect(message).toContain(reason);
  });

  test.each([
    ['nothing', pdf(), []], ['a script at its opening', pdf('', '/OpenAction << /S /JavaScript /JS (app.alert\\(1\\)) >>'), [
      'pdf_open_action', 'pdf_javascript']],
    ['a place to open at', pdf('', '/OpenAction [3 0 R /FitH null]'), []], ['two letters in a picture', pdf('x/AAx/AA'), []],
    ['an action on each page', pdf('4 0 obj << /AA << /O 5 0 R >> >> endobj'), ['pdf_open_action']],
    ['an action elsewhere', pdf('', '/OpenAction 5 0 R'), ['pdf_open_action']],
    ['escaped names', pdf('4 0 obj << /S /J#61va#53cript >> endobj'), ['pdf_javascript']],
    ['a program to start', pdf('4 0 obj << /S /Launch >> endobj'), ['pdf_launch']],
    ['attachments', pdf('4 0 obj << /Type /EmbeddedFile >> endobj'), ['pdf_attachment']],
    ['a password', pdf('', '/Encrypt 5 0 R'), ['pdf_encrypted']], ['a form', pdf('4 0 obj << /XFA 5 0 R >> endobj'), ['pdf_form']],
    ['a script in packed objects', pdf(packedObjects('1 0 << /S /JavaScript >>')), ['pdf_javascript']],
    ['a script behind 200 KB', pdf(`${'x'.repeat(200_000)} /JavaScript `), ['pdf_javascript']],
    ['a name that only begins like one', pdf('4 0 obj << /JavaScripts /Launcher >> endobj'), []],
  ] as const)('a PDF with %s is taken, and marked as it should be', async (_, content, marks) => {
    expect((await judged(content, 'document', 'pdf')).marks).toEqual(marks);
  });

  test('documents that are made to take long do not', async () => {
    const began = performance.now();
    await judged(Buffer.from(`%PDF-1.7 ${'/ObjStm '.repeat(1_200_000)}%%EOF`), 'document', 'pdf');
    await judged(Buffer.from(`%PDF-1.7 ${'/#4a#61#76'.repeat(1_000_000)}%%EOF`), 'document', 'pdf');
    for (const part of [`<a ${'a.'.repeat(30_000)}>`, `<a ${'a '.repeat(30_000)}>`, `<?xml ${'encoding '.repeat(
      7_000)}>`, `<a ${"a='".repeat(20_000)}>`]) {
      await judged(docx({ name: 'word/a.xml', content: part.repeat(10), stored: true }), 'document', 'docx');
    }
    // a fraction of a second where it is right, minutes where it is not
    expect(performance.now() - began).toBeLessThan(20_000);
  });

  test('a PDF that says it is longer than it is was cut, though its first page has an end of its own', async () => {
    const cut = pdf().toString('latin1').replace('1 0 obj', '9 0 obj << /Linearized 1 /L 100000 >> endobj\n1 0 obj');
    expect(await refused(Buffer.from(cut, 'latin1'), 'document', 'pdf')).toMatchObject({ layer: 'file_type_invalid' });
  });

  test('a name at the seam of two reads is seen', async () => {
    for (const before of [65_520, 65_530, 65_535, 32_760, 32_767]) {
      const content = pdf(`${'x'.repeat(before - 120)} /JavaScript `);
      expect((await judged(content, 'document', 'pdf')).marks).toEqual(['pdf_javascript']);
    }
  });
});
