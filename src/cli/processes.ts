import type { Command } from 'commander';
import type { CreateAdminOptions } from './admin.js';
import type { SignInLinkOptions } from './sign-in-link.js';

// Each command loads what it runs only when it is chosen: Temporal and PostgreSQL take seconds to
// load, and most commands speak HTTP alone.

/** Adds the commands that run or mend an installation: up, api, worker, migrate, admin, sign-in-link, doctor. */
export function registerProcessCommands(program: Command): void {
  program
    .command('up')
    .description('run everything on this machine: PostgreSQL, Temporal, a worker, the API')
    .option('--blocks <module>', 'the module with your block functions (default: the example)')
    .option('--no-demo', 'do not register the example and park a run of it')
    .action(async (options: { blocks?: string; demo: boolean }) => {
      const { up } = await import('./up.js');
      await up(options);
    });

  program
    .command('api')
    .description('run the HTTP API against DATABASE_URL and TEMPORAL_ADDRESS')
    .action(async () => {
      const { runApi } = await import('./api-process.js');
      await runApi(process.env);
    });

  program
    .command('worker')
    .description('run workflows and blocks against DATABASE_URL and TEMPORAL_ADDRESS')
    .option('--blocks <module>', 'the module whose default export is defineBlocks({ … })')
    .option('--port <port>', 'answer /healthz, /readyz and /metrics there (default: WORKER_PORT)')
    .action(async (options: { blocks?: string; port?: string }) => {
      const { runWorker } = await import('./worker-process.js');
      const { port, blocks } = options;
      await runWorker(
        port === undefined ? process.env : { ...process.env, WORKER_PORT: port },
        blocks,
      );
    });

  program
    .command('migrate')
    .description('bring the database schema up to date and register what Temporal must know')
    .action(async () => {
      const { runMigrate } = await import('./migrate.js');
      await runMigrate(process.env);
    });

  program
    .command('admin')
    .description('let the first admin in, at the database itself')
    .showHelpAfterError()
    .command('create')
    .description('make an admin and print a token of theirs; refused where there is an admin')
    .requiredOption('--id <id>', 'the id of the person')
    .requiredOption('--name <name>', 'the name that others see')
    .requiredOption('--email <address>', 'the e-mail address')
    .option('--force', 'also where there is an admin, or a person of that id', false)
    .option('--json', 'print one JSON document', false)
    .action(async (options: CreateAdminOptions) => {
      const { createAdmin } = await import('./admin.js');
      await createAdmin(process.env, options);
    });

  program
    .command('sign-in-link')
    .description('print a link by which a person signs in to the inbox, once and within 15 minutes')
    .argument('<user_id>', 'the id of the person')
    .option('--json', 'print one JSON document', false)
    .action(async (userId: string, options: SignInLinkOptions) => {
      const { printSignInLink } = await import('./sign-in-link.js');
      await printSignInLink(process.env, userId, options);
    });

  program
    .command('doctor')
    .description('compare the store with Temporal and explain everything owed or stuck')
    .option('--fix', 'mend what can be mended', false)
    .option('--json', 'print one JSON document', false)
    .action(async (options: { fix: boolean; json: boolean }) => {
      const { runDoctor } = await import('./doctor.js');
      process.exitCode = await runDoctor(process.env, options);
    });
}
