// The functions of all examples: one worker, and so one `npm start`, can run every one of them.
import agentToolCall from './agent-tool-call/blocks.js';
import commandApproval from './command-approval/blocks.js';
import documentSplit from './document-split/blocks.js';
import invoiceIntake from './invoice-intake/blocks.js';

export default { ...invoiceIntake, ...commandApproval, ...documentSplit, ...agentToolCall };
