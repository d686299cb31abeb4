"""What the tests of every client share: the running stack, its people, and runs that wait at a gate."""

import os
import time
import uuid
from collections.abc import Callable
from typing import Any, TypeVar

import httpx
import pytest

T = TypeVar("T")

URL = os.environ["COUNTERSIGN_URL"]
PATIENCE_S = 30.0


def until(what: str, look: Callable[[], T | None]) -> T:
    """Waits for a condition, never for a time."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.05)


class Stack:
    """The server under test, for what the clients have no method of their own."""

    def __init__(self) -> None:
        self.url = URL
        self.http = httpx.Client(
            base_url=URL, headers={"authorization": f"Bearer {self.token('admin')}"}
        )

    def token(self, person: str) -> str:
        return os.environ[f"COUNTERSIGN_TOKEN_{person.upper()}"]

    def declare(self, review: dict[str, Any], **block: Any) -> str:
        """Stores a workflow of one gated block and another that passes on what was approved."""
        workflow_id = f"wf_{uuid.uuid4().hex}"
        gated = {
            "id": "extract_invoice",
            "type": "extract",
            "label": "Extract",
            "executor": {"kind": "supplied"},
            "review": review,
            **block,
        }
        after = {
            "id": "booking",
            "type": "task",
            "label": "Booking",
            "executor": {"kind": "pass"},
            "needs": [gated["id"]],
        }
        answer = self.http.put(f"/v1/workflows/{workflow_id}", json={"blocks": [gated, after]})
        assert answer.status_code == 200, answer.text
        return workflow_id

    def start(self, workflow_id: str, snapshot: Any, block_id: str = "extract_invoice") -> str:
        body = {"workflow_id": workflow_id, "json_inputs": {block_id: snapshot}}
        answer = self.http.post("/v1/workflows/runs", json=body)
        assert answer.status_code == 202, answer.text
        return answer.json()["id"]

    def reviews_of(self, run_id: str) -> list[dict[str, Any]]:
        query = {"run_id": run_id, "decision_status": "all"}
        return self.http.get("/v1/workflows/reviews", params=query).json()["data"]

    def park(
        self, review: dict[str, Any] | None = None, snapshot: Any = None, **block: Any
    ) -> dict[str, Any]:
        """Starts a run and waits until its gate has opened; gives the review."""
        workflow_id = self.declare(review or {}, **block)
        shown = snapshot if snapshot is not None else {"total_amount": None, "vendor": "Acme"}
        run_id = self.start(workflow_id, shown, block.get("id", "extract_invoice"))
        return until("the review", lambda: self.reviews_of(run_id))[0]

    def run(self, run_id: str) -> dict[str, Any]:
        return self.http.get(f"/v1/workflows/runs/{run_id}").json()

    def output_of(self, step_id: str) -> Any:
        step = self.http.get(f"/v1/workflows/steps/{step_id}").json()
        return step["handle_outputs"]["output-json-0"]["data"]

    def ended(self, run_id: str) -> dict[str, Any]:
        """Waits until a run has ended, and gives it."""
        return until(
            "the end of the run",
            lambda: (run := self.run(run_id))["timing"]["completed_at"] is not None and run,
        )


@pytest.fixture(scope="session")
def stack() -> Stack:
    return Stack()
