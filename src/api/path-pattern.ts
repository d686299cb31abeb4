/**
 * The regular expression of a path written as in OpenAPI: `/v1/things/{thing_id}`.
 *
 * `{thing_id:thg_}` matches only segments that begin with `thg_`. A slash at the end is tolerated.
 */
export function pathPattern(path: string): RegExp {
  const source = path.split('/').map((segment) => {
    const parameter = /^\{(\w+)(?::(\w+))?\}$/.exec(segment);
    return parameter === null
      ? segment.replaceAll(/[.*+?^$()[\]|\\]/g, String.raw`\$&`)
      : `(?<${parameter[1]}>${parameter[2] ?? ''}[^/]+)`;
  });
  return new RegExp(`^${source.join('/')}/?$`);
}

/** The path as the OpenAPI document writes it, without what narrows its parameters. */
export function documentedPath(path: string): string {
  return path.replaceAll(/\{(\w+):\w+\}/g, '{$1}');
}
