import { describe, expect, test } from 'vitest';
import { staleKeysOf } from '../../web/src/api/keys.js';
import { createEventReader } from '../../web/src/api/event-lines.js';
import { returnPath } from '../../web/src/app/return-path.js';
import { countNarrowing, readFilters, writeFilters } from '../../web/src/queue/filters.js';
import { layOut } from '../../web/src/runs/graph.js';
import { readScreen, writeScreen } from '../../web/src/review/screen.js';
import { readSource } from '../../web/src/review/source.js';

describe('the address of the queue', () => {
  test('holds every filter, and gives it back', () => {
    const address =
      '/?view=all&workflow_id=w&block_id=b&group=g&older_than=1d&search=x+y&after=rev_1&order=oldest';
    const filters = readFilters(address.slice(1));
    expect(writeFilters(filters, { after: 'rev_1' })).toBe(
      address.replace('&after=rev_1', '').replace('&search=x+y', '&search=x+y&after=rev_1'),
    );
    expect(countNarrowing(filters)).toBe(5);
  });

  test('is short where nothing is chosen', () => {
    expect(writeFilters(readFilters(''), {})).toBe('/');
  });

  test('begins at the first page when a filter changes', () => {
    expect(writeFilters(readFilters('?after=rev_1'), { group: 'legal' })).toBe('/?group=legal');
  });

  test('says what is not the usual order of its view', () => {
    const due = readFilters('?overdue=true');
    expect(countNarrowing(due)).toBe(1);
    expect(writeFilters(due, { order: 'due' })).toBe('/?overdue=true');
    expect(writeFilters(due, { order: 'oldest' })).toBe('/?overdue=true&order=oldest');
    expect(writeFilters(due, { view: 'all' })).toBe('/?view=all&overdue=true');
  });

  test('forgets the block with its workflow', () => {
    expect(writeFilters(readFilters('?workflow_id=a&block_id=b'), { workflow_id: 'c' })).toBe(
      '/?workflow_id=c',
    );
  });

  test('takes what it does not know for the default', () => {
    expect(readFilters('?view=nonsense&order=sideways')).toMatchObject({
      view: 'waiting',
      order: 'due',
    });
    // What is over is due no more.
    expect(readFilters('?view=decided_by_me&order=due&overdue=perhaps')).toMatchObject({
      order: 'newest',
      overdue: '',
    });
  });
});

test('the address of a review holds what is on its screen', () => {
  const screen = { version: 'rvr_B', against: 'rvr_A', show: 'changes' } as const;
  const address = writeScreen('rev_1', screen);
  expect(readScreen(address.slice(address.indexOf('?')))).toEqual(screen);
  expect(writeScreen('rev_1', { version: null, against: 'rvr_A', show: 'fields' })).toBe(
    '/reviews/rev_1',
  );
});

test.each([
  ['?return_to=%2Freviews%2Frev_1%3Fshow%3Djson', '/reviews/rev_1?show=json'],
  ['', '/'],
  ['?return_to=https://evil.example', '/'],
  ['?return_to=//evil.example', '/'],
  ['?return_to=/%5Cevil.example', '/'],
  ['?return_to=/signin', '/'],
])('signing in at %j leads to %j', (search, path) => {
  expect(returnPath(search)).toBe(path);
});

describe('the event stream', () => {
  test('is read however it is cut, comments and all', () => {
    const stream =
      ': hello\n\nid: 1\nevent: change\ndata: {"a":1}\n\n: ping\n\nevent: resync\ndata: {}\n\n';
    for (let size = 1; size < stream.length; size += 1) {
      const read = createEventReader();
      const events = [];
      for (let at = 0; at < stream.length; at += size) {
        events.push(...read(stream.slice(at, at + size)));
      }
      expect(events.map(({ event, data }) => [event, data])).toEqual([
        ['change', '{"a":1}'],
        ['resync', '{}'],
      ]);
    }
  });

  test('keeps what is incomplete for the next piece', () => {
    const read = createEventReader();
    expect(read('data: half')).toEqual([]);
    expect(read(' of it\r\n\r\n')).toEqual([{ event: 'message', data: 'half of it', id: null }]);
  });

  test('makes stale what a change is about, once', () => {
    const change = { kind: 'review', id: 'rev_1', run_id: 'run_1' } as const;
    expect(staleKeysOf([change, change, { kind: 'step', id: 's', run_id: 'run_1' }])).toEqual([
      ['review', 'rev_1'],
      ['inbox'],
      ['run', 'run_1'],
      ['runs'],
    ]);
  });
});

describe('layOut', () => {
  test('puts what a block needs to its left, and two blocks never in one place', () => {
    const blocks = [
      { id: 'a', needs: [] },
      { id: 'b', needs: ['a'] },
      { id: 'c', needs: ['a'] },
      { id: 'd', needs: ['b', 'c'] },
      { id: 'e', needs: [] },
    ];
    const { nodes, edges, columns } = layOut(blocks);
    const column = new Map(nodes.map((node) => [node.id, node.column]));
    expect(edges.every(([from, to]) => (column.get(from) ?? 0) < (column.get(to) ?? 0))).toBe(true);
    expect(new Set(nodes.map((node) => `${node.column} ${node.row}`)).size).toBe(blocks.length);
    expect(columns).toBe(3);
  });

  test('ends where needs run in a circle, and where they name nobody', () => {
    const { nodes } = layOut([
      { id: 'a', needs: ['b', 'nobody'] },
      { id: 'b', needs: ['a'] },
    ]);
    expect(nodes.length).toBe(2);
  });
});

describe('readSource', () => {
  test.each([
    ['https://example.org/x.pdf', { kind: 'link' }],
    ['data:text/plain;charset=utf-8;base64,w6TDtg==', { kind: 'text', text: 'äö' }],
    ['data:application/xml,%3Ca%2F%3E', { kind: 'text', text: '<a/>' }],
    ['data:application/pdf;base64,JVBERg==', { kind: 'pdf' }],
    ['data:image/png;base64,iVBORw==', { kind: 'image' }],
    ['data:text/html,<script>', { kind: 'unknown', text: null }],
    ['data:image/svg+xml,<svg onload=x>', { kind: 'unknown', text: null }],
    ['data:application/pdf;base64,***', { kind: 'unknown', text: null }],
    ['javascript:alert(1)', { kind: 'unknown', text: 'javascript:alert(1)' }],
    ['s3://bucket/key', { kind: 'unknown', text: 's3://bucket/key' }],
  ])('of %j is shown as %j', (source, expected) => {
    expect(readSource(source)).toMatchObject(expected);
  });
});
