"""What the documentation says of a resource: drawn from its declarations, so that both agree."""

from __future__ import annotations

import re
from typing import Any

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse
from rest_framework import serializers

from customers.ground import money
from customers.ground.api.problems import MEDIA_TYPE

_ALWAYS = {
    400: "the request is malformed, or has an unknown parameter",
    401: "no token, or one that is not good any more",
    403: "the role or the scope does not allow it",
    404: "nothing there, or nothing that the caller may see",
    405: "not a method of this address",
    406: "another format than JSON was asked for",
    429: "too many calls; see Retry-After",
    500: "a failure on our side",
    503: "the database is busy; try again",
}
_UNSAFE = {
    409: "refused by the rules of the product, or still in progress",
    413: "the body is too large",
    415: "not JSON",
    422: "the Idempotency-Key was used for another request",
    428: "Idempotency-Key (or If-Match) is missing",
}


class ErrorPlace(serializers.Serializer[Any]):
    """One thing that is wrong with a request."""

    pointer = serializers.CharField(required=False, help_text="Where in the body, as a JSON pointer.")
    parameter = serializers.CharField(required=False, help_text="Which parameter of the address.")
    code = serializers.CharField(help_text="What is wrong, for programs.")
    message = serializers.CharField(help_text="What is wrong, in the caller's language.")


class ProblemShape(serializers.Serializer[Any]):
    """A refusal (RFC 9457)."""

    type = serializers.CharField(help_text="urn:liuke:problem: and the code.")
    title = serializers.CharField(help_text="The status in words.")
    status = serializers.IntegerField()
    code = serializers.CharField(help_text="Stable: programs decide by it.")
    detail = serializers.CharField(help_text="What happened, in the caller's language.")
    request_id = serializers.CharField(allow_blank=True, help_text="Name it when you ask for help.")
    errors = ErrorPlace(many=True, required=False)  # type: ignore[assignment]


def _header(name: str, text: str, *, required: bool) -> OpenApiParameter:
    return OpenApiParameter(name, str, OpenApiParameter.HEADER, required=required, description=text)


class Described(AutoSchema):
    """Reads ``access``, ``takes``, ``gives``, ``refuses`` and ``examples`` of a resource."""

    view: Any

    @property
    def _access(self) -> Any:
        return self.view.access[self.view.action]

    def get_tags(self) -> list[str]:
        """Return the resource's heading."""
        return [self.view.tag]

    def get_operation_id(self) -> str:
        """Return the route's name and the action: ``customers_list``."""
        stem = re.sub(r"^/api/v1/", "", self.path)
        words = [word for word in re.split(r"[/-]", stem) if word and not word.startswith("{")]
        action = self.view.action
        return "_".join(words if words[-1] == action else [*words, action]).replace("-", "_")

    def get_summary(self) -> str:
        """Return the first line of the action's docstring; lists and details are named by their path."""
        things = self.path.split("/")[3].replace("-", " ")
        if self.view.action == "list":
            return f"List {things}"
        if self.view.action == "retrieve":
            return f"Show one of the {things}"
        return (getattr(self.view, self.view.action).__doc__ or "").strip().split("\n")[0].rstrip(".")

    def get_description(self) -> str:  # type: ignore[override]
        """Return the rest of the docstring, who may call it, and its own refusals."""
        doc = (getattr(self.view, self.view.action).__doc__ or "").strip()
        rest = " ".join(line.strip() for line in doc.split("\n")[1:] if line.strip())
        scope = f"Scope: `{self._access.scope}`. " if self._access.scope else ""
        roles = ", ".join(f"`{role}`" for role in sorted(self._access.roles))
        refusals = ", ".join(f"`{code}`" for code in self.view.refuses.get(self.view.action, ()))
        lines = [rest, f"{scope}Roles: {roles}.", f"Refusals (409): {refusals}." if refusals else ""]
        return "\n\n".join(line for line in lines if line)

    def get_override_parameters(self) -> list[Any]:
        """Return the headers that the platform reads, and the days that the address may name."""
        found = []
        if self.method not in {"GET", "HEAD"}:
            found.append(
                _header(
                    "Idempotency-Key",
                    "A name of your own for this one call, for example a UUID.",
                    required=True,
                )
            )
        if self.view.action in self.matched:
            found.append(_header("If-Match", "The ETag that you read.", required=True))
        if self.view.action == "retrieve":
            found.append(
                _header(
                    "If-None-Match",
                    "The ETag that you have; the answer is 304 if it still holds.",
                    required=False,
                )
            )
        for name, text in self.view.asks.get(self.view.action, {}).items():
            found.append(OpenApiParameter(name, OpenApiTypes.DATE, description=text))
        return found

    @property
    def matched(self) -> set[str]:
        """Return the actions that need ``If-Match``."""
        return {"partial_update", "update", *getattr(self.view, "needs_match", ())}

    def get_request_serializer(self) -> Any:
        """Return what the action takes (``documents``: where it is read in another way than it is told)."""
        action = self.view.action
        return getattr(self.view, "documents", {}).get(action) or self.view.takes.get(action)

    def get_response_serializers(self) -> Any:
        """Return what the action gives, and every refusal."""
        status = self.view.answers.get(self.view.action, 200)
        gives = self.view.get_serializer_class()
        if self.view.action == "list":
            gives = gives(many=True)
        found: dict[Any, Any] = {status: gives if status != 204 else None}
        if self.view.action == "retrieve":
            found[304] = OpenApiResponse(description="what you have still holds")
        if self.view.moves_when_merged and "{" in self.path:
            found[307] = OpenApiResponse(
                description="merged into another: the same is found there, see Location"
            )
        refusals = dict(_ALWAYS)
        if self.method not in {"GET", "HEAD"}:
            refusals |= _UNSAFE
        if self.view.refuses.get(self.view.action):
            refusals[409] = _UNSAFE[409]
        if self.view.action in self.matched:
            refusals[412] = "changed since it was read"
        for code, text in sorted(refusals.items()):
            found[code, MEDIA_TYPE] = OpenApiResponse(ProblemShape, description=text)
        return found

    def get_examples(self) -> list[Any]:
        """Return the example of the body."""
        example = self.view.examples.get(self.view.action)
        return [OpenApiExample("example", value=example, request_only=True)] if example is not None else []


