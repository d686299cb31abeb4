import type { PersonStatement } from '../store/people.js';

/** The people of the examples, so that their gates can be decided by those they ask. */
export const DEMO_PEOPLE: readonly PersonStatement[] = [
  reviewer('dana', 'Dana Rivera', ['finance']),
  reviewer('lee', 'Lee Okafor', ['legal']),
  reviewer('sam', 'Sam Lindqvist', ['finance', 'legal']),
];

function reviewer(id: string, name: string, groups: readonly string[]): PersonStatement {
  return { id, name, email: `${id}@localhost`, slackId: '', groups, roles: ['reviewer'] };
}
