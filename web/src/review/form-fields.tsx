import { type ReactNode, useEffect, useId, useRef, useState } from 'react';
import type { Json } from '../api/wire.js';
import { Button } from '../ui/button.js';
import { Icon } from '../ui/icon.js';
import { emptyValue, type Field, type Property } from './form-model.js';
import { dotted, fieldLabel, isList, isObject, type JsonPath } from './json-values.js';
import { readPages, writePages } from './page-ranges.js';

/** What is to be said of fields, by dotted path: refused by the server, not readable as a value, or merely unexpected. */
export type Problems = {
  readonly refused: ReadonlyMap<string, string>;
  readonly unreadable: ReadonlyMap<string, string>;
  readonly advice: ReadonlyMap<string, string>;
  /** Whether the value at a path is why the run stopped. */
  readonly hasFired: (path: JsonPath) => boolean;
};

type Shared = {
  readonly problems: Problems;
  readonly onChange: (path: JsonPath, value: Json) => void;
  /** Leaves an optional field out. */
  readonly onLeaveOut: (path: JsonPath) => void;
  /** Says that what was typed is no value (yet), or that it is one again. */
  readonly onUnreadable: (path: JsonPath, message: string | null) => void;
};

type FieldProps<Kind extends Field['kind']> = Shared & {
  readonly field: Extract<Field, { readonly kind: Kind }>;
  readonly value: Json | undefined;
  readonly path: JsonPath;
  readonly label: string;
};

/** The form of a snapshot. */
export function FormFields({
  field,
  value,
  ...shared
}: Shared & { readonly field: Field; readonly value: Json }) {
  return field.kind === 'object' && isObject(value) ? (
    <div className="form">
      {field.properties.map((property) => (
        <PropertyField
          key={property.key}
          property={property}
          value={Object.hasOwn(value, property.key) ? value[property.key] : undefined}
          path={[property.key]}
          {...shared}
        />
      ))}
    </div>
  ) : (
    <AnyField field={field} value={value} path={[]} label="Snapshot" {...shared} />
  );
}

function PropertyField({
  property: { key, field, isRequired },
  value,
  path,
  ...shared
}: Shared & {
  readonly property: Property;
  readonly value: Json | undefined;
  readonly path: JsonPath;
}) {
  const label = fieldLabel(key);
  const focusNext = useNextFocus();
  const filled = <AnyField field={field} value={value} path={path} label={label} {...shared} />;
  if (isRequired) {
    return filled;
  }
  return value === undefined ? (
    <p className="form-missing" data-path={dotted(path)}>
      <Button
        look="ghost"
        icon="plus"
        aria-label={`Add ${label}`}
        onClick={() => {
          focusNext(path);
          shared.onChange(path, emptyValue(field));
        }}
      >
        {label}
      </Button>
    </p>
  ) : (
    <div className="form-optional">
      {filled}
      <button
        type="button"
        className="icon-button"
        aria-label={`Leave out ${label}`}
        title="Leave out"
        onClick={() => {
          focusNext(path);
          shared.onLeaveOut(path);
        }}
      >
        <Icon name="cross" />
      </button>
    </div>
  );
}

const CONTROLS = ':is(input, select, textarea)';

/** Moves the focus, with the next rendering, to what then stands at a path: the hands are there. */
function useNextFocus(): (path: JsonPath) => void {
  const next = useRef<JsonPath | null>(null);
  useEffect(() => {
    if (next.current !== null) {
      const here = `[data-path="${CSS.escape(dotted(next.current))}"]`;
      next.current = null;
      const control =
        document.querySelector<HTMLElement>(`${here} ${CONTROLS}`) ??
        document.querySelector<HTMLElement>(`${here} button`);
      control?.focus();
    }
  });
  return (path) => {
    next.current = path;
  };
}

