import { sql } from 'kysely';
import { RUN_STATUSES, REVIEW_STATUSES, STEP_STATUSES } from '../domain/statuses.js';
import type { SchemaStep } from './schema-step.js';

const oneOf = (values: readonly string[]): string => values.map((v) => `'${v}'`).join(', ');

/**
 * The schema, one numbered step after another; steps only go forward and are never edited.
 *
 * Snapshots and block outputs are `text` (their RFC 8785 form), never `jsonb`, which keeps neither
 * key order nor every number: what flows downstream is byte for byte what was approved. Every row
 * carries its project. Times keep milliseconds, as the API shows them, so that cursors compare equal.
 */
export const MIGRATIONS: Readonly<Record<string, SchemaStep>> = {
  '0001_gates': {
    async up(db) {
      const statements = `
        create table project (
          id text primary key,
          name text not null,
          created_at timestamptz(3) not null default clock_timestamp()
        );
        insert into project (id, name) values ('prj_default', 'Default');

        create table person (
          project_id text not null references project,
          id text not null,
          name text not null,
          email text not null,
          slack_id text not null default '',
          groups text[] not null default '{}',
          roles text[] not null default '{reviewer}',
          directory_source text not null,
          directory_at timestamptz(3) not null default clock_timestamp(),
          created_at timestamptz(3) not null default clock_timestamp(),
          updated_at timestamptz(3) not null default clock_timestamp(),
          removed_at timestamptz(3),
          primary key (project_id, id)
        );

        create table token (
          id text primary key,
          project_id text not null references project,
          person_id text,
          service text,
          scopes text[] not null default '{}',
          secret_sha256 text not null unique,
          created_by text not null,
          created_at timestamptz(3) not null default clock_timestamp(),
          revoked_at timestamptz(3),
          foreign key (project_id, person_id) references person,
          check ((person_id is null) <> (service is null))
        );

        create table workflow (
          project_id text not null references project,
          id text not null,
          current_version_id text not null,
          created_at timestamptz(3) not null default clock_timestamp(),
          updated_at timestamptz(3) not null default clock_timestamp(),
          primary key (project_id, id)
        );

        create table workflow_version (
          id text primary key,
          project_id text not null references project,
          workflow_id text not null,
          ordinal int not null,
          definition text not null,
          created_by text not null,
          created_at timestamptz(3) not null default clock_timestamp(),
          unique (project_id, workflow_id, ordinal)
        );

        create table run (
          id text primary key,
          project_id text not null references project,
          kind text not null check (kind in ('workflow', 'external')),
          workflow_id text not null,
          workflow_version_id text not null references workflow_version,
          owner_id text,
          started_by text not null,
          status text not null default 'pending' check (status in (${oneOf(RUN_STATUSES)})),
          inputs text not null,
          metadata jsonb,
          trigger text not null default 'api',
          command_id text,
          cancel_reason text,
          cancelled_by text,
          error_message text,
          failing_step_id text,
          created_at timestamptz(3) not null default clock_timestamp(),
          started_at timestamptz(3),
          ended_at timestamptz(3),
          unique (project_id, command_id)
        );
        create index run_listing on run (project_id, created_at, id);
        create index run_unended on run (created_at) where status in ('pending', 'running', 'cancelling');

        create table step (
          id text primary key,
          project_id text not null references project,
          run_id text not null references run,
          workflow_id text not null,
          block_id text not null,
          block_type text not null,
          block_label text,
          position int not null,
          parent_step_id text,
          iteration_key text,
          status text not null default 'pending' check (status in (${oneOf(STEP_STATUSES)})),
          holder text,
          holder_started_at timestamptz(3),
          attempt int not null default 0,
          failures int not null default 0,
          attempt_token text,
          alive_at timestamptz(3),
          input text,
          output text,
          consensus text,
          source text,
          effective_version_id text,
          outcome_unknown boolean not null default false,
          error_message text,
          reason text,
          created_at timestamptz(3) not null default clock_timestamp(),
          started_at timestamptz(3),
          ended_at timestamptz(3)
        );
        create unique index step_of_run on step (run_id, block_id, coalesce(iteration_key, ''));
        create index step_listing on step (project_id, created_at, id);

        create table review (
          id text primary key,
          project_id text not null references project,
          run_id text not null references run,
          step_id text not null unique references step,
          workflow_id text not null,
          workflow_version_id text not null,
          block_id text not null,
          block_type text not null,
          parent_step_id text,
          iteration_key text,
          placement text not null check (placement in ('output', 'input')),
          owner_id text,
          gate jsonb not null,
          policy jsonb not null,
          triggered_by jsonb not null,
          because text not null,
          status text not null default 'PENDING' check (status in (${oneOf(REVIEW_STATUSES)})),
          rev int not null default 0,
          seq int not null default 0,
          newest_version_id text not null,
          verdict text check (verdict in ('approved', 'rejected')),
          decision_version_id text,
          decision_seq int,
          decided_by text,
          decided_by_name text,
          decided_at timestamptz(3),
          decision_reason text,
          approved_at timestamptz(3),
          cancelled_at timestamptz(3),
          claimed_at timestamptz(3),
          claimed_by text,
          ended_at timestamptz(3),
          created_at timestamptz(3) not null default clock_timestamp()
        );
        create index review_listing on review (project_id, created_at, id);
        create index review_pending on review (project_id, created_at, id) where status = 'PENDING';
        create index review_of_run on review (run_id, id);

        create table version (
          id text primary key,
          project_id text not null references project,
          review_id text not null references review deferrable initially deferred,
          ordinal int not null,
          parent_id text references version,
          origin text not null check (origin in ('model_output', 'human_edit', 'agent_edit', 'revert')),
          author_kind text not null check (author_kind in ('human', 'agent', 'model')),
          author_id text not null,
          author_name text not null,
          snapshot text not null,
          snapshot_sha256 text not null,
          note text,
          created_at timestamptz(3) not null default clock_timestamp(),
          unique (review_id, ordinal)
        );

        create table fact (
          review_id text not null references review,
          seq int not null check (seq > 0),
          project_id text not null references project,
          id text not null unique,
          kind text not null check (kind in ('vote', 'release_requested', 'cancelled')),
          actor_id text not null,
          actor_kind text not null check (actor_kind in ('person', 'service', 'system')),
          actor_name text not null,
          version_id text references version,
          verdict text check (verdict in ('approved', 'rejected', 'revoked')),
          fills text[],
          forced boolean,
          acting_for text,
          reason text,
          dialect text not null,
          token_id text,
          created_at timestamptz(3) not null default clock_timestamp(),
          primary key (review_id, seq),
          check ((kind = 'vote') = (version_id is not null and verdict is not null and fills is not null and forced is not null))
        );

        create table entry (
          review_id text not null references review,
          position int not null,
          project_id text not null references project,
          id uuid not null,
          key text not null,
          kind text not null check (kind in ('group', 'reviewer', 'anyone')),
          subject text not null,
          mandatory boolean not null,
          status text not null default 'PENDING'
            check (status in ('PENDING', 'APPROVED', 'REJECTED', 'REVOKED')),
          fact_seq int,
          primary key (review_id, position)
        );
        create index entry_open on entry (project_id, kind, subject) where status = 'PENDING';

        create table outbox (
          id bigint generated always as identity primary key,
          project_id text not null references project,
          run_id text not null references run,
          kind text not null check (kind in ('start', 'signal', 'cancel')),
          workflow_id text,
          review_id text references review,
          fact_id text unique,
          payload jsonb,
          state text not null default 'pending'
            check (state in ('pending', 'delivered', 'superseded', 'failed')),
          attempts int not null default 0,
          next_attempt_at timestamptz not null default clock_timestamp(),
          lease_until timestamptz,
          lease_token text,
          last_error text,
          created_at timestamptz(3) not null default clock_timestamp(),
          settled_at timestamptz(3)
        );
        create index outbox_due on outbox (next_attempt_at) where state = 'pending';
        create index outbox_of_run on outbox (run_id, id) where state = 'pending';
        create index outbox_of_review on outbox (review_id, id);
        create index outbox_failed on outbox (id) where state = 'failed';

        create table audit (
          id bigint generated always as identity primary key,
          project_id text not null references project,
          at timestamptz(3) not null default clock_timestamp(),
          action text not null,
          actor_id text not null,
          token_id text,
          run_id text,
          review_id text,
          detail jsonb not null default '{}'
        );
        create index audit_listing on audit (project_id, id);
        create index audit_of_review on audit (review_id, id) where review_id is not null;
      `;
      await sql.raw(statements).execute(db);
    },
  },
  '0002_for_each': {
    async up(db) {
      const statements = `
        create table iteration (
          step_id text not null references step,
          position int not null,
          project_id text not null references project,
          iteration_key text not null,
          item text not null,
          dropped_reason text,
          primary key (step_id, position),
          unique (step_id, iteration_key)
        );
        alter table step add column collected text;
        create index step_of_iteration on step (parent_step_id, iteration_key)
          where parent_step_id is not null;
      `;
      await sql.raw(statements).execute(db);
    },
  },
  '0003_external_reviews': {
    async up(db) {
      const statements = `
        create table external_run (
          run_id text primary key references run,
          project_id text not null references project,
          workflow_id text not null,
          workflow_type text not null,
          first_execution_run_id text not null,
          key text not null,
          snapshot_sha256 text not null,
          snapshot_ref text,
          created_at timestamptz(3) not null default clock_timestamp()
        );
        create index external_run_of_workflow on external_run (workflow_id);

        create table snapshot (
          id text primary key,
          project_id text not null references project,
          content text not null,
          size_bytes int not null,
          created_by text not null,
          created_at timestamptz(3) not null default clock_timestamp(),
          put_at timestamptz(3) not null default clock_timestamp()
        );
        create index snapshot_age on snapshot (put_at);
      `;
      await sql.raw(statements).execute(db);
    },
  },
  '0004_overlay_holds': {
    async up(db) {
      const statements = `
        create table hold (
          review_id text primary key references review,
          project_id text not null references project,
          holder_id text not null,
          holder_name text not null,
          held_at timestamptz(3) not null,
          expires_at timestamptz(3) not null
        );

        create table review_command (
          review_id text not null references review,
          command_id text not null,
          project_id text not null references project,
          request_sha256 text not null,
          created_at timestamptz(3) not null default clock_timestamp(),
          primary key (review_id, command_id)
        );

        create table vote_basis (
          review_id text not null,
          seq int not null,
          project_id text not null references project,
          version_id text not null references version,
          primary key (review_id, seq),
          foreign key (review_id, seq) references fact
        );
      `;
      await sql.raw(statements).execute(db);
    },
  },
  '0005_time_windows': {
    async up(db) {
      const statements = `
        alter table review
          add column time_window jsonb,
          add column time_window_seq int,
          add check ((time_window is null) = (time_window_seq is null));
      `;
      await sql.raw(statements).execute(db);
    },
  },
  '0006_change_feed': {
    async up(db) {
      const statements = `
        create function countersign_tell_change() returns trigger language plpgsql as $$
        declare
          run text;
        begin
          if tg_argv[0] in ('review', 'step') then
            run := new.run_id;
          end if;
          perform pg_notify('countersign_changes', json_build_object(
            'project', new.project_id, 'kind', tg_argv[0], 'id', new.id, 'run', run)::text);
          return null;
        end $$;

        create trigger tell_change after insert or update on review
          for each row execute function countersign_tell_change('review');
        create trigger tell_new_run after insert on run
          for each row execute function countersign_tell_change('run');
        create trigger tell_change after update on run
          for each row when (old.status is distinct from new.status)
          execute function countersign_tell_change('run');
        create trigger tell_change after update on step
          for each row when (old.status is distinct from new.status)
          execute function countersign_tell_change('step');
        create trigger tell_change after insert or update on workflow
          for each row execute function countersign_tell_change('definition');

        create function countersign_tell_delivery() returns trigger language plpgsql as $$
        begin
          perform pg_notify('countersign_changes', json_build_object(
            'project', new.project_id, 'kind', 'review', 'id', new.review_id, 'run', new.run_id)::text);
          return null;
        end $$;
        create trigger tell_delivery after update on outbox
          for each row when (new.review_id is not null and old.state is distinct from new.state)
          execute function countersign_tell_delivery();

        create index review_by_status on review (project_id, status, created_at, id);
        create index fact_of_voter on fact (project_id, actor_id, review_id) where kind = 'vote';
        create index outbox_signals on outbox (review_id, id desc) where kind = 'signal';
      `;
      await sql.raw(statements).execute(db);
    },
  },
  '0008_sessions': {
    async up(db) {
      const statements = `
        create table web_session (
          id text primary key,
          project_id text not null references project,
          person_id text not null,
          secret_sha256 text not null unique,
          created_at timestamptz(3) not null default clock_timestamp(),
          expires_at timestamptz(3) not null,
          foreign key (project_id, person_id) references person
        );
        create index web_session_of_person on web_session (project_id, person_id);
        create index web_session_expiry on web_session (expires_at);

        create table sign_in_link (
          code_sha256 text primary key,
          project_id text not null references project,
          person_id text not null,
          created_at timestamptz(3) not null default clock_timestamp(),
          expires_at timestamptz(3) not null,
          foreign key (project_id, person_id) references person
        );
        create index sign_in_link_of_person on sign_in_link (project_id, person_id);
        create index sign_in_link_expiry on sign_in_link (expires_at);
      `;
      await sql.raw(statements).execute(db);
    },
  },
  '0009_many_open_reviews': {
    async up(db) {
      // With thousands of open reviews, facets and counts are read from these indexes alone.
      const statements = `
        create index review_facets on review (project_id, workflow_id, block_id) where status = 'PENDING';
        create index entry_waiting on entry (project_id, kind, subject, review_id) where status = 'PENDING';
        drop index entry_open;
      `;
      await sql.raw(statements).execute(db);
    },
  },
  '0010_due_reviews': {
    async up(db) {
      // Open reviews only: what is decided is due no more.
      const statements = `
        alter table review add column due_at timestamptz(3);
        create index review_due
          on review (project_id, coalesce(due_at, 'infinity'::timestamptz), created_at, id)
          where status = 'PENDING';
      `;
      await sql.raw(statements).execute(db);
    },
  },
  '0011_one_fence': {
    async up(db) {
      // The step's row is the fence: holders are numbered, and a replaced one never comes back.
      const statements = `
        alter table step drop column holder_started_at;
        alter table step add column holder_number int not null default 0;
        alter table step add column waived_input_sha256 text;
        create table replaced_holder (
          step_id text not null references step,
          number int not null,
          project_id text not null references project,
          workflow_id text not null,
          primary key (step_id, number),
          unique (step_id, workflow_id)
        );
        alter table review rename column claimed_at to released_at;
        alter table review drop column claimed_by;
        alter table external_run add column order_sha256 text not null;
      `;
      await sql.raw(statements).execute(db);
    },
  },
  '0020_outbox_of_what_is_owed': {
    async up(db) {
      // A message that has arrived leaves the outbox. Its fact still says that a workflow was to be told.
      const statements = `
        alter table fact add column owed boolean not null default true;
        update fact set owed = false
         where kind = 'cancelled' and not exists (select 1 from outbox where outbox.fact_id = fact.id);

        delete from outbox where state in ('delivered', 'superseded');
        drop index outbox_signals, outbox_of_review, outbox_failed;
        alter table outbox
          drop column settled_at,
          drop constraint outbox_state_check,
          add check (state in ('pending', 'failed')),
          set (fillfactor = 70, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);
        create index outbox_owed_since on outbox (created_at) where state = 'pending';
        create index outbox_failed on outbox (run_id) where state = 'failed';
      `;
      await sql.raw(statements).execute(db);
    },
  },
  '0021_change_log': {
    async up(db) {
      // NOTIFY in a transaction makes all commits of a database wait for each other. A row here costs
      // its own commit only. Triggers write a statement's changes at once, without a further round trip.
      const statements = `
        drop trigger tell_change on review;
        drop trigger tell_new_run on run;
        drop trigger tell_change on run;
        drop trigger tell_change on step;
        drop trigger tell_change on workflow;
        drop trigger tell_delivery on outbox;
        drop function countersign_tell_change();
        drop function countersign_tell_delivery();

        create table change (
          xact xid8 not null default pg_current_xact_id(),
          at timestamptz(3) not null default clock_timestamp(),
          project_id text not null,
          kind text not null check (kind in ('review', 'run', 'step', 'definition')),
          id text not null,
          run_id text
        ) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000);
        create index change_order on change (xact);

        create function countersign_log_changed() returns trigger language plpgsql as $$
        begin
          if tg_argv[0] = 'review' then
            insert into change (project_id, kind, id, run_id)
            select project_id, tg_argv[0], id, run_id from changed;
          else
            insert into change (project_id, kind, id) select project_id, tg_argv[0], id from changed;
          end if;
          return null;
        end $$;

        create function countersign_log_status() returns trigger language plpgsql as $$
        begin
          if tg_argv[0] = 'step' then
            insert into change (project_id, kind, id, run_id)
            select changed.project_id, tg_argv[0], changed.id, changed.run_id
              from changed join before using (id) where changed.status <> before.status;
          else
            insert into change (project_id, kind, id)
            select changed.project_id, tg_argv[0], changed.id
              from changed join before using (id) where changed.status <> before.status;
          end if;
          return null;
        end $$;

        create function countersign_log_delivery() returns trigger language plpgsql as $$
        begin
          insert into change (project_id, kind, id, run_id)
          values (old.project_id, 'review', old.review_id, old.run_id);
          return null;
        end $$;

        create trigger log_new after insert on review referencing new table as changed
          for each statement execute function countersign_log_changed('review');
        create trigger log_changed after update on review referencing new table as changed
          for each statement execute function countersign_log_changed('review');
        create trigger log_new after insert on run referencing new table as changed
          for each statement execute function countersign_log_changed('run');
        create trigger log_status after update on run referencing old table as before new table as changed
          for each statement execute function countersign_log_status('run');
        create trigger log_status after update on step referencing old table as before new table as changed
          for each statement execute function countersign_log_status('step');
        create trigger log_new after insert on workflow referencing new table as changed
          for each statement execute function countersign_log_changed('definition');
        create trigger log_changed after update on workflow referencing new table as changed
          for each statement execute function countersign_log_changed('definition');
        create trigger log_failed after update on outbox
          for each row when (old.review_id is not null and old.state <> new.state)
          execute function countersign_log_delivery();
        create trigger log_settled after delete on outbox
          for each row when (old.review_id is not null)
          execute function countersign_log_delivery();
      `;
      await sql.raw(statements).execute(db);
    },
  },
  '0022_audit_of_run': {
    async up(db) {
      await sql`create index audit_of_run on audit (run_id, id) where run_id is not null`.execute(
        db,
      );
    },
  },
  '0023_unknown_outcomes': {
    async up(db) {
      await sql`create index step_unknown on step (ended_at desc) where outcome_unknown`.execute(
        db,
      );
    },
  },
  '0024_reviews_by_workflow': {
    async up(db) {
      await sql`create index review_by_workflow on review (project_id, workflow_id, created_at, id)`.execute(
        db,
      );
    },
  },
  '0025_reviews_by_outcome': {
    async up(db) {
      await sql`create index review_by_verdict on review (project_id, verdict, created_at, id) where verdict is not null`.execute(
        db,
      );
      await sql`create index review_decided on review (project_id, created_at, id) where verdict is not null`.execute(
        db,
      );
      await sql`create index review_cancelled on review (project_id, created_at, id) where cancelled_at is not null`.execute(
        db,
      );
    },
  },
  '0026_runs_by_workflow': {
    async up(db) {
      await sql`create index run_by_workflow on run (project_id, workflow_id, created_at, id)`.execute(
        db,
      );
    },
  },
  '0027_runs_by_status': {
    async up(db) {
      await sql`create index run_by_status on run (project_id, status, created_at, id)`.execute(db);
    },
  },
  '0028_spare_index': {
    async up(db) {
      // What is pending is found by review_by_status in the same order.
      await sql`drop index review_pending`.execute(db);
    },
  },
  '0030_withdrawn_and_reassigned': {
    async up(db) {
      const statements = `
        alter table fact
          drop constraint fact_kind_check,
          add constraint fact_kind_check
            check (kind in ('vote', 'withdrawn', 'reassigned', 'release_requested', 'cancelled')),
          add column entry_key text,
          add column to_kind text check (to_kind in ('group', 'reviewer')),
          add column to_subject text,
          add check ((kind = 'reassigned') = (entry_key is not null and to_kind is not null and to_subject is not null));

        drop index fact_of_voter;
        create index fact_of_voter on fact (project_id, actor_id, review_id, seq desc)
          where kind in ('vote', 'withdrawn');
      `;
      await sql.raw(statements).execute(db);
    },
  },
  '0040_outcomes': {
    async up(db) {
      const statements = `
        alter table outbox drop constraint outbox_kind_check;
        alter table outbox add constraint outbox_kind_check
          check (kind in ('start', 'restart', 'signal', 'cancel'));

        alter table step
          add column waiting_for text,
          add column has_run boolean not null default false;
        create index step_waiting on step (id) where waiting_for is not null;
      `;
      await sql.raw(statements).execute(db);
    },
  },
  '0041_waiting_in_change_log': {
    async up(db) {
      // What a step waits for changes while its status stays: a worker that lacks its function has asked for it.
      // The page of its review says so, too. A trigger for each row costs other updates no more than its condition.
      const statements = `
        create function countersign_log_waiting() returns trigger language plpgsql as $$
        begin
          insert into change (project_id, kind, id, run_id)
          values (new.project_id, 'step', new.id, new.run_id);
          insert into change (project_id, kind, id, run_id)
          select project_id, 'review', id, run_id from review where step_id = new.id;
          return null;
        end $$;

        create trigger log_waiting after update of waiting_for on step
          for each row when (old.waiting_for is distinct from new.waiting_for)
          execute function countersign_log_waiting();
      `;
      await sql.raw(statements).execute(db);
    },
  },
  '0042_rows_of_a_run': {
    async up(db) {
      // A row of a run, a review or a step has its project from there. To check it, every one of them locked
      // the project's own row, which all transactions share: thirteen times for one run with one gate.
      const tables = ['step', 'review', 'version', 'fact', 'entry', 'outbox', 'iteration', 'audit'];
      for (const table of tables) {
        await sql.raw(`alter table ${table} drop constraint ${table}_project_id_fkey`).execute(db);
      }
    },
  },
  '0043_change_log_by_row': {
    async up(db) {
      // Most statements change one row. A row's trigger writes that down without gathering what a statement has
      // changed, and one with a condition is not called in vain.
      const statements = `
        create function countersign_log_row() returns trigger language plpgsql as $$
        begin
          insert into change (project_id, kind, id) values (new.project_id, tg_argv[0], new.id);
          return null;
        end $$;

        create function countersign_log_row_of_run() returns trigger language plpgsql as $$
        begin
          insert into change (project_id, kind, id, run_id)
          values (new.project_id, tg_argv[0], new.id, new.run_id);
          return null;
        end $$;

        drop trigger log_new on review;
        drop trigger log_changed on review;
        drop trigger log_new on run;
        drop trigger log_status on run;
        drop trigger log_status on step;
        drop trigger log_new on workflow;
        drop trigger log_changed on workflow;
        drop function countersign_log_changed();
        drop function countersign_log_status();

        create trigger log_new after insert on review
          for each row execute function countersign_log_row_of_run('review');
        create trigger log_changed after update on review
          for each row execute function countersign_log_row_of_run('review');
        create trigger log_new after insert on run
          for each row execute function countersign_log_row('run');
        create trigger log_status after update on run
          for each row when (old.status <> new.status) execute function countersign_log_row('run');
        create trigger log_status after update on step
          for each row when (old.status <> new.status) execute function countersign_log_row_of_run('step');
        create trigger log_new after insert on workflow
          for each row execute function countersign_log_row('definition');
        create trigger log_changed after update on workflow
          for each row execute function countersign_log_row('definition');
      `;
      await sql.raw(statements).execute(db);
    },
  },
};
