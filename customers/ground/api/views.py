"""The base of every resource: it declares, the platform does the rest.

A resource says who may call which action, what each takes and gives, and which rows its caller may
see. Signing in, rights, throttles, unknown parameters, paging, ETags, one act per key and the shape of
every refusal are the same for all and stand here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, ClassVar

from django.db import models
from django.http import Http404, HttpRequest, HttpResponseBase
from django.urls import reverse
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from customers.ground import clock
from customers.ground.api import etags, idempotency, throttles
from customers.ground.api.access import Access, Declared
from customers.ground.api.filters import ClosedFilters, known_to, refuse_unknown
from customers.ground.api.paging import Keyset
from customers.ground.api.problems import handle
from customers.ground.api.schema import Described
from customers.ground.api.serializers import Takes

SAFE = {"GET", "HEAD"}


class Undeclared(Exception):
    """An action of a resource that says nobody who may call it: a fault of the programmer."""


class Resource(GenericViewSet[Any]):
    """One kind of thing under ``/api/v1/``.

    ``list``: mix in :class:`Lists`; ``retrieve``: :class:`Details`. Other actions are methods that
    read ``self.taken()``, call one verb and return ``self.shown(row)`` or ``self.made(row)``.
    """

    access: ClassVar[Mapping[str, Access]] = {}
    """Action → who may call it. Every action that has an address must be here."""
    takes: ClassVar[Mapping[str, Any]] = {}
    """Action → the serializer of its body (none: it takes no body)."""
    gives: ClassVar[Mapping[str, Any]] = {}
    """Action → the serializer of its answer, where it is not ``serializer_class``."""
    answers: ClassVar[Mapping[str, int]] = {"create": 201}
    """Action → its status, where it is not 200."""
    refuses: ClassVar[Mapping[str, Sequence[str]]] = {}
    """Action → the codes of the product's own refusals (409) that it may answer with."""
    asks: ClassVar[Mapping[str, Mapping[str, str]]] = {}
    """Action that is no list → the days that its address may name, each with what it says."""
    examples: ClassVar[Mapping[str, Any]] = {}
    """Action → an example of its body, shown in the documentation."""
    orders: ClassVar[Mapping[str, Sequence[str]]] = {"id": ("id",)}
    """Name → fields of a list's orders; the first is the default."""
    filterset_class: Any = None
    tag: ClassVar[str] = ""
    model: ClassVar[type[models.Model]]
    detail_route: ClassVar[str] = ""
    """The name of the route of one of these, for ``Location``."""

    moves_when_merged: ClassVar[bool] = False
    """Whether an address of these leads on to that of the customer into which theirs was merged."""

    schema = Described()
    permission_classes = [Declared]
    pagination_class = Keyset
    filter_backends = [ClosedFilters]
    throttle_classes = []
    metadata_class = None
    lookup_value_regex = "[0-9]{1,18}"
    http_method_names = ["get", "head", "post", "put", "patch", "delete"]

    @classmethod
    def as_view(cls, actions: Any = None, **initkwargs: Any) -> Any:
        """Return the view, with what it declares; raise :class:`Undeclared` when it does not."""
        if missing := set((actions or {}).values()) - set(cls.access):
            raise Undeclared(f"{cls.__name__} does not say who may call {sorted(missing)}")
        view: Any = super().as_view(actions, **initkwargs)
        view.api_access = {verb.upper(): cls.access[name] for verb, name in actions.items()}
        return view

    # --- What a resource tells -----------------------------------------------------------------
    def rows(self) -> models.QuerySet[Any]:
        """Return the rows that the caller may see: always through ``visible_to``."""
        raise NotImplementedError

    def get_queryset(self) -> models.QuerySet[Any]:
        """Return :meth:`rows`; nothing while the documentation is drawn."""
        if getattr(self, "swagger_fake_view", False):
            return self.model._default_manager.none()
        return self.rows()

    def get_serializer_class(self) -> Any:
        """Return the shape of what this action gives."""
        return self.gives.get(self.action or "", self.serializer_class)

    # --- What a resource uses ------------------------------------------------------------------
    def taken(self) -> dict[str, Any]:
        """Return the values of the body, checked; raises what is wrong with each."""
        serializer = self.takes[self.action](data=self.request.data, context=self.get_serializer_context())
        serializer.is_valid(raise_exception=True)
        values: dict[str, Any] = serializer.validated_data
        return values

    def one(self, *, to_change: bool = False) -> Any:
        """Return the row in the address, or 404 when the caller may not see it.

        ``to_change``: lock it and refuse a caller who has not read the version that stands.
        """
        found = self.get_queryset().filter(pk=self.kwargs["pk"])
        row = found.first()
        if row is None:
            raise Http404
        if to_change:
            # Nobody else may change it between the comparison and the verb.
            list(self.model._default_manager.select_for_update().filter(pk=row.pk).values_list("pk"))
            row = found.first()
            if row is None:  # moved out of her sight while we waited
                raise Http404
            etags.require_match(self.request, etags.of(self.data_of(row)))
        return row

    def data_of(self, row: Any) -> Any:
        """Return a row in the shape in which this resource shows one."""
        return self.serializer_class(row, context=self.get_serializer_context()).data

    def shown(self, row: Any, *, status: int = 200) -> Response:
        """Answer with a row, as it stands after the act, and its ETag."""
        data = self.data_of(self.get_queryset().filter(pk=row.pk).first() or row)
        return Response(data, status=status, headers={"ETag": etags.of(data)})

    def made(self, row: Any) -> Response:
        """Answer 201 with a new row, its address and its ETag."""
        response = self.shown(row, status=201)
        if self.detail_route:
            response["Location"] = reverse(self.detail_route, args=[row.pk])
        return response

    # --- How a call runs -----------------------------------------------------------------------
    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Run one call: checks, then the action (once for each key), then the answer."""
        self.args, self.kwargs = args, kwargs
        self.request = call = self.initialize_request(request, *args, **kwargs)
        self.headers: dict[str, str] = {}
        try:
            self.initial(call, *args, **kwargs)
            handler = getattr(self, str(request.method).lower())
            if request.method in SAFE:
                response = handler(call, *args, **kwargs)
            else:
                act = partial(self.act, handler, call, *args, **kwargs)
                response = idempotency.once(call, act, at=clock.real_now())
        except Exception as error:
            response = self.handle_exception(error)
        self.response = self.finalize_response(call, response, *args, **kwargs)
        return self.response

    def act(self, handler: Callable[..., Response], request: Request, *args: Any, **kwargs: Any) -> Response:
        """Run an action that changes something; one that takes no body refuses what is sent all the same."""
        if self.takes.get(self.action) is None:
            Takes(data=request.data).is_valid(raise_exception=True)
        return handler(request, *args, **kwargs)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Check the call before anything is read: rate, sign-in, rights, parameters."""
        limits, now = throttles.limits(), clock.real_now()
        self.headers |= throttles.count(
            f"address:{throttles.address_of(request)}", limit=limits["address"], at=now
        )
        super().initial(request, *args, **kwargs)
        known = (
            known_to(self.filterset_class) if self.action == "list" else set(self.asks.get(self.action, ()))
        )
        refuse_unknown(request, known)

    def perform_authentication(self, request: Request) -> None:
        """Find out who calls, and count the call."""
        super().perform_authentication(request)
        if request.user.is_authenticated:
            holder = f"token:{request.auth.pk}" if request.auth is not None else f"user:{request.user.pk}"
            limits = throttles.limits()
            self.headers |= throttles.count(holder, limit=limits["token"], at=clock.real_now())

    @property
    def default_response_headers(self) -> dict[str, str]:
        """Return the headers of every answer."""
        return {
            "Vary": "Accept, Accept-Language, Authorization, Cookie",
            "Cache-Control": "private, no-cache",
        }

    def get_exception_handler(self) -> Any:
        """Answer every refusal in the one shape."""
        return handle

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """Add the headers of the throttles, and to 405 what is allowed."""
        if response.status_code == 405:
            response["Allow"] = ", ".join(self.allowed_methods)
        for name, value in {**self.default_response_headers, **self.headers}.items():
            if name not in response:
                response[name] = value
        return super().finalize_response(request, response, *args, **kwargs)


class Lists:
    """A resource that lists its rows."""

    def list(self: Any, request: Request) -> Response:
        """List them, page by page."""
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)


class Details:
    """A resource that shows one of its rows."""

    def retrieve(self: Any, request: Request, pk: str) -> Response:
        """Show one."""
        data = self.data_of(self.one())
        tag = etags.of(data)
        if etags.is_known(request, tag):
            return Response(status=304, headers={"ETag": tag})
        return Response(data, headers={"ETag": tag})
