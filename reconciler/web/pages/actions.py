"""What operators do on a target's page. Each form is answered by going back to the page, or by what was wrong."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from reconciler.errors import ReconcilerError
from reconciler.web.pages.door import Visitor, check, form_of
from reconciler.web.pages.rendering import HEADERS
from reconciler.web.pages.sessions import Said
from reconciler.web.pages.site import Site, problem_of
from reconciler.web.pages.views import DURATIONS, target_of, target_page
from reconciler.web.problems import Refusal, status_of

LONGEST_REASON = 500
Form = Mapping[str, str]
Act = Callable[[Site, str, Form, str], Awaitable[str]]
"""Takes the site, the target's name, the form and who asks; gives what to tell them."""


async def reconcile(site: Site, target: str, form: Form, by: str) -> str:
    """Look again now."""
    site.control.wake(target, by=by)
    return f"{target} is looked at again now."


async def suspend(site: Site, target: str, form: Form, by: str) -> str:
    """Write nothing for a while. Raises Refusal 422 where the form lacks something."""
    reason, lasts = form.get("reason", "").strip(), form.get("for", "")
    if not reason or len(reason) > LONGEST_REASON:
        raise Refusal(422, f"say why {target} is suspended, in 1 to {LONGEST_REASON} characters")
    if lasts not in DURATIONS:
        raise Refusal(422, "choose how long the suspension lasts")
    await site.control.suspend(target, by=by, reason=reason, until=time.time() + int(lasts) if lasts else None)
    ends = f"for {DURATIONS[lasts]}" if lasts else DURATIONS[lasts]
    return f"{target} is suspended: nothing is written to it {ends}."


async def resume(site: Site, target: str, form: Form, by: str) -> str:
    """End a suspension."""
    await site.control.resume(target, by=by)
    return f"{target} is no longer suspended."


async def approve(site: Site, target: str, form: Form, by: str) -> str:
    """Agree to the plan that was shown. Raises Refusal 409 when another one is pending by now."""
    digest, plan = form.get("digest", ""), site.control.targets[target].plan
    if plan is None or digest != plan.digest:
        raise Refusal(409, "the plan has changed since you saw it; nothing was approved", remedy="look at the new plan")
    await site.control.approve(target, digest, by=by)
    return f"The plan {digest[:19]}… of {target} is approved."


async def act(site: Site, request: Request, visitor: Visitor, doing: Act) -> Response:
    """Do what a form on a target's page asks for."""
    form = await form_of(request)
    check(request, form, visitor)
    name = target_of(site, request).name
    try:
        told = await doing(site, name, form, visitor.caller.name)
    except (Refusal, ReconcilerError) as error:
        status = error.status if isinstance(error, Refusal) else status_of(error)
        kept = {"doing": doing.__name__, **{key: value for key, value in form.items() if key != "csrf"}}
        return await target_page(site, request, visitor, problem=problem_of(error), form=kept, status=status)
    return _back(visitor, told, f"/targets/{quote(name)}")


async def reconcile_all(site: Site, request: Request, visitor: Visitor) -> Response:
    """Look at the source and at every target again now."""
    check(request, await form_of(request), visitor)
    site.control.wake(by=visitor.caller.name)
    return _back(visitor, "The source and all targets are looked at again now.", "/")


def _back(visitor: Visitor, told: str, path: str) -> Response:
    if visitor.session is not None:
        visitor.session.said.append(Said("good", told))
    return RedirectResponse(path, 303, HEADERS)
