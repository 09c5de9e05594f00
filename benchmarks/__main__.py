"""``python -m benchmarks``: generate, run, report, list, shard, proof, text. See README.md."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from pathlib import Path

from benchmarks import book, databases, proof, report, results, running, server, shard
from benchmarks.book import ENGINES, SIZES, STATES


def main(words: list[str]) -> int:
    """Run one command; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    commands = parser.add_subparsers(dest="command", required=True)
    generate = commands.add_parser("generate", help="make the databases of a size, unless they stand")
    run = commands.add_parser("run", help="run benchmarks (all of them when none is named)")
    run.add_argument("names", nargs="*", metavar="NAME")
    run.add_argument("--pairs", type=int, help="default: 5, at size l 3")
    run.add_argument("--state", choices=STATES, help="only this state")
    run.add_argument("--resume", action="store_true", help="pass over results that are not stale")
    run.add_argument("--out", type=Path, default=results.FOLDER, help="where results are stored")
    for command in (generate, run):
        command.add_argument("--size", choices=SIZES, default="s")
        command.add_argument("--engine", choices=ENGINES, default="postgresql")
    commands.add_parser("report", help="write docs/performance.md from the stored results")
    commands.add_parser("list", help="say what there is")
    parts = commands.add_parser("shard", help="one sweep in several databases against one")
    parts.add_argument("--databases", type=int, default=4)
    parts.add_argument("--size", choices=SIZES, default="s")
    proven = commands.add_parser("proof", help="try the ready rules on demo companies")
    proven.add_argument("--jobs", type=int, default=1, help="companies at once")
    proven.add_argument("--online-retail", type=Path, metavar="FOLDER", help="on its real orders instead")
    proven.add_argument("--unseen", action="store_true", help="on seeds that nothing was settled on")
    proven.add_argument("--only-write", action="store_true", help="from what was found last")
    read = commands.add_parser("text", help="how well texts are read, on two public sets")
    read.add_argument("--data", type=Path, default=Path(os.environ.get("LIUKE_DATA") or "/nowhere"))
    read.add_argument("--write", action="store_true", help="put the figures into docs/text.md")
    options = parser.parse_args(words)
    try:
        return COMMANDS[options.command](options)
    except (running.NoSuchBenchmark, shard.Differs, server.Busy, server.services.Missing) as error:
        print(error, file=sys.stderr)
        return 2


def _generate(options: argparse.Namespace) -> int:
    with databases.store(options.engine) as where:
        databases.set_up_django(where.address, scratch=server.folder() / "var")
        print(databases.make(where, options.size, say=say))
    return 0


def _run(options: argparse.Namespace) -> int:
    done = running.run(
        options.names,
        size=options.size,
        engine=options.engine,
        count=options.pairs or book.PAIRS[options.size],
        states=[options.state] if options.state else STATES,
        resume=options.resume,
        folder=options.out,
        say=say,
    )
    return 1 if any(one["refused"] for one in done) else 0


def _report(options: argparse.Namespace) -> int:
    _without_database()
    print(report.write(book.every().values()).relative_to(server.ROOT))
    return 0


def _list(options: argparse.Namespace) -> int:
    _without_database()
    for one in book.every().values():
        print(f"{one.name:<16} {one.title} ({', '.join(one.sizes)}; {', '.join(one.engines)})")
    return 0


def _shard(options: argparse.Namespace) -> int:
    equal = shard.show(size=options.size, count=options.databases, say=say)
    rows = ", ".join(f"{count} {kind}" for kind, count in equal.items())
    print(f"The union of {options.databases} databases equals the one: {rows}, row by row.")
    return 0


def _proof(options: argparse.Namespace) -> int:
    if options.online_retail:
        proof.run_real_orders(options.online_retail)
    elif not options.only_write:
        seeds, name = (proof.UNSEEN, "unseen") if options.unseen else (proof.SEEDS, "companies")
        proof.run(seeds, jobs=options.jobs, say=say, name=name)
    print(proof.write().relative_to(server.ROOT))
    return 0


def _text(options: argparse.Namespace) -> int:
    _without_database()
    from benchmarks import text

    if not text.is_at_hand(options.data):
        print("The public sets are not at hand: name their folder by --data or LIUKE_DATA.", file=sys.stderr)
        return 2
    found = []
    for one in text.sets(options.data):
        found.append(text.measure(one))
        say(text.table(found[-1:]))
    if options.write:
        print(text.write(found).relative_to(server.ROOT))
    return 0


def _without_database() -> None:
    databases.set_up_django("sqlite://:memory:", scratch=server.folder() / "var")


def say(text: str) -> None:
    """Print a line at once."""
    print(text, flush=True)


COMMANDS = {
    "generate": _generate,
    "run": _run,
    "report": _report,
    "list": _list,
    "shard": _shard,
    "proof": _proof,
    "text": _text,
}

if __name__ == "__main__":
    # Who is told to stop takes the server along.
    signal.signal(signal.SIGTERM, lambda *_told: sys.exit(143))
    sys.exit(main(sys.argv[1:]))
