#!/usr/bin/env python3
"""Measures decant against the floor (a reader that discards, bench/floor.c), psql and what else people use.

All cases run one after the other, for several rounds; each round begins with another case, so that a machine
that changes its pace in between does not favour one. docs/performance.md says what the figures mean.
"""

import argparse
import os
import re
import signal
import sys

import cases
import datasets
import growth
import limits
import peer_cases
import plot
import report
import service
from measuring import RunFailed
from rounds import Results, choose_connections, figures, read, run_rounds
from server import Server

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PEER_ROWS_MAX = 1_000_000


def add_options(parser):
    add = parser.add_argument
    add("--db", default=os.environ.get("DATABASE_URL", ""), help="connection string of the server")
    add("--dataset", nargs="+", default=["records"], choices=datasets.datasets(), metavar="NAME",
        help="records, or what --make-datasets makes: lineitem, texts, wide; several are measured one after the other")
    add("--table", help="any other table")
    add("--rounds", type=int, default=5)
    add("--quick", action="store_true", help="one round")
    add("--short", action="store_true", help="only the cases that have limits in docs/performance.md")
    add("--only", metavar="REGEX", help="only cases whose name matches, and what they are compared with")
    add("--lanes", type=int, default=min(4, os.cpu_count()), help="connections of decant")
    add("--connections", type=int, help="connections of the floor; default: tries which number takes least")
    add("--split-blocks", type=int, default=512, help="heap blocks a COPY of the floor")
    add("--peers", action="store_true", help="other programs as well, installed below build/peers by script/bench")
    add("--peer-rows", type=int, default=PEER_ROWS_MAX,
        help="with --peers: measure on the first N rows of the table, everything of that run; 0: on all")
    add("--data", default=os.environ.get("TMPDIR", "/var/tmp"), help="folder for outputs")
    add("--decant", default=os.path.join(ROOT, "build/release/src/decant"))
    add("--floor", default=os.path.join(ROOT, "build/release/bench/floor"))
    add("--peer-folder", default=os.path.join(ROOT, "build/peers"), help=argparse.SUPPRESS)
    add("--before", metavar="COMMAND", help="what the shell runs before each case, unmeasured")
    add("--nginx", default="nginx", help="the program to compare downloads with")
    add("--json", metavar="FILE", help="write the figures and every single run as JSON, after each round")
    add("--resume", action="store_true", help="add the rounds to those that --json's file holds")
    add("--write", metavar="FILE", help="replace the block of figures in docs/performance.md, after each round")
    add("--block", metavar="NAME", help="the block's name; default: the dataset, peers, growth or service")
    add("--plot", metavar="FILE.svg", help="draw a chart of the figures")
    add("--show", metavar="FILE", help="no measuring: print, --write and --plot what a file of --json holds")


def add_modes(parser):
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--make-datasets", nargs="*", metavar="NAME", help="make lineitem, texts and wide, or some of them")
    mode.add_argument("--growth", nargs="*", choices=growth.KINDS, metavar="WHAT",
                      help="how cost grows: rows, lanes, columns, or some of them; --only chooses among their points")
    mode.add_argument("--service", action="store_true", help="downloads beside nginx's, and jobs with a follower")
    parser.add_argument("--rows-factor", type=float, default=1.0, help="of --make-datasets and --growth: make them smaller")
    parser.add_argument("--more-rows", action="store_true", help="of --growth: 30 million rows, too")


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    add_options(parser)
    add_modes(parser)
    options = parser.parse_args()
    if options.quick:
        options.rounds = 1
    if len(options.dataset) > 1 and (options.table or options.block):
        parser.error("--table and --block go with one dataset")
    if not options.table:
        options.table = datasets.datasets()[options.dataset[0]].table
    if options.resume and not options.json:
        parser.error("--resume needs --json")
    return options


