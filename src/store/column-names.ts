import {
  CamelCasePlugin,
  type PluginTransformQueryArgs,
  PostgresQueryCompiler,
  type RootOperationNode,
} from 'kysely';

/**
 * Names in rows as the code has them (`createdAt`); what is inside of JSON stays as it is.
 *
 * Statements get the database's names from `SnakeCaseCompiler` as they are written down: the plugin's own way
 * copies each of them first, which takes longer than writing it.
 */
export class CamelCaseRows extends CamelCasePlugin {
  constructor() {
    super({ maintainNestedObjectKeys: true });
  }

  override transformQuery({ node }: PluginTransformQueryArgs): RootOperationNode {
    return node;
  }

  nameInDatabase(name: string): string {
    return this.snakeCase(name);
  }
}

/** Writes names as the database has them (`created_at`). */
export class SnakeCaseCompiler extends PostgresQueryCompiler {
  protected override sanitizeIdentifier(identifier: string): string {
    const known = written.get(identifier);
    if (known !== undefined) {
      return known;
    }
    const name = super.sanitizeIdentifier(names.nameInDatabase(identifier));
    written.set(identifier, name);
    return name;
  }
}

const names = new CamelCaseRows();
/** Tables and columns: as many as the sources name. */
const written = new Map<string, string>();
