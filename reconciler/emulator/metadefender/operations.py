"""Which operations there are: the table between a method with a path and the function that answers it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

from reconciler.emulator.metadefender import auth, deployments, installers, roles, services, settings, users, workers
from reconciler.emulator.metadefender.world import Call
from reconciler.emulator.routes import Route

Handler: TypeAlias = Callable[[Call], Any | Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Operation(Route):
    """One operation. `area` is what its user needs rights for; "" needs a user only, None not even that."""

    area: str | None
    handler: Handler

    @property
    def writes(self) -> bool:
        """Whether it may change anything."""
        return self.method != "GET"


def _cleanups() -> Iterable[Operation]:
    for name in ("auditlog", "filestorage", "warehouse", "scanhistory"):
        path, word = f"/admin/config/{name}/cleanup", name.capitalize()
        yield Operation(f"put{word}Cleanup", "PUT", path, "settings", partial(settings.put_cleanup, name))
        yield Operation(f"get{word}Cleanup", "GET", path, "settings", partial(settings.get_cleanup, name))


OPERATIONS: tuple[Operation, ...] = (
    Operation("readyz", "GET", "/readyz", None, settings.readyz),
    Operation("login", "POST", "/login", None, auth.login),
    Operation("logout", "POST", "/logout", "", auth.logout),
    Operation("createUser", "POST", "/admin/user", "users", users.create_user),
    Operation("listUsers", "GET", "/admin/user", "users", users.list_users),
    Operation("deleteUser", "DELETE", "/admin/user/{user_id}", "users", users.delete_user),
    Operation("changePassword", "POST", "/user/changepassword", "", users.change_password),
    Operation("listUserDirectories", "GET", "/admin/userdirectory", "users", users.list_user_directories),
    Operation("createRole", "POST", "/admin/role", "roles", roles.create_role),
    Operation("listRoles", "GET", "/admin/role", "roles", roles.list_roles),
    Operation("deleteRole", "DELETE", "/admin/role/{role_id}", "roles", roles.delete_role),
    *_cleanups(),
    Operation("putSession", "PUT", "/admin/config/session", "settings", settings.put_session),
    Operation("getSession", "GET", "/admin/config/session", "settings", settings.get_session),
    Operation("putSessionCookie", "PUT", "/admin/config/sessioncookie", "settings", settings.put_session_cookie),
    Operation("getSessionCookie", "GET", "/admin/config/sessioncookie", "settings", settings.get_session_cookie),
    Operation("connectWorkers", "POST", "/admin/worker", "workers", workers.connect_workers),
    Operation("listWorkers", "GET", "/admin/worker", "workers", workers.list_workers),
    Operation("disconnectWorkers", "DELETE", "/admin/worker", "workers", workers.disconnect_workers),
    Operation(
        "listAvailableWorkers", "GET", "/admin/worker/available/{installer_id}", "workers",
        workers.list_available_workers,
    ),
    Operation("deployWorkers", "POST", "/admin/worker/deploy", "workers", deployments.deploy_workers),
    Operation("undeployWorkers", "DELETE", "/admin/worker/deploy", "workers", deployments.undeploy_workers),
    Operation("upgradeWorkers", "POST", "/admin/worker/upgrade", "workers", deployments.upgrade_workers),
    Operation(
        "listUpgradableVersions", "GET", "/admin/worker/upgrade/version", "workers",
        deployments.list_upgradable_versions,
    ),
    Operation("connectService", "POST", "/admin/service", "services", services.connect_service),
    Operation("listServices", "GET", "/admin/service", "services", services.list_services),
    Operation("getServiceByType", "GET", "/admin/service/{service}", "services", services.get_service_by_type),
    Operation("editService", "PUT", "/admin/service/{service}", "services", services.edit_service),
    Operation("removeService", "DELETE", "/admin/service/{service}", "services", services.remove_service),
    Operation(
        "putServiceSetting", "PUT", "/admin/service/{service_type}/setting", "services", services.put_service_setting
    ),
    Operation(
        "getServiceSetting", "GET", "/admin/service/{service_type}/setting", "services", services.get_service_setting
    ),
    Operation("uploadInstaller", "POST", "/admin/installer", "installers", installers.upload_installer, streams=True),
    Operation("listInstallers", "GET", "/admin/installer", "installers", installers.list_installers),
    Operation(
        "deleteInstaller", "DELETE", "/admin/installer/{installer_id}", "installers", installers.delete_installer
    ),
)  # fmt: skip
