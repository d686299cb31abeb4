"""Decisions through the published client, unmodified but for the server it is told to use."""

import uuid
from typing import Any

import pytest
from velt_py import VeltSDK
from velt_py.models.workflow import (
    CancelExecutionRequest,
    GetExecutionRequest,
    ListExecutionsRequest,
    RecordReviewerDecisionRequest,
    ResolveStepRequest,
)
from velt_py.services.api.base_api_service import BaseApiService

from conftest import Stack, until

TWO = {
    "reviewers": [
        {"id": "u_finance", "mandatory": True},
        {"id": "u_legal", "mandatory": True},
    ]
}


@pytest.fixture(scope="module")
def workflow(stack: Stack) -> Any:
    """The workflow service of a backend that may decide for reviewers, read and cancel."""
    BaseApiService.VELT_API_BASE_URL = stack.url
    scopes = ["reviews:vote-as", "reviews:read", "runs:write"]
    body = {"service": f"svc_{uuid.uuid4().hex}", "scopes": scopes}
    token = stack.http.post("/v1/tokens", json=body).json()
    return VeltSDK.initialize({"apiKey": token["id"], "authToken": token["token"]}).api.workflow


def opened(stack: Stack) -> dict[str, Any]:
    run_id = stack.start(stack.declare(TWO), {"total_amount": None, "vendor": "Acme"})
    step = {"executionId": run_id, "stepId": f"{run_id}_extract_invoice"}
    until("the review", lambda: stack.reviews_of(run_id))
    return step


def decide(workflow: Any, step: dict[str, Any], who: str, what: str = "approve", **more: Any) -> Any:
    request = RecordReviewerDecisionRequest(**step, reviewerId=who, decision=what, **more)
    return workflow.recordReviewerDecision(request)


def test_two_decisions_resolve_the_step_and_resume_the_run(stack: Stack, workflow: Any) -> None:
    step = opened(stack)
    assert decide(workflow, step, "u_finance", reason="looks good") == {
        "result": {"recorded": True, "aggregatorStatus": "pending", "resumeScheduled": False}
    }
    assert decide(workflow, step, "u_legal") == {
        "result": {"recorded": True, "aggregatorStatus": "resolved", "resumeScheduled": True}
    }
    assert decide(workflow, step, "u_legal", "reject") == {
        "result": {
            "recorded": False,
            "aggregatorStatus": "resolved",
            "resumeScheduled": False,
            "rejectionReason": "idempotent",
        }
    }
    assert stack.ended(step["executionId"])["lifecycle"]["status"] == "completed"
    answer = workflow.getExecution(GetExecutionRequest(executionId=step["executionId"]))
    human, after = answer["result"]["steps"]
    assert answer["result"]["status"] == "completed"
    assert human["status"] == "completed"
    assert human["output"]["decision"] == "approve"
    assert human["output"]["snapshot"] == {"total_amount": None, "vendor": "Acme"}
    assert after["nodeType"] == "agent"


def test_a_rejection_cancels_the_run(stack: Stack, workflow: Any) -> None:
    step = opened(stack)
    answer = decide(workflow, step, "u_legal", "reject", reason="wrong total")
    assert answer["result"]["aggregatorStatus"] == "rejected"
    assert stack.ended(step["executionId"])["lifecycle"]["reason"] == "wrong total"


def test_errors_are_bodies(stack: Stack, workflow: Any) -> None:
    step = opened(stack)
    answer = decide(workflow, step, "u_nobody")
    assert answer["error"]["status"] == "INVALID_ARGUMENT"
    assert decide(workflow, step, "u_legal", "APPROVE")["error"]["details"]["issues"][0]["path"] == [
        "decision"
    ]
    unknown = {"executionId": "run_none", "stepId": "none"}
    assert decide(workflow, unknown, "u_legal")["error"]["status"] == "NOT_FOUND"
    listed = workflow.listExecutions(ListExecutionsRequest())
    assert listed["error"]["status"] == "UNIMPLEMENTED"


def test_resolve_is_a_vote(stack: Stack, workflow: Any) -> None:
    step = opened(stack)
    request = ResolveStepRequest(**step, action="reviewer-approve", actorId="u_legal")
    assert workflow.resolveStep(request) == {
        "result": {"resolved": False, **step, "action": "reviewer-approve"}
    }


def test_cancel(stack: Stack, workflow: Any) -> None:
    step = opened(stack)
    request = CancelExecutionRequest(executionId=step["executionId"], reason="postponed")
    answer = workflow.cancelExecution(request)
    assert answer == {"result": {"cancelled": True, "executionId": step["executionId"]}}
    assert stack.ended(step["executionId"])["lifecycle"]["status"] == "cancelled"


def test_without_credentials(stack: Stack) -> None:
    BaseApiService.VELT_API_BASE_URL = stack.url
    service = VeltSDK.initialize({"apiKey": "tok_none", "authToken": "x"}).api.workflow
    answer = service.getExecution(GetExecutionRequest(executionId="run_none"))
    assert answer["error"]["status"] == "UNAUTHENTICATED"
