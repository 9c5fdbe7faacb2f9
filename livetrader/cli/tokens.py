"""`livetrader token`: make, list and revoke tokens of the control API. Works with and without a daemon."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from livetrader.cli.common import (
    FiniteRange,
    as_json,
    config_option,
    config_options,
    find_config,
    json_option,
)

if TYPE_CHECKING:
    from livetrader.control.auth import TokenStore

ROLES: Final = ("view", "control", "admin")  # auth.Role; a test compares
SCOPES: Final = ("read", "operate", "liquidate", "alert", "admin")  # auth.Scope; a test compares
NS_PER_DAY: Final = 86_400 * 10**9


@click.group()
def token() -> None:
    """Make, list and revoke tokens of the control API.

    \b
    livetrader token new grafana --scope read --config paper.toml
    livetrader token new alice --role control --days 90 --config paper.toml
    livetrader token list --config paper.toml
    livetrader token revoke grafana --config paper.toml
    """


@click.command()
@click.argument("name")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    type=click.Choice(SCOPES),
    help="May be repeated; default: read. operate and liquidate include read; admin is everything.",
)
@click.option(
    "--role",
    type=click.Choice(ROLES),
    help="Instead of scopes: view looks; control halts, resumes, stops and liquidates, too; admin is all.",
)
@click.option("--days", type=FiniteRange(min=0, min_open=True), help="Until it expires; default: never.")
@config_option
@json_option
def new(
    name: str, scopes: tuple[str, ...], role: str | None, days: float | None, config: Path | None,
    output_json: bool,
) -> None:  # fmt: skip
    """Make a token and show it, this once: only its SHA-256 is kept.

    \b
    Collaborators: --role view for those who look, --role control for those who have live control.
    """
    from livetrader.clocks import wall_ns
    from livetrader.control.auth import ROLES as SCOPES_OF
    from livetrader.control.auth import Role, Scope

    if role is not None and scopes:
        raise click.UsageError("--role stands for scopes; give one or the other")
    given = [Scope(each) for each in scopes] or [Scope.READ]
    if role is not None:
        given = [scope for scope in Scope if scope in SCOPES_OF[Role(role)]]
    now_ns = wall_ns()
    expires_ns = None if days is None else now_ns + int(days * NS_PER_DAY)
    secret = _store(config).create(name, given, now_ns=now_ns, expires_ns=expires_ns)
    if output_json:
        as_json({"name": name, "token": secret, "scopes": given, "expires_ns": expires_ns})
    else:
        click.echo("Shown this once; keep it where secrets are kept:", err=True)
        click.echo(secret)


@click.command(name="list")
@config_options
@json_option
def list_(config: Path | None, output_json: bool) -> None:
    """List names, roles, scopes and expiry; the secrets are not known to anybody here."""
    from livetrader.cli.views import time_text
    from livetrader.control.auth import role_of

    tokens = _store(config).refresh()
    if output_json:
        as_json([{"name": each.name, "role": role_of(each.scopes), "scopes": each.scopes,
                  "created_ns": each.created_ns, "expires_ns": each.expires_ns}
                 for each in tokens])  # fmt: skip
        return
    for each in tokens:
        expires = "never expires" if each.expires_ns is None else f"expires {time_text(each.expires_ns)}"
        click.echo(f"{each.name}\t{role_of(each.scopes)}\t{','.join(each.scopes)}\t{expires}")


@click.command()
@click.argument("name")
@config_option
def revoke(name: str, config: Path | None) -> None:
    """Forget a token; a running daemon refuses it within a second."""
    if not _store(config).revoke(name):
        raise click.ClickException(f"there is no token {name!r}; `livetrader token list` shows them")
    click.echo(f"revoked {name}")


token.add_command(new)
token.add_command(new, name="create")  # the same; both words come to mind
token.add_command(list_)
token.add_command(revoke)


def _store(config: Path | None) -> TokenStore:
    from livetrader.configuration.loading import load
    from livetrader.control.auth import TokenStore

    settings = load(find_config(config), needed=("account", "control"), plugins=False)
    folder = settings.account.state_directory
    assert folder is not None, "load resolves it"
    return TokenStore(settings.control.tokens_file or folder / "tokens.json")