function AnyField({ field, ...rest }: FieldProps<Field['kind']>) {
  switch (field.kind) {
    case 'text':
      return <TextField field={field} {...rest} />;
    case 'number':
      return <NumberField field={field} {...rest} />;
    case 'boolean':
      return <BooleanField field={field} {...rest} />;
    case 'choice':
      return <ChoiceField field={field} {...rest} />;
    case 'pages':
      return <PagesField field={field} {...rest} />;
    case 'list':
      return <ListField field={field} {...rest} />;
    case 'object':
      return <ObjectField field={field} {...rest} />;
    case 'json':
      return <JsonField field={field} {...rest} />;
  }
}

type Control = {
  readonly id: string;
  readonly 'aria-invalid': boolean;
  readonly 'aria-describedby': string | undefined;
};

/** A labelled control with what is to be said about it. */
function Labelled({
  path,
  label,
  field,
  problems,
  children,
}: Pick<FieldProps<Field['kind']>, 'path' | 'label' | 'field' | 'problems'> & {
  readonly children: (control: Control) => ReactNode;
}) {
  const id = useId();
  const here = dotted(path);
  const wrong = problems.unreadable.get(here) ?? refusedAt(problems.refused, here);
  const advice = problems.advice.get(here);
  const said = wrong ?? advice ?? field.description;
  const hasFired = problems.hasFired(path);
  const about = [...(said === null ? [] : [`${id}-said`]), ...(hasFired ? [`${id}-fired`] : [])];
  return (
    <div className="field" data-path={here} data-fired={hasFired}>
      <label htmlFor={id}>{label}</label>
      {children({
        id,
        'aria-invalid': wrong !== undefined,
        'aria-describedby': about.length === 0 ? undefined : about.join(' '),
      })}
      {hasFired && (
        <p id={`${id}-fired`} className="field-fired">
          stopped the run
        </p>
      )}
      {said !== null && (
        <p
          id={`${id}-said`}
          className={
            wrong !== undefined ? 'field-error' : advice !== undefined ? 'field-advice' : 'quiet'
          }
        >
          {said}
        </p>
      )}
    </div>
  );
}

/** A control stands for whatever its value holds: a refused page is a refusal of the pages. */
function refusedAt(refused: Problems['refused'], here: string): string | undefined {
  const inside = [...refused].find(([path]) => path.startsWith(`${here}.`));
  return refused.get(here) ?? inside?.[1];
}

const EMPTY_WORDS = 'no value';

function TextField({ field, value, path, onChange, ...rest }: FieldProps<'text'>) {
  const text =
    typeof value === 'string'
      ? value
      : value === null || value === undefined
        ? ''
        : JSON.stringify(value);
  const put = (next: string): void => onChange(path, next === '' && field.isNullable ? null : next);
  const placeholder = field.isNullable ? EMPTY_WORDS : undefined;
  // The native date control would show a wrong date as an empty one, so it is used for right ones only.
  const isDate = field.format === 'date' && /^(\d{4}-\d{2}-\d{2})?$/.test(text);
  return (
    <Labelled field={field} path={path} {...rest}>
      {(control) =>
        field.format === 'long' ? (
          <textarea
            {...control}
            rows={4}
            value={text}
            placeholder={placeholder}
            onChange={(event) => put(event.target.value)}
          />
        ) : (
          <input
            {...control}
            type={isDate ? 'date' : 'text'}
            value={text}
            placeholder={placeholder}
            autoComplete="off"
            onChange={(event) => put(event.target.value)}
          />
        )
      }
    </Labelled>
  );
}

