import type { Block, BlockResult } from '../domain/definition.js';
import { itemsOf } from '../domain/items.js';
import { isJsonObject, type Json } from '../domain/json.js';
import { canonicalForm, MAX_SNAPSHOT_BYTES, parseCanonical } from './canonical.js';

/** What `consensus` and `source` may take beside an output of the largest size. */
const MAX_ANSWER_BYTES = MAX_SNAPSHOT_BYTES + 1024 * 1024;

/**
 * Reads what a block answered: an output, or an object of `output` with nothing but `consensus` and
 * `source` beside it. What cannot be stored, reviewed or iterated over is a problem, in a sentence.
 */
export function readAnswer(
  block: Pick<Block, 'id' | 'type' | 'review'>,
  answer: unknown,
): BlockResult | { readonly problem: string } {
  const canonical = parseCanonical(answer, MAX_ANSWER_BYTES);
  if ('problems' in canonical) {
    const [first] = canonical.problems;
    const where =
      first === undefined || first.path.length === 0 ? '' : ` at ${first.path.join('.')}`;
    return {
      problem: `Block '${block.id}' answered what cannot be stored: its output${where} ${first?.message ?? 'is no JSON'}.`,
    };
  }
  // A copy: what a function goes on changing while it is being stored is no longer what was checked.
  const copy: unknown = JSON.parse(canonical.text);
  const result = asResult(copy);
  if (
    canonical.byteLength > MAX_SNAPSHOT_BYTES &&
    canonicalForm(result.output).byteLength > MAX_SNAPSHOT_BYTES
  ) {
    return {
      problem: `Block '${block.id}' answered what cannot be stored: its output takes more than ${MAX_SNAPSHOT_BYTES} bytes.`,
    };
  }
  if (block.review?.placement === 'output' && !isJsonObject(result.output)) {
    return {
      problem: `Block '${block.id}' has a gate on its output, and only a JSON object can be reviewed: answer one.`,
    };
  }
  if (block.type === 'for_each') {
    const read = itemsOf(block.id, result.output);
    return 'problem' in read ? read : result;
  }
  return result;
}

/** An object of `output` with nothing but `consensus` and `source` beside it is a result; else an output. */
function asResult(answer: unknown): BlockResult {
  const plain = { output: isJson(answer) ? answer : null, consensus: null, source: null };
  if (!isJsonObject(answer) || !('output' in answer)) {
    return plain;
  }
  const { output, consensus, source, ...others } = answer;
  const isEnvelope =
    Object.keys(others).length === 0 &&
    (consensus === undefined || consensus === null || isJsonObject(consensus)) &&
    (source === undefined || source === null || typeof source === 'string');
  return isEnvelope
    ? { output: output ?? null, consensus: consensus ?? null, source: source ?? null }
    : plain;
}

/** Only for what was parsed as JSON, and is JSON throughout. */
function isJson(value: unknown): value is Json {
  return value !== undefined;
}
