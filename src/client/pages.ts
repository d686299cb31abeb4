/** One page of a list, in the API's envelope: a cursor is null where nothing lies beyond it. */
export type Page<Row> = {
  readonly data: readonly Row[];
  readonly list_metadata: { readonly before: string | null; readonly after: string | null };
};

/** Where a page begins and how long it is; what is missing is the server's default. */
export type PageQuery = {
  readonly after?: string | undefined;
  readonly limit?: number | undefined;
};

/**
 * A list, read page by page as it is walked: `for await (const review of client.reviews.list())`.
 *
 * It can be walked again, and then asks again.
 */
export class Pages<Row> implements AsyncIterable<Row> {
  readonly #fetch: (query: PageQuery) => Promise<Page<Row>>;
  readonly #maxLimit: number;

  /** @param maxLimit how many rows one page may have at most */
  constructor(fetch: (query: PageQuery) => Promise<Page<Row>>, maxLimit: number) {
    this.#fetch = fetch;
    this.#maxLimit = maxLimit;
  }

  /** The first page alone, as the query asks for it. */
  async page(): Promise<Page<Row>> {
    return await this.#fetch({});
  }

  /** Page after page, until the last. */
  async *pages(): AsyncGenerator<Page<Row>, void, undefined> {
    let page = await this.page();
    yield page;
    for (let after = page.list_metadata.after; after !== null; after = page.list_metadata.after) {
      page = await this.#next(after, undefined);
      yield page;
    }
  }

  /** Row after row, whatever page they are on. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Row, void, undefined> {
    for await (const { data } of this.pages()) {
      yield* data;
    }
  }

  /** The first `count` rows as one page, from as many requests as it takes. */
  async take(count: number): Promise<Page<Row>> {
    const lengthOf = (have: number): number => Math.min(count - have, this.#maxLimit);
    const first = await this.#fetch({ limit: lengthOf(0) });
    const data = [...first.data];
    let { after } = first.list_metadata;
    while (after !== null && data.length < count) {
      const page = await this.#next(after, lengthOf(data.length));
      data.push(...page.data);
      after = page.list_metadata.after;
    }
    return { data, list_metadata: { before: first.list_metadata.before, after } };
  }

  async #next(after: string, limit: number | undefined): Promise<Page<Row>> {
    const page = await this.#fetch(limit === undefined ? { after } : { after, limit });
    if (page.list_metadata.after === after) {
      throw new Error(`the server answers the page after '${after}' with the same cursor again`);
    }
    return page;
  }
}