const NUMBER = /^[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?$/i;

function NumberField({
  field,
  value,
  path,
  onChange,
  onUnreadable,
  ...rest
}: FieldProps<'number'>) {
  return (
    <Labelled field={field} path={path} {...rest}>
      {(control) => (
        <TypedInput
          control={control}
          isNumeric
          text={value === null || value === undefined ? '' : JSON.stringify(value)}
          placeholder={field.isNullable ? EMPTY_WORDS : undefined}
          onText={(text) => {
            const trimmed = text.trim();
            const isEmpty = trimmed === '';
            if (isEmpty ? !field.isNullable : !NUMBER.test(trimmed)) {
              onUnreadable(
                path,
                isEmpty
                  ? 'This needs a number.'
                  : 'This is no number: write it like 1234.50, without separators.',
              );
            } else {
              onUnreadable(path, null);
              onChange(path, isEmpty ? null : Number(trimmed));
            }
          }}
        />
      )}
    </Labelled>
  );
}

function PagesField({ value, path, onChange, onUnreadable, ...rest }: FieldProps<'pages'>) {
  const pages = isList(value) ? value.filter((page) => typeof page === 'number') : [];
  return (
    <Labelled path={path} {...rest}>
      {(control) => (
        <TypedInput
          control={control}
          text={writePages(pages)}
          placeholder="for instance 1-3, 7"
          onText={(text) => {
            const read = readPages(text);
            if (typeof read === 'string') {
              onUnreadable(path, read);
            } else {
              onUnreadable(path, null);
              onChange(path, read);
            }
          }}
        />
      )}
    </Labelled>
  );
}

/** An input whose text stays as it is typed, while what it means is read from it. */
function TypedInput({
  control,
  text,
  isNumeric = false,
  placeholder,
  onText,
}: {
  readonly control: Control;
  readonly text: string;
  readonly isNumeric?: boolean;
  readonly placeholder?: string | undefined;
  readonly onText: (text: string) => void;
}) {
  const [draft, setDraft] = useState<string | null>(null);
  return (
    <input
      {...control}
      type="text"
      inputMode={isNumeric ? 'decimal' : undefined}
      data-numeric={isNumeric}
      autoComplete="off"
      placeholder={placeholder}
      value={draft ?? text}
      onChange={(event) => {
        setDraft(event.target.value);
        onText(event.target.value);
      }}
      onBlur={() => {
        if (!control['aria-invalid']) {
          setDraft(null);
        }
      }}
    />
  );
}

const BOOLEANS: readonly Json[] = [true, false];

function BooleanField(props: FieldProps<'boolean'>) {
  return <Options {...props} options={BOOLEANS} />;
}

function ChoiceField(props: FieldProps<'choice'>) {
  return <Options {...props} options={props.field.options} />;
}

function Options({
  field,
  value,
  path,
  onChange,
  options,
  ...rest
}: FieldProps<'boolean' | 'choice'> & { readonly options: readonly Json[] }) {
  const current = value ?? null;
  const isOther = current !== null && !options.includes(current);
  const isEmptyOffered = field.isNullable || current === null;
  return (
    <Labelled field={field} path={path} {...rest}>
      {(control) => (
        <select
          {...control}
          value={JSON.stringify(current)}
          onChange={(event) => {
            const chosen: unknown = JSON.parse(event.target.value);
            onChange(path, options.find((option) => option === chosen) ?? null);
          }}
        >
          {isEmptyOffered && <option value="null">{EMPTY_WORDS}</option>}
          {isOther && <option value={JSON.stringify(current)}>{inWords(current)}</option>}
          {options.map((option) => (
            <option key={JSON.stringify(option)} value={JSON.stringify(option)}>
              {inWords(option)}
            </option>
          ))}
        </select>
      )}
    </Labelled>
  );
}

function inWords(option: Json): string {
  return option === true
    ? 'yes'
    : option === false
      ? 'no'
      : typeof option === 'string'
        ? option
        : JSON.stringify(option);
}

function ObjectField({ field, value, path, label, ...shared }: FieldProps<'object'>) {
  const focusNext = useNextFocus();
  const put = (next: Json): void => {
    focusNext(path);
    shared.onChange(path, next);
  };
  return (
    <fieldset className="form-group" data-path={dotted(path)}>
      <legend>{label}</legend>
      {isObject(value) ? (
        <>
          <div className="form">
            {field.properties.map((property) => (
              <PropertyField
                key={property.key}
                property={property}
                value={Object.hasOwn(value, property.key) ? value[property.key] : undefined}
                path={[...path, property.key]}
                {...shared}
              />
            ))}
          </div>
          {field.isNullable && <ClearButton label={label} onClick={() => put(null)} />}
        </>
      ) : (
        <Button
          look="ghost"
          icon="plus"
          onClick={() => put(emptyValue({ ...field, isNullable: false }))}
        >
          Fill in {label.toLowerCase()}
        </Button>
      )}
    </fieldset>
  );
}

/** Gives what holds fields or items no value, where that is allowed. */
function ClearButton({ label, onClick }: { readonly label: string; readonly onClick: () => void }) {
  return (
    <Button look="ghost" icon="cross" aria-label={`Clear ${label}`} onClick={onClick}>
      Clear
    </Button>
  );
}

function ListField({ field, value, path, label, ...shared }: FieldProps<'list'>) {
  const items = isList(value) ? value : [];
  // Removing makes the items anew, so the focus is put on the button that has come to this place.
  const removed = useRef<number | null>(null);
  const group = useRef<HTMLFieldSetElement>(null);
  const focusNext = useNextFocus();
  useEffect(() => {
    const wanted = removed.current;
    removed.current = null;
    if (wanted !== null) {
      const list = group.current?.querySelector(':scope > ol');
      const item = list?.children[Math.min(wanted, items.length - 1)];
      const target =
        item?.querySelector<HTMLElement>(':scope > button') ??
        group.current?.querySelector<HTMLElement>(':scope > button');
      target?.focus();
    }
  }, [items.length]);
  return (
    <fieldset ref={group} className="form-group form-list" data-path={dotted(path)}>
      <legend>
        {label} <span className="quiet numeric">{value === null ? EMPTY_WORDS : items.length}</span>
      </legend>
      <ol>
        {items.map((item, index) => (
          // oxlint-disable-next-line react/no-array-index-key -- items of JSON have nothing but their place
          <li key={`${index} of ${items.length}`}>
            <AnyField
              field={field.item}
              value={item}
              path={[...path, index]}
              label={`${label} ${index + 1}`}
              {...shared}
            />
            <button
              type="button"
              className="icon-button"
              aria-label={`Remove ${label} ${index + 1}`}
              title="Remove"
              onClick={() => {
                removed.current = index;
                shared.onChange(path, items.toSpliced(index, 1));
              }}
            >
              <Icon name="cross" />
            </button>
          </li>
        ))}
      </ol>
      <Button
        look="ghost"
        icon="plus"
        aria-label={`Add to ${label}`}
        onClick={() => {
          focusNext([...path, items.length]);
          shared.onChange(path, [...items, emptyValue(field.item)]);
        }}
      >
        Add
      </Button>
      {field.isNullable && value !== null && (
        <ClearButton
          label={label}
          onClick={() => {
            focusNext(path);
            shared.onChange(path, null);
          }}
        />
      )}
    </fieldset>
  );
}

/** What no other control can hold: JSON, small. */
function JsonField({ value, path, onChange, onUnreadable, ...rest }: FieldProps<'json'>) {
  const [draft, setDraft] = useState<string | null>(null);
  const text = draft ?? JSON.stringify(value ?? null, null, 2);
  return (
    <Labelled path={path} {...rest}>
      {(control) => (
        <textarea
          {...control}
          className="code"
          rows={Math.min(12, text.split('\n').length)}
          spellCheck={false}
          value={text}
          onChange={(event) => {
            setDraft(event.target.value);
            try {
              const read = JSON.parse(event.target.value) as Json; // oxlint-disable-line typescript/no-unsafe-type-assertion -- what JSON.parse gives is JSON
              onUnreadable(path, null);
              onChange(path, read);
            } catch {
              onUnreadable(path, 'This is not JSON: put texts in double quotes.');
            }
          }}
        />
      )}
    </Labelled>
  );
}
