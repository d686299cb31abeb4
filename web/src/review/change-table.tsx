import { diffSnapshots } from '../../../src/domain/snapshot-diff.js';
import type { Json } from '../api/wire.js';
import { dotted, fieldLabel, type JsonPath } from './json-values.js';
import { Value } from './value.js';

const WORDS = { added: 'added', removed: 'removed', changed: 'changed' } as const;

/** What differs between two snapshots, one field a row. */
export function ChangeTable({
  before,
  after,
  beforeName,
  afterName,
}: {
  readonly before: Json;
  readonly after: Json;
  readonly beforeName: string;
  readonly afterName: string;
}) {
  const changes = diffSnapshots(before, after);
  if (changes.length === 0) {
    return <p className="panel-empty">{`${beforeName} and ${afterName} say the same.`}</p>;
  }
  return (
    <div className="scroll-x" tabIndex={0} role="region" aria-label="Changes">
      <table className="changes">
        <caption className="sr-only">{`What differs between ${beforeName} and ${afterName}`}</caption>
        <thead>
          <tr>
            <th scope="col">Field</th>
            <th scope="col">{beforeName}</th>
            <th scope="col">{afterName}</th>
          </tr>
        </thead>
        <tbody>
          {changes.map((change) => (
            <tr key={`${change.kind}:${dotted(change.path)}`} data-kind={change.kind}>
              <th scope="row">
                {pathInWords(change.path)}
                {change.kind !== 'changed' && <span className="tag">{WORDS[change.kind]}</span>}
              </th>
              <td className="change-before">
                {change.kind === 'added' ? '—' : <Value value={change.before} />}
              </td>
              <td className="change-after">
                {change.kind === 'removed' ? '—' : <Value value={change.after} />}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function pathInWords(path: JsonPath): string {
  return path
    .map((key) => (typeof key === 'number' ? String(key + 1) : fieldLabel(key)))
    .join(' › ');
}
