"""OAuth clients of the emulator, and the identity of the tenants they belong to."""

import hashlib
import hmac
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field

DEFAULT_TENANT = "12345"

_ENTITY_NAMESPACE = uuid.UUID("6f7c2f0e-3d43-5c0c-9d44-0b1f6b6b2a57")


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    client_id: str
    secret: str = field(repr=False)
    tenant: str


def parse_client(text: str) -> Client:
    """Read ``ID:SECRET@TENANT``. The secret may hold any character: the first ``:`` and the last ``@`` divide."""
    credentials, at, tenant = text.rpartition("@")
    client_id, colon, secret = credentials.partition(":")
    if not (at and colon and client_id and secret):
        raise ValueError("A client is written ID:SECRET@TENANT, none of the three empty.")
    check_tenant(tenant)
    return Client(client_id=client_id, secret=secret, tenant=tenant)


def check_tenant(tenant: str) -> None:
    if not (tenant.isascii() and tenant.isdecimal() and len(tenant) <= 20):
        raise ValueError("A tenant id is a number of at most 20 digits.")


def check_clients(clients: Sequence[Client]) -> None:
    ids = [client.client_id for client in clients]
    repeated = sorted({client_id for client_id in ids if ids.count(client_id) > 1})
    if repeated:
        raise ValueError(f"A client id belongs to one tenant, but it is given more than once: {', '.join(repeated)}")


def tenant_of(clients: Sequence[Client], *, client_id: str, secret: str) -> str | None:
    """Return the tenant these credentials open, or None. Without clients, any credentials open the default tenant."""
    if not clients:
        return DEFAULT_TENANT if client_id and secret else None
    tenant = None
    for client in clients:  # every client is compared, so that time tells nothing about ids and secrets
        right_id = _equal(client.client_id, client_id)
        right_secret = _equal(client.secret, secret)
        tenant = client.tenant if right_id & right_secret else tenant
    return tenant


def entity_of(tenant: str) -> str:
    """Return the tenant's only entity, the same in every process and database."""
    return str(uuid.uuid5(_ENTITY_NAMESPACE, tenant))


def user_of(tenant: str, client_id: str) -> str:
    return hashlib.sha256(f"user {tenant} {client_id}".encode()).hexdigest()[:32]


def _equal(left: str, right: str) -> bool:
    return hmac.compare_digest(left.encode(errors="surrogatepass"), right.encode(errors="surrogatepass"))
