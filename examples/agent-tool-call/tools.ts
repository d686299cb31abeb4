import { appendFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { JsonObject } from '../../src/domain/json.js';
import type { ToolDescription } from './model.js';

const findOrder = z.strictObject({ order: z.string() });
const refundOrder = z.strictObject({ order: z.string(), amount: z.number().positive() });

const ORDERS = new Map([['o-1003', { item: 'coffee grinder', price: 129, paid: true }]]);

/** The tools as the model is told of them. */
export const TOOLS: readonly ToolDescription[] = [
  {
    name: 'find_order',
    description: 'Looks up an order by its number.',
    parameters: z.toJSONSchema(findOrder),
  },
  {
    name: 'refund_order',
    description: 'Pays money back for an order, in euros.',
    parameters: z.toJSONSchema(refundOrder),
  },
];

/** Where refunds are written down. */
export function refundsFile(home = process.env['COUNTERSIGN_HOME'] ?? '.countersign'): string {
  return join(home, 'agent-refunds.txt');
}

/**
 * Runs a tool with the arguments that people approved, and gives its answer.
 *
 * The same step pays once, however often it is tried. A person may have edited the arguments: they are checked here, too.
 */
export async function runTool(
  tool: string,
  given: JsonObject,
  stepId: string,
): Promise<JsonObject> {
  switch (tool) {
    case 'find_order': {
      const { order } = findOrder.parse(given);
      return ORDERS.get(order) ?? { error: `there is no order ${order}` };
    }
    case 'refund_order': {
      const { order, amount } = refundOrder.parse(given);
      await writeOnce(`${stepId} ${order} ${amount.toFixed(2)}`);
      return { refunded: amount, order, receipt: stepId };
    }
    default:
      throw new Error(`there is no tool ${tool}; there are find_order and refund_order`);
  }
}

async function writeOnce(line: string): Promise<void> {
  const written = await readFile(refundsFile(), 'utf8').catch(() => '');
  if (!written.split('\n').includes(line)) {
    await appendFile(refundsFile(), `${line}\n`);
  }
}
