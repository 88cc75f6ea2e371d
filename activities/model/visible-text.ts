/**
 * What a person can see of a text. Characters without a shape carry instructions past the eye of a reader: tags
 * (U+E0000-E007F), variation selectors, zero-width marks, bidirectional controls, all of them default-ignorable, and control
 * characters but for the white space of ordinary writing. Joiners of Indic writing go with them: no reading depends on one.
 */
const invisible = /\p{Default_Ignorable_Code_Point}|(?![\t\n\r])\p{Cc}/gu;

/** Well-formed, NFC, without invisible characters. */
export function visibleText(text: string): string {
  return text.toWellFormed().replace(invisible, '').normalize('NFC');
}
