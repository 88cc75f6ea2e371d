/** The commands of the README. */

/** The blocks that are meant for pasting, but for the ones that install and start. */
export function pasted(markdown: string): string {
  const blocks = [...markdown.matchAll(/```bash\n([\s\S]*?)```/g)].map((match) => match[1] ?? '');
  return blocks.filter((block) => !/^\s*npm (run up|test)\b/m.test(block)).join('\n');
}
