"""What the reference leaves open, and what we assume. Each has a switch of the same name in the emulator."""

from __future__ import annotations

from collections.abc import Callable

from reconciler.systems.base import Assumption
from reconciler.systems.metadefender.cleanup import RANGES
from reconciler.systems.view import NotOffered, Unreadable, View


def _offered(*names: str) -> Callable[[View], str | None]:
    def look(view: View) -> str | None:
        found = [view.collections.get(name) for name in names]
        if any(isinstance(one, Unreadable) or one is None for one in found):
            return None
        hidden = [one for one in found if isinstance(one, NotOffered)]
        return "value" if not hidden else hidden[0].reason.rsplit(" ", 1)[-1]

    return look


def _role_list(view: View) -> str | None:
    answer = _offered("roles")(view)
    return "list" if answer == "value" else answer


def _user_roles(view: View) -> str | None:
    shown = {str(role) for _, user in view.collection("users") or () for role in user.get("roles") or ()}
    if not shown:
        return None
    return "ids" if all(role.isdecimal() for role in shown) else "names"


def _id_type(view: View) -> str | None:
    return "either" if view.collection("users") else None


def _samesite(view: View) -> str | None:
    value = (view.collection("sessioncookie") or {}).get("samesite")
    return None if value is None else "word" if isinstance(value, str) else "number"


def _worker_id(view: View) -> str | None:
    found = view.collection("workers")
    if not found:
        return None
    return "worker_id" if "worker_id" in found[0][1] else "id" if "id" in found[0][1] else "the map's keys"


def _status_words(view: View) -> str | None:
    words = sorted({str(live.facts["status"]) for live in view.live("Deployment")})
    return ", ".join(words) or None


ASSUMPTIONS = (
    Assumption(
        "expired_session",
        "What does an expired session answer?",
        ("403", "401", "400"),
        "We would log in once more than needed, or stop a pass with the session's error.",
    ),
    Assumption(
        "second_login",
        "Does a second login end the first where allowDuplicateSession is false?",
        ("ends-first", "keeps"),
        "The command line and the daemon would evict each other: use an API key.",
    ),
    Assumption(
        "session_change_logs_out",
        "Do changed session settings end the sessions that are open?",
        ("false", "true"),
        "They are changed last, and a new login follows.",
    ),
    Assumption(
        "role_create_reply",
        "Does creating a role answer with the role and its id?",
        ("role", "empty"),
        "The id is learnt from the list; without a list the role can't be deleted by us.",
    ),
    Assumption(
        "role_list",
        "Does GET /admin/role list the roles?",
        ("list", "404", "405"),
        "Without it, only roles that we created can be told, and drift in a role isn't seen.",
        _role_list,
    ),
    Assumption(
        "user_roles",
        "Are a user's roles shown as ids or as names?",
        ("ids", "names"),
        "Roles would look changed on every user.",
        _user_roles,
    ),
    Assumption(
        "user_create_existing",
        "What does creating a user that exists do?",
        ("400", "duplicate"),
        "We always look first, so that neither matters.",
    ),
    Assumption(
        "cleanup_get",
        "Can the cleanup ranges be read?",
        ("404", "405", "value"),
        "Where they can't, a change made by hand isn't noticed.",
        _offered(*(f"cleanup-{range}" for range in RANGES)),
    ),
    Assumption(
        "session_get",
        "Can the session settings be read?",
        ("404", "405", "value"),
        "Where they can't, a change made by hand isn't noticed.",
        _offered("session"),
    ),
    Assumption(
        "samesite",
        "Is samesite shown as a word or as a number?",
        ("word", "number"),
        "The cookie's attribute would look changed. Numbers are read as 0 None, 1 Lax, 2 Strict.",
        _samesite,
    ),
    Assumption(
        "service_display_name",
        "Is a service's display name taken at creation?",
        ("taken", "ignored"),
        "It is set by an edit right after, where the list shows another one.",
    ),
    Assumption(
        "service_rename_frozen",
        "Can a service's display name be changed while instances are deployed?",
        ("allowed", "refused"),
        "The step would fail with the product's error text; nothing else is touched.",
    ),
    Assumption(
        "worker_id_field",
        "Is a worker's id called worker_id or id?",
        ("worker_id", "id"),
        "Workers would be unreadable, and nothing of them would be written.",
        _worker_id,
    ),
    Assumption(
        "worker_list",
        "Is the worker list a list, a map, or an object with workers?",
        ("list", "map", "wrapped"),
        "Workers would be unreadable, and nothing of them would be written.",
    ),
    Assumption(
        "available_list",
        "Is the list of available workers a list, a map, or an object with workers?",
        ("list", "map", "wrapped"),
        "Deploys would fail before anything is sent.",
    ),
    Assumption(
        "status_words",
        "Which word does a deployed worker show?",
        ("Deployed", "Running"),
        "Another word counts as not settled: apply waits for it until its deadline.",
        _status_words,
    ),
    Assumption(
        "readyz",
        "Does GET /readyz exist?",
        ("present", "absent"),
        "It is a preflight only; nothing depends on it.",
    ),
    Assumption(
        "id_type",
        "Are ids of users and roles numbers or texts?",
        ("integer", "string"),
        "They are compared as texts.",
        _id_type,
    ),
    Assumption(
        "error_key",
        "Under which key does an error's text stand?",
        ("err", "error", "message", "detail", "response"),
        "The message would show the start of the raw body instead.",
    ),
)
