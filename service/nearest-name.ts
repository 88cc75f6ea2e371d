/** The name that was probably meant: the one fewest letters away, and no further than a third of its own; null when none is near. */
export function nearestName(given: string, names: readonly string[]): string | null {
  const ranked = names.map((name) => ({ name, away: lettersAway(given, name) })).sort((a, b) => a.away - b.away);
  const [first] = ranked;
  return first !== undefined && first.away <= first.name.length / 3 ? first.name : null;
}

/** Letters to put in, leave out or change (Levenshtein's distance). */
function lettersAway(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, at) => at);
  for (const [at, letter] of Array.from(from).entries()) {
    const next = [at + 1];
    for (let column = 1; column <= to.length; column += 1) {
      const changed = (row[column - 1] ?? 0) + (to[column - 1] === letter ? 0 : 1);
      next.push(Math.min(changed, (row[column] ?? 0) + 1, (next[column - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[to.length] ?? 0;
}
