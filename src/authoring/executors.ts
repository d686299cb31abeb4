import type { Executor } from '../domain/definition.js';
import { defined } from './stored-form.js';

/** A length of time in the form that definitions take. */
export type Duration = `${number}${'ms' | 's' | 'm' | 'h' | 'd'}`;

export type SuppliedExecutor = Extract<Executor, { kind: 'supplied' }>;
export type PassExecutor = Extract<Executor, { kind: 'pass' }>;
export type HttpExecutor = Extract<Executor, { kind: 'http' }>;
export type FunctionExecutor<Name extends string> = {
  readonly kind: 'function';
  readonly name: Name;
};

/** The output is what the run was started with for this block: an agent or a program brings what is to be reviewed. */
export function supplied(): SuppliedExecutor {
  return { kind: 'supplied' };
}

/** The output is the block's own json input if there is one, else the output of its single need, else the outputs by need. */
export function pass(): PassExecutor {
  return { kind: 'pass' };
}

/** The output is what the function of this name answers, which the worker's blocks module declares with `defineBlocks`. */
export function fn<const Name extends string>(name: Name): FunctionExecutor<Name> {
  return { kind: 'function', name };
}

/** The output is what a URL answers to a POST, which is signed if a secret is named. */
export function http(options: {
  readonly url: string;
  /** The name of a secret in the worker's environment, never the secret itself. */
  readonly secretName?: string;
  readonly timeout?: Duration;
}): HttpExecutor {
  const { url, secretName, timeout } = options;
  return defined<HttpExecutor>({ kind: 'http', url, secret_name: secretName, timeout });
}
