"""The command line. Each command imports what it needs when it runs: `--help` stays quick."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

import threadscope
from threadscope import cli_recording, commands
from threadscope.check import check
from threadscope.cli_recording import film_options, keep_from, save_option, saving
from threadscope.lint_options import known_lint, lint_options, settings_of
from threadscope.options import RATE_HELP, load_options, load_plan, rate, seconds, whole
from threadscope.signals import quiet_interrupt
from threadscope.usage import Commands, complain

if TYPE_CHECKING:
    from threadscope.targets.demo_list import Demo

CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
DEFAULT_REQUESTS = 200
"""Of `load`, as hey has it."""


@click.group(cls=Commands, context_settings=CONTEXT)
@click.version_option(threadscope.__version__, "-V", "--version", prog_name="threadscope")
def main() -> None:
    """Shows live what the threads of a Python ASGI server do with its requests.

    Start here: threadscope demo cpu
    """


@main.command(
    epilog="""A NUMBER takes k and m: 10k is 10,000, 1m a million. A TIME takes ms, s, m or h.

\b
Examples:
  threadscope demo cpu                          a tour: async def, then def
  threadscope demo cpu --mode def -c 8          eight clients, until you quit
  threadscope demo cpu --no-tui -z 5s           the same as plain lines
  threadscope demo cpu --json -z 5s > cpu.json  a report for programs
  threadscope demo cpu --save cpu.tscope        to look at it again later
  threadscope demo cpu --record cpu.cast        a screencast, in CI too
"""
)
@click.argument("name", required=False)
@click.option(
    "--mode",
    metavar="VARIANT",
    default="tour",
    show_default=True,
    help="Which endpoint to ask, as in async or def; tour: one after the other.",
)
@click.option(
    "-c",
    "--concurrency",
    metavar="NUMBER",
    callback=whole(10_000),
    help="Clients, each of which asks again when it was answered  [default: the demo's]",
)
@click.option(
    "-z",
    "--duration",
    metavar="TIME",
    callback=seconds,
    help="Length of each measurement, as in 500ms, 5s or 2m  [default: 10s]",
)
@click.option("-q", "--rate", metavar="NUMBER", callback=rate, help=RATE_HELP)
@click.option(
    "-n",
    "--requests",
    metavar="NUMBER",
    callback=whole(10**9),
    help="End each measurement after so many requests.",
)
@click.option(
    "-t",
    "--timeout",
    metavar="TIME",
    callback=seconds,
    default="30s",
    show_default=True,
    help="Longest wait for an answer.",
)
@click.option(
    "--work",
    metavar="NUMBER",
    callback=whole(10**12),
    help="Work of a request, in the demo's unit  [default: the demo's; cpu: some 300 ms]",
)
@click.option(
    "--workers",
    metavar="NUMBER",
    callback=whole(64),
    help="Server processes  [default: 1; demo workers: one a core]",
)
@click.option(
    "--port",
    metavar="NUMBER",
    callback=whole(65_535),
    help="Port of the server on 127.0.0.1  [default: a free one]",
)
@film_options
@save_option
@click.option("--no-tui", is_flag=True, help="Plain lines instead of the screen.")
@click.option("--json", "as_json", is_flag=True, help="Only a JSON report on standard output.")
@lint_options
def demo(name: str | None, **options: Any) -> None:  # noqa: ANN401  # click gives them by name
    """Run a demo server under load and watch it.

    Without a NAME, lists the demos.
    """
    if name is None:
        click.echo("\n".join(_listed(_known_demos())))
        return
    [found] = _demos([name])
    _check_demo(found, options)
    sys.exit(_run_demo(found, options))


def _known_demos() -> dict[str, Demo]:
    """All of them by name; ends the program where they are not installed."""
    from threadscope.targets.errors import TargetError

    try:
        from threadscope.targets.demo_list import DEMOS
    except TargetError as error:
        raise click.ClickException(str(error)) from None
    return DEMOS


def _listed(demos: dict[str, Demo], indent: str = "") -> list[str]:
    return [f"{indent}{one.name:<10} {one.summary}" for one in demos.values()]


def _demos(names: Sequence[str]) -> list[Demo]:
    """The demos of these names; ends the program where one is none."""
    demos = _known_demos()
    for name in names:
        if name not in demos:
            known = "\n".join(_listed(demos, "  "))
            complain(f"there is no demo {name!r}. The demos are:\n{known}")
            sys.exit(2)
    return [demos[name] for name in dict.fromkeys(names)]


def _check_demo(demo: Demo, options: dict[str, Any]) -> None:
    """What is wrong with one demo and right with another.

    Raises:
        click.BadParameter: something is.
    """
    keys = ["tour", *(v.variant.key for v in demo.variants)]
    if options["mode"] not in keys:
        wrong = f"{options['mode']!r} is not one of {', '.join(keys)}"
        raise click.BadParameter(wrong, param_hint="'--mode'")
    if options["work"] is not None and not demo.work:
        wrong = f"a request of demo {demo.name} does no work"
        raise click.BadParameter(wrong, param_hint="'--work'")
    if demo.bursts and (options["duration"] or options["requests"] or options["rate"]):
        wrong = f"demo {demo.name} measures whole bursts: -c is their size"
        raise click.BadParameter(wrong, param_hint="'-z', '-n' or '-q'")


def _run_demo(demo: Demo, options: dict[str, Any]) -> int:
    quiet_interrupt()
    from threadscope.asking import Options
    from threadscope.demo import demo_session
    from threadscope.run import watch
    from threadscope.views import view_of

    lines = options["as_json"] or options["no_tui"]
    keep = keep_from(f"threadscope demo {demo.name}", options, lines=lines)
    session = demo_session(
        demo,
        Options(
            clients=options["concurrency"] or demo.clients,
            seconds=options["duration"],
            requests=options["requests"],
            rate=options["rate"],
            lints=settings_of(options),
        ),
        port=options["port"],
        work=options["work"],
        workers=options["workers"],
        timeout_s=options["timeout"],
        saving=saving(keep),
    )
    mode = options["mode"]
    view = view_of(as_json=options["as_json"], no_tui=options["no_tui"], terminal=keep.size is None)
    return watch(session, view, None if mode == "tour" else mode, keep)


main.add_command(check)


@main.command()
@click.argument("name", required=False)
def explain(name: str | None) -> None:
    """Explain a finding: what it means, why it happens, how to fix it and what that costs.

    Without a NAME, lists the lints.
    """
    from threadscope.lints.catalog import LINTS
    from threadscope.lints.explain import article, listing

    if name is None:
        click.echo("\n".join(listing()))
        return
    try:
        click.echo(article(LINTS[known_lint(name)]))
    except click.BadParameter as error:
        complain(error.message)
        sys.exit(2)


@main.command(
    epilog="""\b
