// The client
export { createClient, type Client } from './create-client.js';
export type { ClientOptions } from './transport.js';
export type { Page, Pages } from './pages.js';
export { hasEnded, type WaitOptions } from './wait-for-run.js';

// Errors
export { ApiError, ConnectionError, type Problem } from './errors.js';

// What it sends
export type {
  ApproveOptions,
  CreateToken,
  CreateVersion,
  DefinitionRequest,
  ListAudit,
  ListReviews,
  ListRuns,
  ListSteps,
  PutUser,
  StartRun,
  WithdrawOptions,
} from './requests.js';

// What it gets
export type {
  Actor,
  AuditLine,
  CancelRunResponse,
  Decision,
  Entry,
  Explanation,
  Fact,
  Json,
  JsonObject,
  Me,
  MissingEntry,
  NewToken,
  Review,
  ReviewStatus,
  Role,
  Run,
  RunStatus,
  Scope,
  Step,
  StepStatus,
  StoredWorkflow,
  SubmitResponse,
  Token,
  User,
  Version,
  Warning,
  Workflow,
  WorkflowSummary,
  WorkflowVersion,
} from './wire.js';
