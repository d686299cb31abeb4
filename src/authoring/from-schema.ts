import type { Json, JsonObject } from '../domain/json.js';

/**
 * The type of the values that a JSON Schema describes.
 *
 * It reads `type` (several names too), `properties`, `required`, `items`, `enum`, `const` and `additionalProperties`.
 * What it does not read can only say more about a value, never something else; where nothing is left the type is `Json`.
 */
export type FromSchema<Schema> = Schema extends { readonly const: infer Only }
  ? Only
  : Schema extends { readonly enum: readonly (infer Member)[] }
    ? Member
    : Schema extends { readonly type: infer Names }
      ? OfName<Names extends readonly (infer Name)[] ? Name : Names, Schema>
      : Json;

type OfName<Name, Schema> = Name extends 'string'
  ? string
  : Name extends 'number' | 'integer'
    ? number
    : Name extends 'boolean'
      ? boolean
      : Name extends 'null'
        ? null
        : Name extends 'array'
          ? ListOf<Schema>
          : Name extends 'object'
            ? ObjectOf<Schema>
            : Json;

type ListOf<Schema> = Schema extends { readonly items: infer Items }
  ? readonly FromSchema<Items>[]
  : readonly Json[];

type ObjectOf<Schema> = Schema extends { readonly properties: infer Properties }
  ? Flat<
      {
        readonly [
          Key in keyof Properties as Key extends RequiredOf<Schema> ? Key : never
        ]: FromSchema<Properties[Key]>;
      } & {
        readonly [
          Key in keyof Properties as Key extends RequiredOf<Schema> ? never : Key
        ]?: FromSchema<Properties[Key]>;
      }
    >
  : Schema extends { readonly additionalProperties: infer Others }
    ? Others extends JsonObject
      ? { readonly [key: string]: FromSchema<Others> }
      : JsonObject
    : JsonObject;

type RequiredOf<Schema> = Schema extends { readonly required: readonly (infer Key)[] }
  ? Key
  : never;

/** An intersection of objects as the one object it is, which reads better in an editor. */
export type Flat<Value> = { [Key in keyof Value]: Value[Key] } & {};
