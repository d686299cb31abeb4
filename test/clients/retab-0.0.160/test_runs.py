"""Runs and steps through the published client, unmodified."""

import pytest
from retab import Retab
from retab.exceptions import NotFoundError, PermissionDeniedError

from conftest import Stack, until


def client_of(stack: Stack, person: str) -> Retab:
    return Retab(api_key=stack.token(person), base_url=stack.url, max_retries=0)


def test_create_starts_a_run_that_comes_to_its_gate(stack: Stack) -> None:
    client = client_of(stack, "finance")
    created = client.workflows.runs.create(
        workflow_id=stack.declare({}),
        json_inputs={"extract_invoice": {"total": 1}},
        metadata={"source": "test"},
    )
    assert created.metadata == {"source": "test"}
    assert created.trigger.type == "api"
    run = until(
        "the gate",
        lambda: (
            (now := client.workflows.runs.get(created.id)).lifecycle.status == "awaiting_review"
            and now
        ),
    )
    assert run.lifecycle.waiting_for_block_ids == ["extract_invoice"]
    step = client.workflows.steps.get(f"{created.id}_extract_invoice")
    assert step.lifecycle.status == "awaiting_review"
    assert step.block_label == "Extract"
    reviews = client_of(stack, "legal").workflows.reviews
    review = reviews.list(run_id=created.id)[0]
    reviews.approve(review.id, reviews.versions.list(review.id)[0].id)
    stack.ended(created.id)
    done = client.workflows.steps.get(f"{created.id}_booking")
    assert done.lifecycle.status == "completed"
    assert done.handle_outputs["output-json-0"].data == {"total": 1}


def test_cancel_ends_the_run_and_its_steps(stack: Stack) -> None:
    parked = stack.park()
    client = client_of(stack, "admin")
    answer = client.workflows.runs.cancel(parked["run_id"], command_id="c-1")
    assert answer.cancellation_status in ("cancelled", "cancellation_requested")
    assert answer.run.lifecycle.status == "cancelled"
    stack.ended(parked["run_id"])
    for step in client.workflows.steps.list(run_id=parked["run_id"]):
        assert step.lifecycle.status in ("cancelled", "skipped")
        assert step.lifecycle.reason
    again = client.workflows.runs.cancel(parked["run_id"])
    assert again.cancellation_status == "cancelled"


def test_somebody_elses_run_cannot_be_cancelled(stack: Stack) -> None:
    parked = stack.park()
    with pytest.raises(PermissionDeniedError) as caught:
        client_of(stack, "legal").workflows.runs.cancel(parked["run_id"])
    assert caught.value.code == "forbidden"


def test_filters_of_runs_and_steps(stack: Stack) -> None:
    parked = stack.park()
    client = client_of(stack, "finance")
    runs = client.workflows.runs.list(workflow_id=parked["workflow_id"], status="awaiting_review")
    assert [run.id for run in runs] == [parked["run_id"]]
    assert list(client.workflows.runs.list(workflow_id=parked["workflow_id"], status="error")) == []
    steps = client.workflows.steps.list(
        run_id=parked["run_id"], block_type=["extract"], status=["awaiting_review", "pending"]
    )
    assert {step.block_id for step in steps} == {"extract_invoice", "booking"}


def test_an_unknown_run_and_an_unknown_step(stack: Stack) -> None:
    client = client_of(stack, "finance")
    with pytest.raises(NotFoundError) as caught:
        client.workflows.runs.get("run_none")
    assert caught.value.code == "run_not_found"
    with pytest.raises(NotFoundError) as caught:
        client.workflows.steps.get("run_none_block")
    assert caught.value.code == "step_not_found"
