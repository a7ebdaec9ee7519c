"""script/bench: measures, prints a table, writes build/bench.json."""

import argparse
import json
import os
import platform
import sys
import time

import lab as laboratory
from figure import MEASUREMENTS
import reading_figures  # noqa: F401 - each registers its figures
import writing_figures  # noqa: F401
import whole_figures  # noqa: F401
import event_figures  # noqa: F401
import consent_figures  # noqa: F401

JSON = laboratory.ROOT / "build" / "bench.json"


def arguments():
    parser = argparse.ArgumentParser(
        prog="script/bench", description="Measures Ferry's speed and memory against their goals.",
        epilog="figures: " + ", ".join(name for one in MEASUREMENTS for name in one.names))
    parser.add_argument("figures", nargs="*", metavar="NAME", help="only these figures")
    parser.add_argument("--peers", action="store_true", help="Airbyte's source too")
    parser.add_argument("--quick", action="store_true",
                        help="small counts: to try the benches, not to read their figures")
    chosen = parser.parse_args()
    known = {name for one in MEASUREMENTS for name in one.names}
    for name in set(chosen.figures) - known:
        parser.error(f"no figure is called {name}")
    return chosen


def wanted(measurement, chosen):
    if chosen.figures:
        return bool(set(chosen.figures) & set(measurement.names))
    return chosen.peers or not measurement.peers


def number(value):
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def cells(figure):
    verdict = {True: "holds", False: "DOES NOT HOLD", None: ""}[figure.holds]
    return (figure.name, number(figure.value), figure.unit, figure.goal or "",
            "VOID" if figure.void else verdict)


def print_table(figures):
    rows = [("figure", "value", "unit", "goal", ""), *map(cells, figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    print()
    for row in rows:
        name, value, *rest = (cell.ljust(width) if column != 1 else cell.rjust(width)
                              for column, (cell, width) in enumerate(zip(row, widths)))
        print("  ".join((name, value, *rest)).rstrip())


def processor():
    with open("/proc/cpuinfo") as lines:
        return next((line.split(":", 1)[1].strip() for line in lines
                     if line.startswith("model name")), platform.machine())


def print_footer(figures, load_before):
    print(f"\nload average {load_before:.2f} before and {os.getloadavg()[0]:.2f} after, "
          f"{os.cpu_count()} x {processor()}, Linux {platform.release()}")
    failed = [figure.name for figure in figures if figure.holds is False]
    if failed:
        print("goals that do not hold: " + ", ".join(failed))
    print(f"written: {JSON.relative_to(laboratory.ROOT)}")


def measure(measurement, lab, chosen):
    print("==> " + ", ".join(measurement.names), flush=True)
    begun = time.monotonic()
    figures = list(measurement.function(lab))
    assert [figure.name for figure in figures] == list(measurement.names)
    for figure in figures:
        print("  " + " ".join(filter(None, cells(figure))))
    print(f"  measured in {time.monotonic() - begun:.0f} s", flush=True)
    return [figure for figure in figures if not chosen.figures or figure.name in chosen.figures]


def main():
    chosen = arguments()
    load_before = os.getloadavg()[0]
    figures = []
    with laboratory.Lab(chosen.quick) as lab:
        for measurement in MEASUREMENTS:
            if wanted(measurement, chosen):
                figures += measure(measurement, lab, chosen)
    JSON.write_text(json.dumps([figure.document() for figure in figures], indent=2) + "\n")
    print_table(figures)
    print_footer(figures, load_before)


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True)
    main()
