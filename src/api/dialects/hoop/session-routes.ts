import { z } from 'zod';
import { findStep } from '../../../store/steps.js';
import { ok } from '../../answer.js';
import { notFound } from '../../errors.js';
import { isStorable } from '../../fields.js';
import { route } from '../../route.js';
import { decideReview } from './decide-review.js';
import { deciding, executing, session as reading } from './dialect.js';
import { execute, execution } from './exec.js';
import { findNamedReview } from './find-review.js';
import { reviewRequest } from './request.js';
import { review } from './review-wire.js';
import { session, showSession } from './session-wire.js';

const tag = 'Reviews (hoop)';
const params = z.object({ session_id: z.string() });

const get = route({
  id: 'hoop.sessions.get',
  method: 'get',
  path: '/api/sessions/{session_id}',
  summary: 'Reads a session: a step, with its review if it has one.',
  tag,
  dialect: reading,
  params,
  responses: { 200: session },
  handle: async (call, { params: { session_id: id } }) => {
    const { db } = call.deps;
    const named = await findNamedReview(call, id);
    const stepId = named?.stepId ?? id;
    const step = isStorable(stepId) ? await findStep(db, call.actor.projectId, stepId) : null;
    return step === null ? notFound('step', id) : ok(await showSession(db, step));
  },
});

const decide = route({
  id: 'hoop.sessions.review',
  method: 'put',
  path: '/api/sessions/{session_id}/review',
  summary: 'Approves, rejects or revokes the review of a session.',
  tag,
  dialect: deciding,
  params,
  body: reviewRequest,
  responses: { 200: review },
  handle: async (call, { params: { session_id: id }, body }) => await decideReview(call, id, body),
});

const exec = route({
  id: 'hoop.sessions.exec',
  method: 'post',
  path: '/api/sessions/{session_id}/exec',
  summary:
    'Executes what was approved, and waits for the outcome; for its owner, admins and auditors.',
  tag,
  dialect: executing,
  params,
  responses: { 200: execution, 202: execution },
  handle: async (call, { params: { session_id: id } }) => await execute(call, id),
});

export const SESSION_ROUTES = [get, decide, exec] as const;
