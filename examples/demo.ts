// `npm run demo [-- <example>]`: takes a run of an example through its gates, and prints each stage.
import agentToolCall from './agent-tool-call/demo.js';
import commandApproval from './command-approval/demo.js';
import documentSplit from './document-split/demo.js';
import invoiceIntake from './invoice-intake/demo.js';
import { withRunningStack } from './running-stack.js';

const DEMOS = new Map([
  ['invoice-intake', invoiceIntake],
  ['command-approval', commandApproval],
  ['document-split', documentSplit],
  ['agent-tool-call', agentToolCall],
]);

const [name = 'invoice-intake'] = process.argv.slice(2);
const demo = DEMOS.get(name);
if (demo === undefined) {
  console.error(`There is no example '${name}'; there are ${[...DEMOS.keys()].join(', ')}.`);
  process.exit(2);
}
await withRunningStack(demo);
