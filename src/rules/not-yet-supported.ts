import { isJsonObject } from '../domain/json.js';
import { describe, type Problem } from './problem.js';

/** Something of an author's definition that a later release builds: a key, or one value of a key. */
type NotYet = {
  readonly in: 'block' | 'executor' | 'review';
  readonly key: string;
  /** Absent: the key itself, whatever its value. */
  readonly value?: string;
};

/**
 * What is refused until it is built, each with "not supported yet" at its path; never silently ignored.
 *
 * Building one of them ends with taking its line away. Their shapes are accepted by `definition-shapes.ts` already.
 */
export const NOT_YET_SUPPORTED: readonly NotYet[] = [
  { in: 'review', key: 'remind_every' },
  { in: 'review', key: 'on_due' },
  { in: 'review', key: 'escalate' },
];

/** The parts of a definition's body that are not supported yet; paths lead from the body. */
export function findUnsupported(body: unknown): readonly Problem[] {
  return isJsonObject(body) ? inBlocks(body['blocks'], ['blocks']) : [];
}

type Path = readonly (string | number)[];

function inBlocks(blocks: unknown, path: Path): readonly Problem[] {
  return Array.isArray(blocks)
    ? blocks.flatMap((block: unknown, index) => inBlock(block, [...path, index]))
    : [];
}

function inBlock(block: unknown, path: Path): readonly Problem[] {
  if (!isJsonObject(block)) {
    return [];
  }
  const { executor, review, config } = block;
  return [
    ...inPlace('block', block, path),
    ...inPlace('executor', executor, [...path, 'executor']),
    ...inPlace('review', review, [...path, 'review']),
    ...(isJsonObject(config)
      ? inPlace('review', config['review'], [...path, 'config', 'review'])
      : []),
    ...inBlocks(block['body'], [...path, 'body']),
  ];
}

function inPlace(place: NotYet['in'], value: unknown, path: Path): readonly Problem[] {
  if (!isJsonObject(value)) {
    return [];
  }
  return NOT_YET_SUPPORTED.filter((entry) => entry.in === place).flatMap((entry) => {
    const given = Object.hasOwn(value, entry.key) ? value[entry.key] : null;
    // Null says nothing, as everywhere in a definition.
    const isMeant = entry.value === undefined ? given !== null : given === entry.value;
    return isMeant
      ? [
          {
            path: [...path, entry.key],
            message: `${entry.value === undefined ? entry.key : describe(entry.value)} is not supported yet`,
          },
        ]
      : [];
  });
}
