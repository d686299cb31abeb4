"""The overlay API through the client that was published for it, unmodified."""

import threading

import pytest
from retab import Retab
from retab.exceptions import (
    AuthenticationError,
    ConflictError,
    NotFoundError,
    PermissionDeniedError,
    ValidationError,
)

from conftest import Stack, until

BLOCK = "extract_invoice"


def client_of(stack: Stack, person: str) -> Retab:
    return Retab(api_key=stack.token(person), base_url=f"{stack.url}/v1", max_retries=0)


def test_get_gives_the_whole_overlay(stack: Stack) -> None:
    run_id = stack.park()["run_id"]
    overlay = client_of(stack, "finance").workflows.reviews.get(run_id, BLOCK)
    assert overlay.id == f"{run_id}:{BLOCK}"
    assert overlay.organization_id == "prj_default"
    assert overlay.block_run_id == f"{run_id}_{BLOCK}"
    assert (overlay.status, overlay.rev, overlay.version_stamp) == ("awaiting_review", 0, 0)
    assert (overlay.head_seq, overlay.effective_seq, overlay.priority) == (0, None, 0)
    assert [version.origin for version in overlay.versions] == ["model_output"]
    assert overlay.versions[0].snapshot == {"total_amount": None, "vendor": "Acme"}
    assert [entry.action for entry in overlay.audit] == ["gate_fired"]


def test_wait_for_polls_until_the_gate_has_fired(stack: Stack) -> None:
    client = client_of(stack, "finance")
    run_id = stack.start(stack.declare({}), {"n": 1})
    overlay = client.workflows.reviews.wait_for(run_id, BLOCK, timeout=30, poll_interval=0.05)
    assert overlay.status == "awaiting_review"


def test_an_overlay_that_is_not_there_is_not_found(stack: Stack) -> None:
    with pytest.raises(NotFoundError) as caught:
        client_of(stack, "finance").workflows.reviews.get("run_none", BLOCK)
    error = caught.value
    assert error.status_code == 404
    assert error.message == f"No review overlay found for run_id='run_none' block_id='{BLOCK}'"
    assert error.request_id
    assert (error.code, error.details) == (None, None)


def test_approve_resumes_the_run(stack: Stack) -> None:
    run_id = stack.park()["run_id"]
    answer = client_of(stack, "finance").workflows.reviews.approve(run_id, BLOCK, version_stamp=0)
    assert answer.submission_status == "accepted"
    assert (answer.overlay.status, answer.overlay.effective_seq) == ("approved", 0)
    (decision,) = answer.overlay.decisions
    assert (decision.verdict, decision.on_seq, decision.effective_seq) == ("approved", 0, 0)
    assert decision.decided_by.id == "u_finance"
    assert stack.ended(run_id)["lifecycle"]["status"] == "completed"


def test_approve_with_an_edited_output_that_flows_on(stack: Stack) -> None:
    run_id = stack.park()["run_id"]
    edited = {"total_amount": 325, "vendor": None}
    answer = client_of(stack, "finance").workflows.reviews.approve(
        run_id, BLOCK, version_stamp=0, edited_output=edited
    )
    assert [version.origin for version in answer.overlay.versions] == ["model_output", "human_edit"]
    assert (answer.overlay.head_seq, answer.overlay.effective_seq) == (1, 1)
    stack.ended(run_id)
    assert stack.output_of(f"{run_id}_booking") == edited


def test_edit_and_approve_an_older_version(stack: Stack) -> None:
    run_id = stack.park()["run_id"]
    reviews = client_of(stack, "finance").workflows.reviews
    overlay = reviews.edit(
        run_id, BLOCK, snapshot={"n": 1}, version_stamp=0, origin="agent_edit", note="a guess"
    )
    assert (overlay.rev, overlay.head_seq, overlay.versions[1].note) == (1, 1, "a guess")
    assert overlay.versions[1].origin == "agent_edit"
    answer = reviews.approve(run_id, BLOCK, version_stamp=1, on_seq=1, effective_seq=0)
    assert (answer.overlay.decisions[0].on_seq, answer.overlay.effective_seq) == (1, 0)
    stack.ended(run_id)
    assert stack.output_of(f"{run_id}_booking") == {"total_amount": None, "vendor": "Acme"}