def compact(result: dict[str, Any], **_kwargs: Any) -> dict[str, Any]:
    """Say once what is said a hundred times: refusals and long lists of codes become components."""
    said: dict[str, Any] = {}
    for operations in result["paths"].values():
        for operation in operations.values():
            for parameter in operation.get("parameters", []):
                if parameter["in"] == "path" and parameter["schema"].get("pattern") == "^[0-9]{1,18}$":
                    parameter["schema"] = {"type": "integer", "minimum": 0, "maximum": 10**18 - 1}
            for status, response in operation["responses"].items():
                if MEDIA_TYPE in response.get("content", {}):
                    name = f"Refused{status}"
                    said[name] = response
                    operation["responses"][status] = {"$ref": f"#/components/responses/{name}"}
    components = result["components"]
    components["responses"] = dict(sorted(said.items()))
    _forget_ranges([components, result["paths"]])
    currencies = sorted(money.EXPONENTS)
    _name_list([components, result["paths"]], currencies, "Currency")
    components["schemas"]["Currency"] = {
        "type": "string",
        "enum": currencies,
        "description": "ISO 4217.",
    }
    return result


_RANGES = {2**15 - 1, 2**31 - 1, 2**63 - 1}


def _forget_ranges(node: Any) -> None:
    """Drop how large a column's numbers may be where nobody writes them, or a list says it.

    It differs from database to database, and the document may not.
    """
    if isinstance(node, list):
        for item in node:
            _forget_ranges(item)
    if not isinstance(node, dict):
        return
    for inner in node.values():
        _forget_ranges(inner)
    if node.get("maximum") in _RANGES and (node.get("readOnly") or "enum" in node):
        for name in ("maximum", "minimum", "format"):
            node.pop(name, None)


def _name_list(node: Any, values: list[str], name: str) -> None:
    """Replace each list of just these codes (and perhaps null) by a reference."""
    if isinstance(node, list):
        for item in node:
            _name_list(item, values, name)
    if not isinstance(node, dict):
        return
    node.pop("x-spec-enum-id", None)
    for inner in node.values():
        _name_list(inner, values, name)
    listed = node.get("enum")
    if isinstance(listed, list) and [code for code in listed if code] == values:
        described = {"description": node["description"]} if "description" in node else {}
        reference = {"$ref": f"#/components/schemas/{name}"}
        nullable = None in listed or "null" in node.get("type", ())
        node.clear()
        node.update({"anyOf": [reference, {"type": "null"}]} if nullable else reference, **described)
