/** What a document holds that can do something to whoever opens it. It is taken, marked, and never opened here. */
export const fileMarks = [
  'pdf_javascript', 'pdf_open_action', 'pdf_launch', 'pdf_attachment', 'pdf_form', 'pdf_encrypted', 'docx_external_relationship',
  'docx_embedded_object',
] as const;
export type FileMark = (typeof fileMarks)[number];
