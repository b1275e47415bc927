"""MetaDefender Distributed Cluster: the REST API of its Control Center, one file a kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType

from reconciler.errors import InputError
from reconciler.secret import Secret
from reconciler.systems.base import System
from reconciler.systems.metadefender.assumptions import ASSUMPTIONS
from reconciler.systems.metadefender.auth import ControlCenterAuth
from reconciler.systems.metadefender.cleanup import CLEANUPS, CleanupKind
from reconciler.systems.metadefender.deploying import (
    InstallerBeforeDeploy,
    KnownType,
    OneVersionAType,
    ServicesBeforeDeploy,
    WorkerNotAvailable,
)
from reconciler.systems.metadefender.deployment import DeploymentKind
from reconciler.systems.metadefender.frozen import ServiceFrozen
from reconciler.systems.metadefender.import_workers import IMPORT_WORKERS
from reconciler.systems.metadefender.installer import INSTALLERS, FileMissing, InstallerKind
from reconciler.systems.metadefender.protected import Protected, RoleInUse
from reconciler.systems.metadefender.role import ROLES, RoleKind
from reconciler.systems.metadefender.service import SERVICES, TYPES, ServiceKind, fetch_status
from reconciler.systems.metadefender.service_setting import SETTING, ServiceSettingKind
from reconciler.systems.metadefender.session import SESSION, SessionKind, SessionLast
from reconciler.systems.metadefender.session_cookie import COOKIE, SessionCookieKind
from reconciler.systems.metadefender.user import DIRECTORIES, USERS, UserKind
from reconciler.systems.metadefender.worker import WORKERS, WorkerKind
from reconciler.wire import Flow, Request, Session

KINDS = (
    RoleKind(),
    UserKind(),
    SessionKind(),
    SessionCookieKind(),
    CleanupKind(),
    ServiceKind(),
    ServiceSettingKind(),
    WorkerKind(),
    InstallerKind(),
    DeploymentKind(),
)
COLLECTIONS = (USERS, DIRECTORIES, ROLES, SESSION, COOKIE, *CLEANUPS, SERVICES, SETTING, WORKERS, INSTALLERS)
RULES = (
    KnownType(),
    RoleInUse(),
    OneVersionAType(),
    ServiceFrozen(),
    Protected(),
    ServicesBeforeDeploy(),
    InstallerBeforeDeploy(),
    WorkerNotAvailable(),
    FileMissing(),
    SessionLast(),
)


class MetaDefender(System):
    """The Control Center of a MetaDefender Distributed Cluster."""

    name = "metadefender"
    api_version = "metadefender/v1"
    title = "MetaDefender Distributed Cluster"
    is_default = True
    kinds = MappingProxyType({kind.name: kind for kind in KINDS})
    collections = MappingProxyType({collection.name: collection for collection in COLLECTIONS})
    rules = RULES
    assumptions = ASSUMPTIONS
    importers = (IMPORT_WORKERS,)
    credentials = (("user", "password"), ("apikey",))

    def auth(self, credentials: Mapping[str, Secret]) -> ControlCenterAuth:
        if "apikey" in credentials:
            return ControlCenterAuth(None, None, credentials["apikey"])
        if "user" in credentials and "password" in credentials:
            return ControlCenterAuth(credentials["user"].reveal(), credentials["password"], None)
        raise InputError(
            "no credentials for the Control Center",
            remedy="set RECONCILER_APIKEY, or RECONCILER_USER and RECONCILER_PASSWORD (each also as …_FILE)",
        )

    def health(self) -> Mapping[str, Callable[[], Flow[str]]]:
        return {type: partial(fetch_status, type) for type in TYPES}

    def preflight(self) -> Request:
        return Request("readyz", "GET", "/readyz?verbose=true", session=Session.NONE)
