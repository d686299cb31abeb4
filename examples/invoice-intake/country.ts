/** ISO 3166 codes of the countries whose suppliers this intake knows: the European single market and neighbours. */
const CODES =
  'AT BE BG CH CY CZ DE DK EE ES FI FR GB GR HR HU IE IS IT LI LT LU LV MT NL NO PL PT RO SE SI SK';

const ENGLISH = new Intl.DisplayNames(['en'], { type: 'region' });

const CODE_BY_NAME: ReadonlyMap<string, string> = new Map(
  CODES.split(' ').map((code) => [(ENGLISH.of(code) ?? code).toLowerCase(), code]),
);

/** The code of a country by its English name, or null where the text is not exactly such a name. */
export function countryCode(name: string): string | null {
  return CODE_BY_NAME.get(name.toLowerCase()) ?? null;
}
