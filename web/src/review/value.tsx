import type { Json } from '../api/wire.js';
import { Icon } from '../ui/icon.js';
import { isList, isObject } from './json-values.js';
import { linkIn, showValue } from './snapshot-model.js';

/** One value of a snapshot, as text. Whatever it says, it is nothing but text. */
export function Value({ value }: { readonly value: Json | undefined }) {
  if (value === undefined || value === null) {
    return <span className="value-none">{showValue(value)}</span>;
  }
  if (value === '') {
    return <span className="value-none">empty text</span>;
  }
  if (typeof value === 'boolean') {
    return <span className="value-word">{value ? 'yes' : 'no'}</span>;
  }
  if (typeof value === 'number') {
    return <span className="numeric">{showValue(value)}</span>;
  }
  if (typeof value === 'string') {
    const link = linkIn(value);
    return link === null ? (
      <span className="value-text">{value}</span>
    ) : (
      <a className="value-text" href={link.href} target="_blank" rel="noreferrer noopener">
        {value}
        <span className="link-host">
          {link.host} <Icon name="outside" />
        </span>
      </a>
    );
  }
  if (isObject(value) || (isList(value) && value.some((one) => isObject(one) || isList(one)))) {
    return <code className="value-json">{JSON.stringify(value, null, 1)}</code>;
  }
  return <span className="value-text">{showValue(value)}</span>;
}
