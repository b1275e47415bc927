"""What a model of one part can't say: names that occur twice, parts that exclude each other, unknown systems."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.config.bindings import RULE, place_of, port_problem
from reconciler.config.models import ConfigFile, TargetConfig
from reconciler.errors import InputError
from reconciler.load.suggest import suggest
from reconciler.model import Path
from reconciler.systems.registry import systems
from reconciler.windows import window_problems


def across(config: ConfigFile) -> Iterator[tuple[Path, str]]:
    """Each mistake as (its place in the file, one sentence)."""
    names: dict[str, int] = {}
    urls: dict[object, int] = {}
    for index, target in enumerate(config.targets):
        here: Path = ("targets", index)
        if names.setdefault(target.name, index) != index:
            yield (*here, "name"), f"two targets are called {target.name!r}"
        if (other := urls.setdefault(_server(target.url), index)) != index:
            yield (*here, "url"), f"{config.targets[other].name} has the same url"
        if "@" in target.url.partition("://")[2].partition("/")[0]:
            # Told here, as pages and answers show the url of a target that can't be reached, too.
            yield (*here, "url"), "the url holds credentials: take them out, credentials names secrets for them"
        if any(one.startswith("/") or one.split("/")[0] == ".." for one in target.paths):
            yield (*here, "path"), "a path lies under the tree's root and can't leave it"
        yield from _of_system(here, target)
        for number, window in enumerate(target.windows):
            for field, sentence in window_problems(window.schedule, window.timezone):
                yield (*here, "windows", number, field), sentence
    yield from _of_daemon(("daemon",), config)
    yield from _of_bindings(config)


def _server(url: str) -> object:
    """What two urls have in common that lead to one server: with its port or without, in capitals, with a slash."""
    path = url.partition("://")[2].partition("/")[2].strip("/").lower()
    return (place_of(url) or url.lower(), path)


def _of_system(here: Path, target: TargetConfig) -> Iterator[tuple[Path, str]]:
    system = systems().get(target.system)
    if system is None:
        known = ", ".join(sorted(systems()))
        guess = suggest(target.system, systems())
        yield (*here, "system"), f"there is no such system; there are {known}.{guess}"
        return
    if not any(set(wanted) == set(target.credentials) for wanted in system.credentials):
        sets = " or ".join("{" + ", ".join(wanted) + "}" for wanted in system.credentials)
        yield (*here, "credentials"), f"the credentials of {system.title} are {sets}, each the name of a secret"
    try:
        system.configured(target.settings)
    except InputError as error:
        yield (*here, "settings"), f"{error.message}: {error.remedy}"


def _of_daemon(here: Path, config: ConfigFile) -> Iterator[tuple[Path, str]]:
    daemon = config.daemon
    source = daemon.source
    if source.path is not None and source.git is not None:
        yield (*here, "source"), "give path or git, not both"
    if (git := source.git) is not None and git.token is not None and git.ssh_key is not None:
        yield (*here, "source", "git"), "give token or ssh_key, not both"
    names: set[str] = set()
    for index, token in enumerate(daemon.tokens):
        if token.name in names:
            yield (*here, "tokens", index, "name"), f"two tokens are called {token.name!r}"
        names.add(token.name)
    known = {target.name for target in config.targets}
    for index, one in enumerate(daemon.notifications):
        place: Path = (*here, "notifications", index)
        if (one.url is None) == (one.apprise is None):
            yield place, "give url or apprise, each the name of a secret"
        elif one.apprise is not None and one.signing is not None:
            yield (*place, "signing"), "only what goes to a url can be signed"
        for number, name in enumerate(one.targets):
            if name not in known:
                yield (*place, "targets", number), f"there is no target {name!r}.{suggest(name, known)}"


def _of_bindings(config: ConfigFile) -> Iterator[tuple[Path, str]]:
    """What the configuration itself would send to a host that the secret isn't bound to. The addresses of
    notifications are secrets, so these are held against their bindings when they are read."""
    for number, binding in enumerate(config.secrets.bindings):
        for field, hosts in (("hosts", binding.hosts), ("used_at", binding.used_at or ())):
            for index, host in enumerate(hosts):
                if problem := port_problem(host):
                    yield ("secrets", "bindings", number, field, index), problem
    for place, name, url in _sent(config):
        if why := config.secrets.objection(name, url):
            yield place, f"the secret {name} {why} ({RULE}): correct the url, or secrets.bindings"
    for index, one in enumerate(config.daemon.notifications):
        if one.apprise is not None and config.secrets.concerns(one.apprise):
            message = f"the secret {one.apprise} can't be bound ({RULE}): which host apprise asks isn't known; use url"
            yield ("daemon", "notifications", index, "apprise"), message


def _sent(config: ConfigFile) -> Iterator[tuple[Path, str, str]]:
    """(place, name, URL) of each secret that the configuration names together with where it is sent."""
    for index, target in enumerate(config.targets):
        for credential, name in target.credentials.items():
            yield ("targets", index, "credentials", credential), name, target.url
    if (git := config.daemon.source.git) is not None:
        for field, given in (("token", git.token), ("ssh_key", git.ssh_key)):
            if given is not None:
                yield ("daemon", "source", "git", field), given, git.url
    if (status := config.daemon.commit_status) is not None:
        yield ("daemon", "commit_status", "token"), status.token, status.server
