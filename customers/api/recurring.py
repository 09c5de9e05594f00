"""Files that come again, sent with the token of a recurring import."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework import serializers
from rest_framework.authentication import BaseAuthentication
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from customers.api.auth import SCHEME, TokenRefused
from customers.api.imports import ImportShape
from customers.ground import clock
from customers.ground.api.access import may
from customers.ground.api.parsing import StrictJSONParser
from customers.ground.api.serializers import Takes
from customers.ground.api.views import Resource
from customers.imports import recurring
from customers.models import ImportBatch, ImportProfile, User

SCOPE = "imports:write"


@dataclass(frozen=True)
class UploadKey:
    """What an upload token is good for: this one thing."""

    profile: ImportProfile
    scopes: tuple[str, ...] = (SCOPE,)

    @property
    def pk(self) -> str:
        """Return by what its calls are counted."""
        return f"profile-{self.profile.pk}"


class UploadSignIn(BaseAuthentication):
    """``Authorization: Bearer liukeup_…``."""

    def authenticate(self, request: Request) -> tuple[User, UploadKey] | None:
        """Return whose import it is, and the token's use; nothing without the header."""
        scheme, _blank, secret = request.headers.get("Authorization", "").partition(" ")
        if not scheme:
            return None
        profile = recurring.profile_of(secret.strip()) if scheme.lower() == SCHEME.lower() else None
        if profile is None:
            raise TokenRefused("token_unknown")
        return profile.by, UploadKey(profile)

    def authenticate_header(self, request: Request) -> str:
        """Tell what to send (401)."""
        return f'{SCHEME} realm="liuke"'


class UploadScheme(OpenApiAuthenticationExtension):
    """Describes upload tokens for OpenAPI."""

    target_class = UploadSignIn
    name = "upload"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        """Return the scheme."""
        return {
            "type": "http",
            "scheme": "bearer",
            "description": "The token of a recurring import, made under /imports/recurring/.",
        }


class RecurringUpload(Takes):
    """The file, of the same form as the one that the recurring import was saved from."""

    file = serializers.FileField(max_length=255)


class RecurringUploads(Resource):
    tag = "imports"
    model = ImportBatch
    serializer_class = ImportShape
    authentication_classes = [UploadSignIn]
    parser_classes = [StrictJSONParser, MultiPartParser]
    access = {"create": may("admin", "team_lead", scope=SCOPE)}
    takes = {"create": RecurringUpload}
    refuses = {"create": ["upload_too_large", "empty_file", "not_text", "encoding", "old_workbook"]}

    def create(self, request: Request) -> Response:
        """Send a file to a recurring import, with its own token; it lands with the saved columns."""
        key: Any = request.auth
        batch = recurring.receive(key.profile, self.taken()["file"], at=clock.now())
        return Response(self.data_of(batch), status=201)
