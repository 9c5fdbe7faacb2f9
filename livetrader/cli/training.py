"""`livetrader training`: jobs, buckets and the model of a running daemon; cancels a job."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click

from livetrader.cli import operating
from livetrader.cli.common import as_json, config_options, console, json_option, state_option

_DEFAULT: Final = "ls"


class _Training(click.Group):
    """A group that means `ls` where no command is named: `livetrader training paper.toml` goes on to work."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put `ls` before anything that is neither a command nor a call for help."""
        if not args or (args[0] not in self.commands and args[0] not in ctx.help_option_names):
            args = [_DEFAULT, *args]
        return super().parse_args(ctx, args)


@click.group(cls=_Training)
def training() -> None:
    """Show training jobs, what they may still cost, and the model; cancel a job.

    \b
    livetrader training paper.toml                 jobs, buckets, model (the same as ls)
    livetrader training ls paper.toml --json       for programs
    livetrader training cancel 3 paper.toml        stop job 3; the model before it stays
    """


@training.command("ls")
@config_options
@state_option
@json_option
def show(config: Path | None, state_directory: Path | None, output_json: bool) -> None:
    """Show training jobs, the leaky buckets that pay for them, and the model.

    \b
    livetrader training ls paper.toml
    livetrader training ls --state-directory /var/lib/livetrader/paper --json
    """
    from livetrader.control.training_views import TrainingView

    client = operating.client_of(config, state_directory)
    view: TrainingView = client.get("/v1/training", TrainingView)
    if output_json:
        as_json(view)
        return
    from livetrader.cli.views import training_view

    console().print(training_view(view))


@training.command()
@click.argument("job", type=click.IntRange(0, 999_999_999))
@config_options
@state_option
@json_option
@click.option("--reason", default="", help="Why, for the audit trail.")
def cancel(
    job: int, config: Path | None, state_directory: Path | None, output_json: bool, reason: str
) -> None:
    """Stop training JOB, whether it waits or runs, and say how it ended. The model before it stays.

    A training process is killed. A training thread is asked to stop; one that does not is left to itself,
    and its result does not count.

    \b
    livetrader training cancel 3 paper.toml --reason "wrong data"
    livetrader training cancel 3 --state-directory /var/lib/livetrader/paper --json
    """
    client = operating.client_of(config, state_directory)
    operating.operate(client, f"/v1/training/{job}/cancel", {"reason": reason}, output_json)
