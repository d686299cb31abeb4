import { fc, test as property } from '@fast-check/vitest';
import { describe, expect, test } from 'vitest';
import type { Definition } from '../../src/domain/definition.js';
import { isJsonObject } from '../../src/domain/json.js';
import { canonicalJson, isIJson } from '../../src/rules/canonical.js';
import { base32, definitionVersionId, versionId } from '../../src/rules/content-ids.js';

const REVIEW = 'rev_D4J7WZBRV4H7C2SKQJ4NP6W2EY';

const definition: Definition = {
  workflow_id: 'wf_invoices',
  name: null,
  blocks: [],
  metadata: null,
};

describe('base32', () => {
  // RFC 4648, section 10, without the padding.
  test.each([
    ['', ''],
    ['f', 'MY'],
    ['fo', 'MZXQ'],
    ['foo', 'MZXW6'],
    ['foob', 'MZXW6YQ'],
    ['fooba', 'MZXW6YTB'],
    ['foobar', 'MZXW6YTBOI'],
  ])('writes %j as %j', (bytes, text) => {
    expect(base32(Buffer.from(bytes))).toBe(text);
  });

  test('gives 26 characters for 16 bytes, the highest bits included', () => {
    expect(base32(Buffer.alloc(16, 0xff))).toBe('77777777777777777777777774');
  });
});

describe('versionId', () => {
  test('gives the ids of the contract', () => {
    expect(versionId(REVIEW, { total_amount: 325, vendor_name: 'Acme Corp' })).toBe(
      'rvr_EJN44TAXFXFEWPKSQXEBR5GCSY',
    );
    expect(versionId(REVIEW, { total_amount: null, vendor_name: 'Acme Corp' })).toBe(
      'rvr_U5WQ34O3GICG5D4E3IYUZAYJQA',
    );
  });

  test('does not depend on the order of keys, and does depend on the review', () => {
    const id = versionId(REVIEW, { a: 1, b: [{ c: 1, d: 2 }] });
    expect(versionId(REVIEW, { b: [{ d: 2, c: 1 }], a: 1 })).toBe(id);
    expect(versionId('rev_AAAAAAAAAAAAAAAAAAAAAAAAAA', { a: 1, b: [{ c: 1, d: 2 }] })).not.toBe(id);
  });

  const snapshots = fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 2 }));
  property.prop([snapshots, snapshots])('differs exactly when the content does', (one, other) => {
    if (!isIJson(one) || !isIJson(other) || !isJsonObject(one) || !isJsonObject(other)) {
      return;
    }
    const isSame = canonicalJson(one) === canonicalJson(other);
    expect(versionId(REVIEW, one) === versionId(REVIEW, other)).toBe(isSame);
    expect(versionId(REVIEW, one)).toMatch(/^rvr_[A-Z2-7]{26}$/);
  });
});

describe('definitionVersionId', () => {
  test('is the same for the same content, and another one elsewhere', () => {
    const id = definitionVersionId('prj_default', definition);
    expect(id).toMatch(/^wfv_[A-Z2-7]{26}$/);
    expect(definitionVersionId('prj_default', { ...definition })).toBe(id);
    expect(definitionVersionId('prj_other', definition)).not.toBe(id);
    expect(definitionVersionId('prj_default', { ...definition, name: 'x' })).not.toBe(id);
  });

  test('is the documented hash', () => {
    // base32 of the first 16 bytes of SHA-256 over {"definition":{…},"project_id":"prj_default"}, made with other tools.
    expect(definitionVersionId('prj_default', definition)).toBe('wfv_FDXTZD3MYMFNWC6KLYI4G33JQE');
  });
});
