import type { Command, Option } from 'commander';

/** What an argument or a value of an option names, by the word between its brackets. */
export type Placeholder =
  'review' | 'run' | 'workflow_id' | 'user' | 'token' | 'version' | 'file' | 'other';

/** What may stand where the cursor is. */
export type Wanted = {
  /** Words that can be told without asking anybody, each with what it means. */
  readonly words: readonly { readonly word: string; readonly about: string }[];
  /** Ids that only the server knows, or files; null where none belong here. */
  readonly ids: Placeholder | null;
  /** What was typed before for each argument, by its name: versions are those of the review. */
  readonly given: ReadonlyMap<string, string>;
  /** The names of the command so far. */
  readonly command: readonly string[];
};

/**
 * Says what may stand in place of the last word of a command line; the words are those behind `countersign`.
 *
 * It reads the very tree of commands that parses, so that a new command or option is completed without a line here.
 */
export function complete(program: Command, words: readonly string[]): Wanted {
  const typed = words.slice(0, -1).filter((word) => word !== '=');
  const place = walk(program, typed);
  const base = { given: place.given, command: place.command };
  if (place.option !== null) {
    return { ...base, ...valuesOf(place.option) };
  }
  const current = words.at(-1) ?? '';
  if (current.startsWith('-') && !place.onlyArguments) {
    return { ...base, words: optionsOf(place.at), ids: null };
  }
  const commands = place.at.commands.filter((command) => !isHidden(command));
  if (commands.length > 0) {
    return {
      ...base,
      ids: null,
      words: commands.map((command) => ({
        word: command.name(),
        about: command.description(),
      })),
    };
  }
  const { registeredArguments: expected } = place.at;
  const argument =
    expected[place.given.size] ??
    (expected.at(-1)?.variadic === true ? expected.at(-1) : undefined);
  return argument === undefined
    ? { ...base, words: [], ids: null }
    : {
        ...base,
        words: (argument.argChoices ?? []).map((word) => ({ word, about: '' })),
        ids: placeholderOf(argument.name()),
      };
}

type Place = {
  readonly at: Command;
  /** The option whose value is typed now. */
  readonly option: Option | null;
  readonly given: ReadonlyMap<string, string>;
  readonly onlyArguments: boolean;
  readonly command: readonly string[];
};

function walk(program: Command, words: readonly string[]): Place {
  const given = new Map<string, string>();
  const names: string[] = [];
  let at = program;
  let option: Option | null = null;
  let onlyArguments = false;
  for (const word of words) {
    if (option !== null && !(option.variadic && word.startsWith('-'))) {
      option = option.variadic ? option : null;
      continue;
    }
    option = null;
    if (word === '--') {
      onlyArguments = true;
    } else if (word.startsWith('-') && !onlyArguments) {
      const known = at.options.find(({ long, short }) => long === word || short === word);
      option = known !== undefined && takesValue(known) ? known : null;
    } else {
      const next = at.commands.find((command) => command.name() === word);
      if (next === undefined) {
        given.set(at.registeredArguments[given.size]?.name() ?? `${given.size}`, word);
      } else {
        at = next;
        names.push(word);
      }
    }
  }
  return { at, option, given, onlyArguments, command: names };
}

function takesValue({ required, optional }: Option): boolean {
  return required || optional;
}

function valuesOf({ argChoices, flags }: Option): Pick<Wanted, 'words' | 'ids'> {
  return argChoices === undefined
    ? { words: [], ids: placeholderOf(/<([\w=]+)/.exec(flags)?.[1] ?? '') }
    : { words: argChoices.map((word) => ({ word, about: '' })), ids: null };
}

function optionsOf(command: Command): Wanted['words'] {
  const own = command.options
    .filter(({ hidden }) => !hidden)
    .flatMap(({ long, description }) =>
      typeof long === 'string' ? [{ word: long, about: description }] : [],
    );
  return [...own, { word: '--help', about: 'display help for command' }];
}

/** Commander keeps this to itself; a hidden command is one that its help leaves out. */
function isHidden(command: Command): boolean {
  const parent = command.parent;
  return parent === null || !parent.createHelp().visibleCommands(parent).includes(command);
}

function placeholderOf(name: string): Placeholder {
  switch (name) {
    case 'review':
    case 'run':
    case 'workflow_id':
    case 'user':
    case 'token':
    case 'version':
    case 'file':
      return name;
    case 'from':
    case 'to':
      return 'version';
    case 'module':
      return 'file';
    default:
      return 'other';
  }
}
