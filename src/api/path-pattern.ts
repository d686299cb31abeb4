/**
 * The regular expression of a path written as in OpenAPI: `/v1/things/{thing_id}`.
 *
 * `{thing_id:thg_}` matches only segments that begin with `thg_`, and `{thing_id:!thg_}` only those
 * that do not. A slash at the end is tolerated.
 */
export function pathPattern(path: string): RegExp {
  const source = path.split('/').map((segment) => {
    const parameter = /^\{(\w+)(?::(!?)(\w+))?\}$/.exec(segment);
    if (parameter === null) {
      return segment.replaceAll(/[.*+?^$()[\]|\\]/g, String.raw`\$&`);
    }
    const [, name, not, prefix = ''] = parameter;
    return `(?<${name}>${not === '!' ? `(?!${prefix})` : prefix}[^/]+)`;
  });
  return new RegExp(`^${source.join('/')}/?$`);
}

/** The narrowed parameters of a path, and the pattern that their values have. */
export function parameterPatterns(path: string): readonly (readonly [name: string, RegExp])[] {
  return [...path.matchAll(/\{(\w+):(!?)(\w+)\}/g)].map(([, name = '', not, prefix = '']) => [
    name,
    new RegExp(not === '!' ? `^(?!${prefix})` : `^${prefix}`),
  ]);
}

/** The path as the OpenAPI document writes it, without what narrows its parameters. */
export function documentedPath(path: string): string {
  return path.replaceAll(/\{(\w+):!?\w+\}/g, '{$1}');
}
