"""CacheCore's tokens: JWTs that say whose answers a request may be served, and under which policy."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, List, Mapping, Optional, Sequence, Tuple

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from ..._calls import Json
from .._parts import readable_file
from .._table import Table, only_one
from ..secrets import SecretFile, from_environment

HMAC = "HS256"
_PUBLIC = {"RS256": RSAPublicKey, "ES256": EllipticCurvePublicKey}
# RFC 7518, 3.2: a shared secret is not shorter than the hash.
SECRET_BYTES_MIN = 32
# Clocks of two machines differ by so much.
LEEWAY_SECONDS = 10
TOKEN_CHARACTERS_MAX = 16_384
TENANT_CHARACTERS_MAX = 512


class BadToken(Exception):
    """Why a token lets nobody in; holds nothing of the token."""


@dataclass(frozen=True)
class TokenKey:
    """``in_force`` gives the keys; each is for this algorithm alone, so that no public key is ever taken for a secret."""

    algorithm: str
    in_force: Callable[[], Sequence[Any]] = field(repr=False)


def token_key(table: Table, folder: Path) -> TokenKey:
    algorithm = table.choice("algorithm", (HMAC, *_PUBLIC), HMAC)
    file, variable, public = table.text("secret_file"), table.text("secret_environment"), None
    if algorithm != HMAC:
        public = readable_file(table, "public_key_file", folder)
    table.done()
    only_one(table, secret_file=file, secret_environment=variable)
    if algorithm != HMAC:
        if file or variable:
            raise table.fault("secret_file" if file else "secret_environment", f"means nothing with {algorithm}")
        if public is None:
            raise table.fault("public_key_file", f"must name the public key for {algorithm}, in PEM")
        return TokenKey(algorithm, _public_key(table, algorithm, public))
    if file is not None:
        held = SecretFile(folder / file)
        _check_length(table, "secret_file", held.lines())
        return TokenKey(algorithm, held.lines)
    if variable is None:
        raise table.fault("secret_file", f"or secret_environment must name the secret for {algorithm}")
    value = from_environment(variable, table.where("secret_environment"))
    _check_length(table, "secret_environment", [value])
    return TokenKey(algorithm, lambda: (value,))


def _check_length(table: Table, key: str, secrets: Sequence[str]) -> None:
    if any(len(secret.encode("utf-8")) < SECRET_BYTES_MIN for secret in secrets):
        raise table.fault(key, f"names a secret of less than {SECRET_BYTES_MIN} bytes, which can be guessed")


def _public_key(table: Table, algorithm: str, path: Path) -> Callable[[], Sequence[Any]]:
    try:
        key = load_pem_public_key(path.read_bytes())
    except (OSError, ValueError) as error:
        raise table.fault("public_key_file", f"names {path}, which is no public key in PEM") from error
    if not isinstance(key, _PUBLIC[algorithm]):
        raise table.fault("public_key_file", f"names {path}, which is no key for {algorithm}")
    return lambda: (key,)


@dataclass(frozen=True)
class Claims:
    tenant: str
    policy: Json  # part of the key: answers for one policy are never served to another


class Tokens:
    """Checks tokens. Keeps nothing of them."""

    def __init__(self, keys: Tuple[TokenKey, ...], audience: Optional[str], issuer: Optional[str]) -> None:
        self._keys, self._audience, self._issuer = keys, audience, issuer

    def claims(self, token: str) -> Claims:
        """Raises BadToken."""
        if len(token) > TOKEN_CHARACTERS_MAX:
            raise BadToken("the token is too long")
        try:
            algorithm = jwt.get_unverified_header(token).get("alg")
        except jwt.PyJWTError as error:
            raise BadToken("the token is no JWT") from error
        for one in self._keys:
            if one.algorithm != algorithm:
                continue
            for key in one.in_force():
                found = self._decoded(token, one.algorithm, key)
                if found is not None:
                    return _claims(found)
        raise BadToken("the token is signed by nobody whom this gateway knows")

    def _decoded(self, token: str, algorithm: str, key: Any) -> Optional[Mapping[str, Any]]:
        """None if another key signed it."""
        checks: Any = {"require": ["exp"], "verify_aud": self._audience is not None}
        try:
            found: Mapping[str, Any] = jwt.decode(
                token, key, [algorithm], options=checks, audience=self._audience, issuer=self._issuer, leeway=LEEWAY_SECONDS
            )
            return found
        except jwt.InvalidSignatureError:
            return None
        except jwt.ExpiredSignatureError as error:
            raise BadToken("the token has expired") from error
        except jwt.MissingRequiredClaimError as error:
            raise BadToken(f"the token has no claim {error.claim}") from error
        except jwt.PyJWTError as error:
            raise BadToken(f"the token is not valid ({type(error).__name__})") from error


def _claims(found: Mapping[str, Any]) -> Claims:
    tenant = found.get("tenant_id")
    if isinstance(tenant, int) and not isinstance(tenant, bool):
        tenant = str(tenant)
    if not isinstance(tenant, str) or not tenant.strip() or len(tenant) > TENANT_CHARACTERS_MAX:
        raise BadToken("the token has no claim tenant_id that is a text")
    policy: Json = {"version": str(found.get("policy_version", ""))}
    for name in ("permissions", "roles", "scope"):
        if found.get(name) is not None:
            policy["permissions"] = _names(found[name])
            break
    return Claims(tenant, policy)


def _names(value: Any) -> List[str]:
    """Permissions, whatever their order: a list, or one text with spaces between them."""
    if isinstance(value, str):
        return sorted(set(value.split()))
    if isinstance(value, list) and all(isinstance(item, (str, int)) for item in value):
        return sorted({str(item) for item in value})
    raise BadToken("the token's permissions are no list of texts")
