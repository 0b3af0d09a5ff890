"""The demo hospital: `flask demo seed`, `show` and `serve`."""

from __future__ import annotations

import sys
from pathlib import Path

import click
from flask import current_app
from flask.cli import AppGroup
from tqdm import tqdm

from ticketing import schedule
from ticketing.core import clock
from ticketing.core.errors import DomainError
from ticketing.core.origin import at_a_given_moment
from ticketing.demo import jobs as demo_jobs
from ticketing.demo import queries as demo_queries
from ticketing.demo import service as demo_service
from ticketing.demo.rules.hospital import PASSWORD

demo = AppGroup("demo", help="The demo hospital: invented people, real clockwork.")


@demo.command("seed")
def demo_seed() -> None:
    """Make the demo hospital in an empty database.  Does nothing where it is already; refuses anywhere else."""
    _refuse_outside_demo()
    if demo_queries.is_here():
        click.echo(f"The demo hospital is here, with {demo_queries.case_count()} cases.")
        return
    click.echo("Making the demo hospital: four months of cases, played through the same verbs that people use.")
    if demo_queries.is_empty():
        demo_jobs.empty_mailbox(_mailbox())
    with tqdm(total=None, unit=" steps", disable=None, file=sys.stderr) as bar:
        def show(done: int, whole: int) -> None:
            bar.total = whole
            bar.update(done - bar.n)
        try:
            with at_a_given_moment("demo"):
                count = demo_service.seed(
                    mail_from=current_app.config["MAIL_FROM"], transport=demo_jobs.keep_at_once(_mailbox()), progress=show, at=clock.now())
        except DomainError as error:
            raise click.ClickException(error.message) from error
    click.echo(f"The demo hospital is ready: {count} cases.")


@demo.command("show")
@click.option("--port", type=int, help="Where it is served, if not at PUBLIC_URL.")
def demo_show(port: int | None) -> None:
    """Print the address, the five sign-ins and what to click first."""
    address = f"http://127.0.0.1:{port}" if port else current_app.config["PUBLIC_URL"]
    click.echo(f"\n  {current_app.config['ORGANISATION']} is at {address}\n")
    for person in demo_queries.sign_ins():
        click.echo(f"  {person.role:<14} {person.email:<32} {person.name}")
    click.echo(f"\n  The password is the same for all five:  {PASSWORD}\n")
    for number, words in enumerate(FIRST_CLICKS, start=1):
        click.echo(f"  {number}. {words}")
    click.echo("")


@demo.command("serve")
@click.option("--port", type=int, default=5000, show_default=True, envvar="PORT")
@click.pass_context
def demo_serve(context: click.Context, port: int) -> None:
    """Serve the demo with its scheduler and a mail server that keeps every message.  Ctrl-C stops it."""
    _refuse_outside_demo()
    if not demo_queries.is_here():
        raise click.ClickException("The demo hospital is not here yet. Run `flask --app wsgi demo seed` first.")
    if not demo_jobs.is_free(port):
        raise click.ClickException(f"Something else is listening on port {port}. Choose another: make demo PORT={port + 1}")
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    with at_a_given_moment("demo"):
        reference = demo_service.top_up(at=clock.now())
    context.invoke(demo_show, port=port)
    click.echo(f"  In about a minute an escalation fires on case {reference}: watch Escalations, or the mailbox.\n")

    def start() -> None:
        app.config["SMTP_URL"] = app.config["SMTP_URL"] or demo_jobs.start_catch_all(_mailbox())
        schedule.Rota(app).start()

    demo_jobs.serve(app, port, start)


FIRST_CLICKS = (
    "Sign in as officer and open the first case of My cases: points, timers, and why each date is what it is.",
    "Sign in as clinician, on a phone if you like: Questions for me.",
    "Sign in as manager: Reports, then Escalations, then Delivery and its mailbox.",
)


def _mailbox() -> Path:
    return Path(current_app.instance_path) / "mailbox"


def _refuse_outside_demo() -> None:
    if current_app.config["REDRESS_ENV"] not in ("demo", "development"):
        raise click.ClickException("This only runs where REDRESS_ENV is demo or development, never beside real patients.")