def test_reject_cancels_the_run(stack: Stack) -> None:
    run_id = stack.park()["run_id"]
    answer = client_of(stack, "finance").workflows.reviews.reject(
        run_id, BLOCK, version_stamp=0, reason="the total is wrong"
    )
    assert answer.overlay.status == "rejected"
    assert answer.overlay.decisions[0].reason == "the total is wrong"
    assert stack.ended(run_id)["lifecycle"] == {
        "status": "cancelled",
        "reason": "the total is wrong",
    }


def test_a_rejection_needs_a_reason(stack: Stack) -> None:
    run_id = stack.park()["run_id"]
    with pytest.raises(ValidationError) as caught:
        client_of(stack, "finance").workflows.reviews.reject(
            run_id, BLOCK, version_stamp=0, reason=" "
        )
    assert "reason" in caught.value.body


def test_escalate_is_not_served(stack: Stack) -> None:
    run_id = stack.park()["run_id"]
    with pytest.raises(ValidationError) as caught:
        client_of(stack, "finance").workflows.reviews.escalate(
            run_id, BLOCK, version_stamp=0, reason="over my head", escalate_to="u_legal"
        )
    assert "escalate_to" in caught.value.body


def test_a_stale_stamp_is_a_conflict(stack: Stack) -> None:
    run_id = stack.park()["run_id"]
    reviews = client_of(stack, "finance").workflows.reviews
    reviews.edit(run_id, BLOCK, snapshot={"n": 1}, version_stamp=0)
    with pytest.raises(ConflictError) as caught:
        reviews.approve(run_id, BLOCK, version_stamp=0)
    assert caught.value.message == (
        "Stale version_stamp: overlay is at rev 1, request sent rev 0. "
        "Re-read the overlay and retry."
    )
    overlay = reviews.get(run_id, BLOCK)
    assert overlay.audit[-1].action == "stale_write_rejected"
    assert (overlay.audit[-1].rev_observed, overlay.audit[-1].rev_result) == (0, None)
    answer = reviews.approve(run_id, BLOCK, version_stamp=overlay.version_stamp)
    assert answer.submission_status == "accepted"


def test_a_command_id_is_carried_out_once(stack: Stack) -> None:
    run_id = stack.park()["run_id"]
    reviews = client_of(stack, "finance").workflows.reviews
    for expected in ("accepted", "already_received"):
        answer = reviews.approve(run_id, BLOCK, version_stamp=0, command_id="c-1")
        assert answer.submission_status == expected
    with pytest.raises(ConflictError):
        reviews.reject(run_id, BLOCK, version_stamp=0, reason="no", command_id="c-1")


def test_a_decided_review_is_a_conflict(stack: Stack) -> None:
    run_id = stack.park({"release": {"after": "10m"}})["run_id"]
    reviews = client_of(stack, "finance").workflows.reviews
    reviews.approve(run_id, BLOCK, version_stamp=0)
    again = reviews.approve(run_id, BLOCK, version_stamp=1)
    assert again.submission_status == "already_applied"
    with pytest.raises(ConflictError) as caught:
        reviews.reject(run_id, BLOCK, version_stamp=1, reason="no")
    assert caught.value.message == f"Review {run_id}:{BLOCK} already has a decision."


def test_two_groups_vote_in_turn(stack: Stack) -> None:
    run_id = stack.park({"groups": ["finance", "legal"]})["run_id"]
    first = client_of(stack, "finance").workflows.reviews.approve(run_id, BLOCK, version_stamp=0)
    assert (first.submission_status, first.overlay.status) == ("accepted", "awaiting_review")
    last = client_of(stack, "legal").workflows.reviews.approve(
        run_id, BLOCK, version_stamp=first.overlay.version_stamp
    )
    assert last.overlay.status == "approved"
    assert stack.ended(run_id)["lifecycle"]["status"] == "completed"


