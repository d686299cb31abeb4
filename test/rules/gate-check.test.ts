import { describe, expect, test } from 'vitest';
import { checkGate, type GateContext } from '../../src/rules/gate-check.js';

function aForEach(overrides: Partial<GateContext>): GateContext {
  return {
    type: 'for_each',
    json_schema: null,
    categories: null,
    n_consensus: 1,
    map_method: 'split_by_key',
    key: 'vendor',
    isInBody: false,
    ...overrides,
  };
}

describe('checkGate', () => {
  test('accepts a for_each that splits by key, which is where its partitions come from', () => {
    expect(checkGate({}, aForEach({}))).toHaveProperty('gate');
  });

  test.each<[Partial<GateContext>]>([
    [{ map_method: null }],
    [{ map_method: 'pages' }],
    [{ key: null }],
  ])('refuses a for_each with %j, unless it is its input that is reviewed', (overrides) => {
    expect(checkGate({}, aForEach(overrides))).toEqual({
      problems: [
        {
          path: [],
          message: 'a gate on a for_each needs map_method "split_by_key" and a key on its block',
        },
      ],
    });
    expect(checkGate({ placement: 'input' }, aForEach(overrides))).toHaveProperty('gate');
  });
});
