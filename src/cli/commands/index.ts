import type { Command } from 'commander';
import { registerReviewCommands } from './review.js';
import { registerRunCommands } from './run.js';
import { registerStepCommands } from './step.js';
import { registerTokenCommands } from './token.js';
import { registerUserCommands } from './user.js';
import { registerWorkflowCommands } from './workflow.js';

/** Adds the commands that talk to a server: workflow, run, step, review, user, token. */
export function registerClientCommands(program: Command): void {
  // Else `review approve … --version rvr_…` would print the program's version, and approve nothing.
  program.enablePositionalOptions();
  registerWorkflowCommands(program);
  registerRunCommands(program);
  registerStepCommands(program);
  registerReviewCommands(program);
  registerUserCommands(program);
  registerTokenCommands(program);
}
