"""The asynchronous client does what the other one does."""

import asyncio

import pytest
from retab import AsyncRetab
from retab.exceptions import ConflictError, NotFoundError, ValidationError

from conftest import Stack

BLOCK = "extract_invoice"


def client_of(stack: Stack, person: str) -> AsyncRetab:
    return AsyncRetab(api_key=stack.token(person), base_url=f"{stack.url}/v1", max_retries=0)


def test_an_overlay_from_its_gate_to_its_end(stack: Stack) -> None:
    workflow_id = stack.declare({})
    run_id = stack.start(workflow_id, {"n": 0})

    async def review_it() -> None:
        reviews = client_of(stack, "finance").workflows.reviews
        overlay = await reviews.wait_for(run_id, BLOCK, timeout=30, poll_interval=0.05)
        assert (await reviews.get(run_id, BLOCK)).rev == overlay.rev
        queue = await reviews.list(workflow_id=workflow_id, mine=True)
        assert [item.id for item in queue.data] == [overlay.id]
        held = await reviews.claim(run_id, BLOCK, version_stamp=overlay.version_stamp)
        freed = await reviews.release(run_id, BLOCK, version_stamp=held.version_stamp)
        edited = await reviews.edit(
            run_id, BLOCK, snapshot={"n": 1}, version_stamp=freed.version_stamp
        )
        with pytest.raises(ConflictError):
            await reviews.approve(run_id, BLOCK, version_stamp=0)
        with pytest.raises(ValidationError):
            await reviews.escalate(
                run_id,
                BLOCK,
                version_stamp=edited.version_stamp,
                reason="over my head",
                escalate_to="u_legal",
            )
        answer = await reviews.approve(run_id, BLOCK, version_stamp=edited.version_stamp)
        assert (answer.submission_status, answer.overlay.effective_seq) == ("accepted", 1)

    asyncio.run(review_it())
    stack.ended(run_id)
    assert stack.output_of(f"{run_id}_booking") == {"n": 1}


def test_a_rejection_and_an_overlay_that_is_not_there(stack: Stack) -> None:
    run_id = stack.park()["run_id"]

    async def refuse_it() -> None:
        reviews = client_of(stack, "finance").workflows.reviews
        answer = await reviews.reject(run_id, BLOCK, version_stamp=0, reason="no")
        assert answer.overlay.status == "rejected"
        with pytest.raises(NotFoundError):
            await reviews.get(run_id, "booking")

    asyncio.run(refuse_it())
    assert stack.ended(run_id)["lifecycle"]["status"] == "cancelled"