def make_cases(options, server):
    made = [cases.floor_case(options, options.connections)]
    made += cases.psql_cases(options, server) + cases.decant_cases(options) + cases.ordered_cases(options, server)
    if options.peers:
        compared = peer_cases.COMPARED
        made = [c for c in made if c.name in (cases.FLOOR, *compared) or c.beside in compared]
        made += peer_cases.peer_cases(options, server)
    return made


def choose_cases(made, options):
    if options.short:
        made = [c for c in made if c.name == cases.FLOOR or c.group == "peers" or cases.SHORT.match(c.name)]
    if options.only:
        pattern = re.compile(options.only)
        named = [c for c in made if pattern.search(c.name)]
        needed = {cases.FLOOR} | {c.base for c in named} | {c.beside for c in named}
        made = [c for c in made if c in named or c.name in needed]
    return made


def cap_rows(options, server):
    """Peers may be slow: all of a run with peers is measured on one and the same smaller table."""
    if not options.peers or not options.peer_rows:
        return
    rows = int(server.run(f"SELECT count(*) FROM (SELECT 1 FROM {options.table} LIMIT {options.peer_rows + 1}) r"))
    if rows <= options.peer_rows:
        return
    name = re.sub(r"\W", "_", options.table.rpartition(".")[2])
    table = f"{datasets.SCHEMA}.{name}_{options.peer_rows}"
    key = server.key_of(options.table)
    make = datasets.first_rows(options.peer_rows, table, options.table)
    if key:
        make += f"\nALTER TABLE {table} ADD PRIMARY KEY ({key});"
    datasets.make(server, datasets.Dataset(name, table, options.peer_rows, make))
    options.table = table


def publish(options, results):
    """Gives the text of the tables, and writes what was asked for."""
    name = options.block or ("peers" if options.peers else options.dataset[0])
    text = report.block(results, figures(results))
    if results.about["table"] == limits.TABLE:
        text = "\n\n".join(part for part in (text, limits.block(figures(results))) if part)
    if options.write:
        report.write_block(options.write, name, text)
    if options.plot:
        plot.write(options.plot, results.about, figures(results))
    return text


def show(options):
    kept = read(options.show)
    if not kept:
        sys.exit(f"there is no {options.show}")
    if growth.PART in kept:
        growth.show(options)
    elif "downloads" in kept:
        service.show(options)
    else:
        print(publish(options, Results(kept["about"], options.show, resume=True)))


def measure(options, server):
    cap_rows(options, server)
    about = report.about(options, server)
    results = Results(about, options.json, options.resume)
    options.connections = options.connections or results.about.get("connections")
    about = results.about
    about["connections"] = options.connections = choose_connections(options, server)
    made = make_cases(options, server)
    run_rounds(choose_cases(made, options), [c.name for c in made], options, server, results,
               lambda: publish(options, results))
    print(publish(options, results))


def of_dataset(options, name):
    """The options for one of several datasets: files get its name before their ending."""
    def named(path):
        return path and "{0}.{name}{1}".format(*os.path.splitext(path), name=name)
    changed = {"dataset": [name], "table": datasets.datasets()[name].table,
               "json": named(options.json), "plot": named(options.plot)}
    return argparse.Namespace(**{**vars(options), **changed})


def measure_all(options, server):
    if len(options.dataset) == 1:
        measure(options, server)
        return
    for name in options.dataset:
        measure(of_dataset(options, name), server)


def main():
    options = parse_arguments()
    signal.signal(signal.SIGTERM, signal.default_int_handler)    # so that what was measured is kept
    if options.show:
        show(options)
        return
    server = Server(options.db)
    if options.make_datasets is not None:
        names = options.make_datasets or ["lineitem", "texts", "wide"]
        datasets.make_datasets(server, names, options.rows_factor)
    elif options.growth is not None:
        growth.measure(options, server)
    elif options.service:
        service.measure(options, server)
    else:
        measure_all(options, server)


if __name__ == "__main__":
    try:
        main()
    except RunFailed as failure:
        sys.exit(f"\n{failure}")
    except KeyboardInterrupt:
        sys.exit(130)
