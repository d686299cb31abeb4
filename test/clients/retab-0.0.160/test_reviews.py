"""Reviews and versions through the published client, unmodified."""

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

UNKNOWN_VERSION = "rvr_AAAAAAAAAAAAAAAAAAAAAAAAAA"


def client_of(stack: Stack, person: str) -> Retab:
    return Retab(api_key=stack.token(person), base_url=stack.url, max_retries=0)


def seed_of(client: Retab, review_id: str) -> str:
    return client.workflows.reviews.versions.list(review_id)[0].id


def test_get_gives_the_review_that_waits(stack: Stack) -> None:
    parked = stack.park()
    review = client_of(stack, "finance").workflows.reviews.get(parked["id"])
    assert review.id == parked["id"]
    assert review.run_id == parked["run_id"]
    assert review.block_id == "extract_invoice"
    assert review.step_id == f"{parked['run_id']}_extract_invoice"
    assert review.decision is None
    assert review.triggered_by.kind == "always"


def test_approve_resumes_the_run_and_the_approved_output_flows_on(stack: Stack) -> None:
    parked = stack.park()
    client = client_of(stack, "finance")
    answer = client.workflows.reviews.approve(parked["id"], seed_of(client, parked["id"]))
    assert answer.submission_status == "accepted"
    assert answer.resume_status == "resumed"
    assert answer.resume_error is None
    assert answer.review.decision is not None
    assert answer.review.decision.verdict == "approved"
    assert answer.review.decision.author.id == "u_finance"
    assert stack.ended(parked["run_id"])["lifecycle"]["status"] == "completed"
    approved = {"total_amount": None, "vendor": "Acme"}
    assert stack.output_of(f"{parked['run_id']}_booking") == approved


def test_approve_again_is_already_applied_and_another_verdict_a_conflict(stack: Stack) -> None:
    parked = stack.park()
    client = client_of(stack, "finance")
    seed = seed_of(client, parked["id"])
    client.workflows.reviews.approve(parked["id"], seed)
    again = client.workflows.reviews.approve(parked["id"], seed)
    assert again.submission_status == "already_applied"
    conflict = client.workflows.reviews.reject(parked["id"], seed, "too late")
    assert conflict.submission_status == "conflict"
    assert conflict.resume_status == "skipped"
    assert conflict.resume_error == f"Review {parked['id']} already has a decision."
    assert conflict.review.decision is not None
    assert conflict.review.decision.verdict == "approved"


def test_reject_cancels_the_run_with_its_reason(stack: Stack) -> None:
    parked = stack.park()
    client = client_of(stack, "finance")
    answer = client.workflows.reviews.reject(
        parked["id"], seed_of(client, parked["id"]), "the total is wrong"
    )
    assert answer.review.decision is not None
    assert answer.review.decision.verdict == "rejected"
    assert answer.review.decision.reason == "the total is wrong"
    run = client.workflows.runs.get(stack.ended(parked["run_id"])["id"])
    assert run.lifecycle.status == "cancelled"
    assert run.lifecycle.reason == "the total is wrong"


def test_of_two_groups_the_decision_is_null_until_both_have_voted(stack: Stack) -> None:
    parked = stack.park({"groups": ["finance", "legal"]})
    finance, legal = client_of(stack, "finance"), client_of(stack, "legal")
    seed = seed_of(finance, parked["id"])
    first = finance.workflows.reviews.approve(parked["id"], seed)
    assert (first.submission_status, first.review.decision) == ("accepted", None)
    last = legal.workflows.reviews.approve(parked["id"], seed)
    assert last.review.decision is not None
    assert last.review.decision.author.id == "u_legal"


def test_a_corrected_version_is_what_flows_on(stack: Stack) -> None:
    parked = stack.park()
    client = client_of(stack, "finance")
    reviews = client.workflows.reviews
    corrected = {"total_amount": 325, "vendor": "Acme", "tax": None}
    seed = seed_of(client, parked["id"])
    version = reviews.versions.create(parked["id"], seed, corrected, note="read off the PDF")
    assert version.parent_id == seed
    assert version.snapshot == corrected
    assert version.note == "read off the PDF"
    assert reviews.versions.get(version.id) == version
    assert reviews.versions.create(parked["id"], seed, corrected).id == version.id
    reviews.approve(parked["id"], version.id, acknowledged_superseded_version_ids=[seed])
    stack.ended(parked["run_id"])
    assert stack.output_of(f"{parked['run_id']}_booking") == corrected


def test_a_parent_conflict_says_which_parents(stack: Stack) -> None:
    parked = stack.park()
    client = client_of(stack, "finance")
    versions = client.workflows.reviews.versions
    seed = seed_of(client, parked["id"])
    one = versions.create(parked["id"], seed, {"n": 1})
    two = versions.create(parked["id"], seed, {"n": 2})
    with pytest.raises(ConflictError) as caught:
        versions.create(parked["id"], one.id, {"n": 2})
    assert caught.value.code == "parent_conflict"
    assert caught.value.details == {
        "version_id": two.id,
        "existing_parent_id": seed,
        "requested_parent_id": one.id,
    }


def test_superseded_versions_must_be_acknowledged_where_the_gate_says_so(stack: Stack) -> None:
    parked = stack.park({"acknowledge_superseded": True})
    client = client_of(stack, "finance")
    reviews = client.workflows.reviews
    seed = seed_of(client, parked["id"])
    one = reviews.versions.create(parked["id"], seed, {"n": 1})
    two = reviews.versions.create(
        parked["id"], seed, {"n": 2}, acknowledged_superseded_version_ids=[one.id]
    )
    with pytest.raises(ConflictError) as caught:
        reviews.approve(parked["id"], two.id)
    assert caught.value.code == "superseded_versions"
    assert caught.value.details == {"version_ids": [one.id]}
    answer = reviews.approve(
        parked["id"], two.id, acknowledged_superseded_version_ids=[one.id]
    )
    assert answer.submission_status == "accepted"


