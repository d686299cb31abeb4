"""The asynchronous client does what the other one does."""

import asyncio

import pytest
from retab import AsyncRetab
from retab.exceptions import NotFoundError

from conftest import Stack


def client_of(stack: Stack, person: str) -> AsyncRetab:
    return AsyncRetab(api_key=stack.token(person), base_url=stack.url, max_retries=0)


def test_a_review_from_its_list_to_its_end(stack: Stack) -> None:
    parked = stack.park()

    async def review_it() -> None:
        client = client_of(stack, "finance")
        reviews = client.workflows.reviews
        page = await reviews.list(run_id=parked["run_id"], limit=1)
        found = [review async for review in page]
        assert [review.id for review in found] == [parked["id"]]
        versions = [one async for one in await reviews.versions.list(parked["id"])]
        made = await reviews.versions.create(parked["id"], versions[0].id, {"total_amount": 1})
        assert (await reviews.versions.get(made.id)).snapshot == {"total_amount": 1}
        answer = await reviews.approve(parked["id"], made.id)
        assert answer.submission_status == "accepted"
        assert (await reviews.get(parked["id"])).decision is not None
        run = await client.workflows.runs.get(parked["run_id"])
        assert run.id == parked["run_id"]

    asyncio.run(review_it())
    stack.ended(parked["run_id"])
    assert stack.output_of(f"{parked['run_id']}_booking") == {"total_amount": 1}


def test_a_rejection_and_an_unknown_review(stack: Stack) -> None:
    parked = stack.park()

    async def refuse_it() -> None:
        client = client_of(stack, "finance")
        reviews = client.workflows.reviews
        version = (await reviews.versions.list(parked["id"])).data[0]
        answer = await reviews.reject(parked["id"], version.id, "no")
        assert answer.review.decision is not None
        assert answer.review.decision.verdict == "rejected"
        with pytest.raises(NotFoundError):
            await reviews.get("rev_none")

    asyncio.run(refuse_it())
    assert stack.ended(parked["run_id"])["lifecycle"]["status"] == "cancelled"


def test_runs_and_steps(stack: Stack) -> None:
    workflow_id = stack.declare({})

    async def run_it() -> None:
        client = client_of(stack, "admin")
        run = await client.workflows.runs.create(
            workflow_id=workflow_id, json_inputs={"extract_invoice": {"n": 1}}
        )
        listed = [one async for one in await client.workflows.runs.list(workflow_id=workflow_id)]
        assert [one.id for one in listed] == [run.id]
        answer = await client.workflows.runs.cancel(run.id)
        assert answer.run.lifecycle.status == "cancelled"
        steps = await client.workflows.steps.list(run_id=run.id)
        for step in steps.data:
            assert (await client.workflows.steps.get(step.step_id)).block_id == step.block_id

    asyncio.run(run_it())