def test_claim_and_release(stack: Stack) -> None:
    run_id = stack.park()["run_id"]
    finance = client_of(stack, "finance").workflows.reviews
    legal = client_of(stack, "legal").workflows.reviews
    held = finance.claim(run_id, BLOCK, version_stamp=0, ttl_seconds=60)
    assert held.claim is not None
    assert held.claim.holder.id == "u_finance"
    assert (held.claim.expires_at - held.claim.claimed_at).total_seconds() == 60
    with pytest.raises(ConflictError) as caught:
        legal.claim(run_id, BLOCK, version_stamp=held.version_stamp)
    assert caught.value.message.startswith("This overlay is claimed by ")
    with pytest.raises(ConflictError):
        legal.release(run_id, BLOCK, version_stamp=held.version_stamp)
    released = finance.release(run_id, BLOCK, version_stamp=held.version_stamp)
    assert (released.claim, released.rev) == (None, 2)
    assert legal.claim(run_id, BLOCK, version_stamp=2).claim is not None


def test_list_is_the_queue(stack: Stack) -> None:
    client = client_of(stack, "finance")
    workflow_id = stack.declare({"groups": ["finance"]})
    runs = []
    for number in range(3):
        runs.append(stack.start(workflow_id, {"n": number}))
        until("the review", lambda: stack.reviews_of(runs[-1]))
    queue = client.workflows.reviews.list(workflow_id=workflow_id)
    assert [item.workflow_run_id for item in queue.data] == runs
    assert queue.has_more is False
    page = client.workflows.reviews.list(workflow_id=workflow_id, limit=2)
    assert (len(page.data), page.has_more) == (2, True)
    mine = client.workflows.reviews.list(workflow_id=workflow_id, mine=True)
    assert len(mine.data) == 3
    theirs = client_of(stack, "legal").workflows.reviews.list(workflow_id=workflow_id, mine=True)
    assert theirs.data == []
    client.workflows.reviews.approve(runs[0], BLOCK, version_stamp=0)
    approved = client.workflows.reviews.list(workflow_id=workflow_id, status="approved")
    assert [item.workflow_run_id for item in approved.data] == runs[:1]
    assert client.workflows.reviews.list(workflow_id=workflow_id, status="rejected").data == []


def test_who_may_not_is_told_why(stack: Stack) -> None:
    run_id = stack.park({"groups": ["finance"]})["run_id"]
    with pytest.raises(PermissionDeniedError) as caught:
        client_of(stack, "legal").workflows.reviews.approve(run_id, BLOCK, version_stamp=0)
    assert caught.value.message == "'u_legal' may not decide this review: it needs a member of finance."
    with pytest.raises(AuthenticationError):
        Retab(api_key="nobody's", base_url=f"{stack.url}/v1", max_retries=0).workflows.reviews.list()


def test_of_two_last_votes_at_once_one_is_asked_to_read_again(stack: Stack) -> None:
    run_id = stack.park({"groups": ["finance", "legal"], "min_approvals": 1})["run_id"]
    outcomes: list[str] = []

    def vote(person: str) -> None:
        try:
            answer = client_of(stack, person).workflows.reviews.approve(
                run_id, BLOCK, version_stamp=0
            )
            outcomes.append(answer.submission_status)
        except ConflictError:
            outcomes.append("conflict")

    voters = [threading.Thread(target=vote, args=(who,)) for who in ("finance", "legal")]
    for voter in voters:
        voter.start()
    for voter in voters:
        voter.join()
    assert sorted(outcomes) == ["accepted", "conflict"]
    assert stack.ended(run_id)["lifecycle"]["status"] == "completed"


@pytest.mark.parametrize(
    ("block_type", "snapshot"),
    [
        ("task", {"anything": 1}),
        ("classifier", {"category": "invoice"}),
        ("split", {"documents": [{"name": "a", "pages": [1]}]}),
    ],
)
def test_every_block_type_can_be_read(stack: Stack, block_type: str, snapshot: object) -> None:
    run_id = stack.park(snapshot=snapshot, type=block_type)["run_id"]
    overlay = client_of(stack, "finance").workflows.reviews.get(run_id, BLOCK)
    assert overlay.block_type == ("extract" if block_type == "task" else block_type)
    assert overlay.versions[0].snapshot == snapshot
