/** Direct dependencies installed in more than one major version: two of one library rarely understand each other. */

/** Allowed, each with its reason. */
const allowed: Readonly<Record<string, string>> = {
  '@noble/hashes': 'cuid2 below koa-body has version 1 for its file names; ours hashes checkpoints',
  protobufjs: 'below grpc-js and the Temporal SDK another one is pinned; ours only reads recorded histories',
};

interface Installed {
  readonly name: string;
  readonly major: string;
  readonly path: string;
}

/** One line for each offender, from the answer of `npm ls --all --json`. */
export function duplicateMajors(tree: unknown): string[] {
  const direct = new Set(entries(tree).map(([name]) => name));
  const judged = [...walk(tree, [])].filter(({ name }) => direct.has(name) && !(name in allowed));
  const byName = Map.groupBy(judged, ({ name }) => name);
  return [...byName].flatMap(([name, installed]) => {
    const majors = Map.groupBy(installed, ({ major }) => major);
    if (majors.size < 2) return [];
    const where = [...majors].map(([major, [first]]) => `${major} (${first?.path ?? ''})`);
    return [`${name} is installed in ${majors.size} major versions: ${where.join(', ')}`];
  });
}

function* walk(node: unknown, path: readonly string[]): Generator<Installed> {
  for (const [name, child] of entries(node)) {
    const here = [...path, name];
    const version = property(child, 'version');
    if (typeof version === 'string') yield { name, major: version.split('.')[0] ?? '', path: here.join(' > ') };
    yield* walk(child, here);
  }
}

function entries(node: unknown): [string, unknown][] {
  const dependencies = property(node, 'dependencies');
  return typeof dependencies === 'object' && dependencies !== null ? Object.entries(dependencies) : [];
}

function property(of: unknown, name: string): unknown {
  return typeof of === 'object' && of !== null ? Object.entries(of).find(([key]) => key === name)?.[1] : undefined;
}
