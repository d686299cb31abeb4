import { fc, test } from '@fast-check/vitest';
import { describe, expect } from 'vitest';
import { utf8Length } from '../../src/domain/external-review.js';

describe('the length of a text in UTF-8', () => {
  test.prop([fc.string({ unit: 'binary' })])('is what an encoder gives', (text) => {
    expect(utf8Length(text)).toBe(Buffer.byteLength(text, 'utf8'));
  });

  test.each([
    ['', 0],
    ['a', 1],
    ['\u007f', 1],
    ['\u0080', 2],
    ['\u07ff', 2],
    ['\u0800', 3],
    ['\uffff', 3],
    ['\u{10000}', 4],
    ['\u{10ffff}x', 5],
  ])('%j', (text, bytes) => {
    expect(utf8Length(text)).toBe(bytes);
  });
});
