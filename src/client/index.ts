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
  ListInbox,
  ListReviews,
  ListRuns,
  ListSteps,
  PutUser,
  SettleStep,
  ReassignOptions,
  StartRun,
  WithdrawOptions,
} from './requests.js';

// What it gets
export type {
  Actor,
  AuditLine,
  CancelRunResponse,
  CheckedEntry,
  CheckedGate,
  CheckedWorkflow,
  Decision,
  Entry,
  Explanation,
  Fact,
  InboxItem,
  Json,
  JsonObject,
  LoopItem,
  Me,
  MissingEntry,
  NamedPerson,
  NewToken,
  RetryRunResponse,
  Review,
  ReviewStatus,
  Role,
  Run,
  RunStatus,
  Scope,
  Snapshot,
  Step,
  StepStatus,
  StoredSnapshot,
  StoredWorkflow,
  SubmitResponse,
  Token,
  StoredUser,
  User,
  UserWarning,
  Version,
  Warning,
  Workflow,
  WorkflowSummary,
  WorkflowVersion,
} from './wire.js';
