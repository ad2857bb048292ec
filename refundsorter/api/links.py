"""Where an answer leads to: the links of the description, by which a client finds its way from it alone."""

from typing import Any

OF_IMAGE = {
    "show_image": "What is known of it.",
    "show_content": "The file itself.",
    "show_thumbnail": "A small picture of it.",
    "retry": "Try it again now.",
    "correct": "Put it right.",
}
OF_JOB = {"show_job": "How it stands.", "cancel_job": "End it."}


def to_image(number: str) -> dict[str, Any]:
    """To everything about a photo whose number stands in the answer, at a JSON pointer (RFC 6901)."""
    return _links(OF_IMAGE, "image", number)


def to_job(number: str) -> dict[str, Any]:
    """Likewise, about a job."""
    return _links(OF_JOB, "number", number)


def to_next_page(operation: str, pointer: str = "/next") -> dict[str, Any]:
    """To the page that follows, of the same list."""
    following = {"operationId": operation, "parameters": {"cursor": f"$response.body#{pointer}"}}
    return {"next": {**following, "description": "The next page, where `next` is not null."}}


def _links(operations: dict[str, str], parameter: str, pointer: str) -> dict[str, Any]:
    return {
        operation: {
            "operationId": operation,
            "parameters": {parameter: f"$response.body#{pointer}"},
            "description": about,
        }
        for operation, about in operations.items()
    }