Examples:
  threadscope compare hello cpu loop           async def against def
  threadscope compare --all --json > all.json  every demo, for programs
  threadscope compare io --rounds 1            its bursts, once
"""
)
@click.argument("names", metavar="NAME...", nargs=-1)
@click.option("--all", "every", is_flag=True, help="Every demo.")
@click.option(
    "--rounds",
    metavar="NUMBER",
    callback=whole(100),
    default="3",
    show_default=True,
    help="How often each variant is measured, in turn with the others.",
)
@click.option(
    "-c",
    "--concurrency",
    metavar="NUMBER",
    callback=whole(10_000),
    help="Clients, each of which asks again when it was answered  [default: the demo's]",
)
@click.option(
    "-z",
    "--duration",
    metavar="TIME",
    callback=seconds,
    help="Length of each measurement, as in 500ms, 5s or 2m  [default: 3s]",
)
@click.option(
    "-n",
    "--requests",
    metavar="NUMBER",
    callback=whole(10**9),
    help="End each measurement after so many requests.",
)
@click.option(
    "-t",
    "--timeout",
    metavar="TIME",
    callback=seconds,
    default="30s",
    show_default=True,
    help="Longest wait for an answer.",
)
@click.option("--markdown", is_flag=True, help="The table as Markdown.")
@click.option("--json", "as_json", is_flag=True, help="Only a JSON report on standard output.")
def compare(names: tuple[str, ...], every: bool, **options: Any) -> None:  # noqa: ANN401  # as above
    """Measure demos' variants against each other, in rounds.

    Each variant has a fresh server in every round. A ratio is the median over the rounds, with the
    least and the greatest; where the rounds of two variants overlap, there is no clear difference.
    """
    if every == bool(names):
        raise click.UsageError("name some demos, or say --all: threadscope demo lists them")
    if options["markdown"] and options["as_json"]:
        raise click.UsageError("--markdown or --json: one of them")
    sys.exit(_run_compare(list(_known_demos().values()) if every else _demos(names), options))


def _run_compare(demos: list[Demo], options: dict[str, Any]) -> int:
    from threadscope.compare import ROUND_S, Wish, compare, report

    requests = options["requests"]
    wish = Wish(
        rounds=options["rounds"],
        seconds=options["duration"] or (None if requests else ROUND_S),
        clients=options["concurrency"],
        requests=requests,
        timeout_s=options["timeout"],
    )
    form = "json" if options["as_json"] else "markdown" if options["markdown"] else "text"
    return report(compare(demos, wish), form)


@main.command(
    epilog="""\b
Examples:
  threadscope load http://127.0.0.1:8000/            200 requests, 50 clients
  threadscope load URL -c 100 -z 10s                 for ten seconds
  threadscope load URL -q 200 -z 30s                 200 a second, on a schedule
  threadscope load URL --burst 80                    80 at once
  threadscope load URL -d '{"a": 1}' -T application/json -m POST
  threadscope load URL -z 10s --json > load.json     a report for programs
"""
)
@click.argument("urls", metavar="URL...", nargs=-1)
@load_options
@click.option("--json", "as_json", is_flag=True, help="Only a JSON report on standard output.")
def load(urls: tuple[str, ...], as_json: bool, **options: Any) -> None:  # noqa: ANN401  # as above
    """Load any HTTP server and report, as hey, oha and wrk do.

    Several URLs are asked in turn; {client} in one becomes the client's number. Without -n, -z or
    --burst it is 200 requests, by 50 clients without -c.
    """
    if not urls and not options["further_urls"]:
        raise click.UsageError("what is to be loaded? Say http://127.0.0.1:8000/")
    plan = load_plan(options, urls, requests=DEFAULT_REQUESTS)
    from threadscope.loading import load as run

    sys.exit(run(plan, as_json=as_json))


OWN = (commands.run, commands.attach, commands.dump, commands.doctor)
for _command in (*OWN, *cli_recording.COMMANDS):
    main.add_command(_command)