def test_lists_are_paged_to_the_last_page_and_end_there(stack: Stack) -> None:
    client = client_of(stack, "finance")
    workflow_id = stack.declare({})
    runs = [stack.start(workflow_id, {"n": n}) for n in range(5)]
    for run_id in runs:
        until("the review", lambda run_id=run_id: stack.reviews_of(run_id))
    for limit in (1, 2, 5, 50):
        page = client.workflows.reviews.list(workflow_id=workflow_id, limit=limit)
        seen = [review.run_id for review in page]
        assert sorted(seen) == sorted(runs)
    last = client.workflows.reviews.list(workflow_id=workflow_id, limit=5)
    assert (last.has_more, last.list_metadata.after) == (False, None)
    newest = client.workflows.reviews.list(workflow_id=workflow_id, order="desc", limit=1)[0]
    before = client.workflows.reviews.list(workflow_id=workflow_id, before=newest.id)
    assert len(before) == 4
    steps = client.workflows.steps.list(workflow_id=workflow_id, limit=3)
    assert len(list(steps)) == 10
    assert {run.id for run in client.workflows.runs.list(workflow_id=workflow_id, limit=2)} == set(
        runs
    )


def test_versions_are_paged_to_the_last_page(stack: Stack) -> None:
    parked = stack.park()
    client = client_of(stack, "finance")
    versions = client.workflows.reviews.versions
    seed = seed_of(client, parked["id"])
    made = [versions.create(parked["id"], seed, {"n": n}).id for n in range(4)]
    listed = [version.id for version in versions.list(parked["id"], limit=2)]
    assert listed == [seed, *made]


@pytest.mark.parametrize("status", ["pending", "approved", "rejected", "decided", "cancelled", "all"])
def test_every_decision_status_lists_rows_that_the_client_can_read(
    stack: Stack, status: str
) -> None:
    client = client_of(stack, "finance")
    page = client.workflows.reviews.list(decision_status=status, limit=200)
    for review in page.data:
        decided = review.decision.verdict if review.decision else None
        assert status in ("all", "cancelled") or (decided or "pending") == status or (
            status == "decided" and decided is not None
        )


def test_filters_are_combined(stack: Stack) -> None:
    parked = stack.park()
    client = client_of(stack, "finance")
    found = client.workflows.reviews.list(
        workflow_id=parked["workflow_id"],
        run_id=parked["run_id"],
        block_id="extract_invoice",
        step_id=parked["step_id"],
    )
    assert [review.id for review in found] == [parked["id"]]
    nothing = client.workflows.reviews.list(run_id=parked["run_id"], block_id="booking")
    assert list(nothing) == []


def test_an_unknown_review_and_an_unknown_version(stack: Stack) -> None:
    client = client_of(stack, "finance")
    with pytest.raises(NotFoundError) as caught:
        client.workflows.reviews.get("rev_AAAAAAAAAAAAAAAAAAAAAAAAAA")
    assert (caught.value.status_code, caught.value.code) == (404, "review_not_found")
    assert caught.value.request_id
    parked = stack.park()
    with pytest.raises(NotFoundError) as caught:
        client.workflows.reviews.approve(parked["id"], UNKNOWN_VERSION)
    assert caught.value.code == "version_not_found"
    assert UNKNOWN_VERSION in caught.value.message


def test_who_may_not_is_told_why(stack: Stack) -> None:
    parked = stack.park({"groups": ["finance"]})
    legal = client_of(stack, "legal")
    with pytest.raises(PermissionDeniedError) as caught:
        legal.workflows.reviews.approve(parked["id"], seed_of(legal, parked["id"]))
    assert caught.value.code == "not_eligible"
    assert caught.value.message == "'u_legal' may not decide this review: it needs a member of finance."


def test_a_malformed_request_is_a_validation_error(stack: Stack) -> None:
    parked = stack.park()
    client = client_of(stack, "finance")
    with pytest.raises(ValidationError) as caught:
        client.workflows.reviews.reject(parked["id"], seed_of(client, parked["id"]), "  ")
    assert caught.value.status_code == 422
    assert "reason" in caught.value.body


def test_a_wrong_token_is_an_authentication_error(stack: Stack) -> None:
    client = Retab(api_key="nobody's", base_url=stack.url, max_retries=0)
    with pytest.raises(AuthenticationError) as caught:
        client.workflows.reviews.list()
    assert caught.value.code == "unauthenticated"


def test_a_cancelled_review_is_a_conflict(stack: Stack) -> None:
    parked = stack.park()
    client = client_of(stack, "admin")
    client.workflows.runs.cancel(parked["run_id"])
    with pytest.raises(ConflictError) as caught:
        client.workflows.reviews.approve(parked["id"], seed_of(client, parked["id"]))
    assert caught.value.code == "review_cancelled"
    assert client.workflows.reviews.get(parked["id"]).cancelled_at is not None


@pytest.mark.parametrize(
    ("block_type", "snapshot"),
    [
        ("task", {"anything": [1, 2]}),
        ("classifier", {"category": "invoice"}),
        ("split", {"documents": [{"name": "a", "pages": [1]}]}),
    ],
)
def test_every_block_type_can_be_read(stack: Stack, block_type: str, snapshot: object) -> None:
    parked = stack.park(snapshot=snapshot, type=block_type)
    client = client_of(stack, "finance")
    review = client.workflows.reviews.get(parked["id"])
    assert review.block_type == ("extract" if block_type == "task" else block_type)
    assert client.workflows.reviews.versions.list(parked["id"])[0].snapshot == snapshot
