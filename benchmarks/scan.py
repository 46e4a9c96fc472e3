"""The speed of the log scan and of redaction, over `grep -F` and over the first edition.

What a row compares runs alternately and is measured in processor time, so other load on the machine affects both.

- The scan of an ordinary log, over grep with the same literals on the same file. Budgets: at least half of grep's
  speed with the catalogue, at least a quarter with twice as many literals. Sees what the catalogue costs. Does not
  see whether a log is read at all fast enough: grep gets slower with more literals, too.
- Logs in which every line nearly matches, and redaction as `medic redact` does it, over grep on the ordinary log. Their
  budgets are stated in MiB a second for a machine on which grep has `GREP`: on any machine, the same share of grep's
  speed is asked. Does not see a processor or a grep on which Python has another share.
- The same works, over the first edition on the same bytes in the same Python. The budget is the gain that was asked:
  the speed stated above, over the one that the first edition had when it was stated. Does not see grep, nor what
  a work would have to do: the first edition knew fewer signatures and kinds of secrets.

None sees the download and the unpacking of a log, waiting, and what `medic redact` reads and writes.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import time
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.build_log import NEAR_MISSES, write_build_log, write_near_misses
from benchmarks.first_edition import NoFirstEditionError, checkout, seconds_for
from benchmarks.measurement import Measured, ratio
from benchmarks.scan_memory import CHUNK, MEBIBYTE, chunks, memory
from medic.labels import Label, Phase
from medic.logscan.prefilter import Prefilter
from medic.logscan.scan import LITERALS, Scanner, scan
from medic.redaction import redact_stream

if TYPE_CHECKING:
    from collections.abc import Callable

LOG = 64 * MEBIBYTE
ROUNDS = 9

SHORT = 4 * MEBIBYTE
SHORT_ROUNDS = 6
"""Of the slower works, in each of which grep reads the ordinary log once. Six give an interval."""

SHARE_OF_GREP = 0.5
SHARE_WITH_TWICE = SHARE_OF_GREP / 2
GREP = 570
"""MiB a second of grep on the machine that the next two speeds are stated for."""
NEAR_MISS = 20
REDACTION = 10
NEAR_MISS_BEFORE = 2.5
REDACTION_BEFORE = 1.2
"""MiB a second; the last two are the first edition's when the first two were asked.

It then scanned near misses of one shape. The other kinds are younger, and asked for the same gain.
"""


@dataclass(frozen=True, slots=True)
class Race:
    """The processor seconds of grep and the scan with the same literals, one for each round."""

    title: str
    budget: float
    literals: tuple[str, ...]
    grep: list[float] = field(default_factory=list)
    scan: list[float] = field(default_factory=list)

    @property
    def grep_speed(self) -> float:
        """MiB/s, the median of the rounds."""
        return _speed(self.grep)

    def measured(self) -> Measured:
        share, text = ratio(self.grep, self.scan)
        return Measured(
            what=f"Log scan over grep -F, {self.title} ({len(self.literals)} literals)",
            budget=f"≥ {self.budget}",
            seen=text,
            met=share >= self.budget,
            note=f"{_speed(self.scan):.0f} against {self.grep_speed:.0f} MiB/s",
        )


def _speed(seconds: list[float]) -> float:
    return LOG / MEBIBYTE / sorted(seconds)[len(seconds) // 2]


def scanning(folder: Path) -> list[Measured]:
    """Write the logs to a folder, run the races, and measure memory."""
    log = folder / "build.log"
    write_build_log(log, LOG)
    catalogue, twice = races(log, folder)
    works = [*(near_misses(folder, kind) for kind in NEAR_MISSES), redaction(folder)]
    slower = [row for work in works for row in in_turn(work, log)]
    return [catalogue.measured(), twice.measured(), memory(log), *slower]


def races(log: Path, folder: Path) -> tuple[Race, Race]:
    """Races with the catalogue's literals and with twice as many. grep and the scan alternate."""
    catalogue = Race("the catalogue", SHARE_OF_GREP, LITERALS)
    twice = Race("twice the catalogue", SHARE_WITH_TWICE, doubled(LITERALS))
    doubled_prefilter = Prefilter(twice.literals)
    for number in range(ROUNDS + 1):
        for race, prefilter in ((catalogue, None), (twice, doubled_prefilter)):
            by_grep = grep(race.literals, log, folder)
            start = time.process_time()
            scan_once(log, prefilter)
            by_scan = time.process_time() - start
            if number:  # the first round only warms up
                race.grep.append(by_grep)
                race.scan.append(by_scan)
    return catalogue, twice


def doubled(literals: tuple[str, ...]) -> tuple[str, ...]:
    """The literals, and each one reversed. A reversed one occurs in no log, but has the same length and letters."""
    return (*literals, *(literal[::-1] for literal in literals))


def scan_once(log: Path, prefilter: Prefilter | None = None) -> None:
    """Scan the log as the remediator does, or with another prefilter.

    Raises:
        RuntimeError: the scan missed the failure at the end of the log, so its speed means nothing.
    """
    reading = Scanner(Phase.BUILD, prefilter=prefilter).read(chunks(log))
    if reading.label is not Label.CREDENTIALS_MISSING_BUILD or reading.size < LOG:
        raise RuntimeError(f"the scan read {reading.size} bytes and found {reading.label}")


def grep(literals: tuple[str, ...], log: Path, folder: Path) -> float:
    """The processor seconds of grep. `-c` makes it read the whole file; `LC_ALL=C` makes it compare bytes."""
    patterns = folder / "literals"
    patterns.write_text("\n".join(literals) + "\n", encoding="utf-8")
    command = ["grep", "-c", "-F", "-f", str(patterns), str(log)]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, capture_output=True, env={**os.environ, "LC_ALL": "C"})  # noqa: S603
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


@dataclass(frozen=True, slots=True)
class Work:
    """What is measured over grep on an ordinary log and over the first edition on the same log."""

    what: str
    speed: float
    """MiB a second that are asked where grep has `GREP`."""
    before: float
    """MiB a second that the first edition had when that was asked."""
    run: Callable[[], None]
    """Raises RuntimeError if it finds what it must not find, so that its speed means nothing."""
    in_first_edition: str
    log: Path
    note: str


def near_misses(folder: Path, kind: str) -> Work:
    """Scan a hostile log: every line contains a literal, none is a finding, and no two are equal."""
    log = folder / f"{kind}.log"
    write_near_misses(log, kind, SHORT)

    def run() -> None:
        findings = scan(chunks(log), Phase.BUILD).findings
        if findings:
            raise RuntimeError(f"the scan found {findings[0].signature} among the near misses {kind}")

    what = f"Log scan where every line nearly matches, {kind}"
    note = "lines of plain ASCII only; others are read one by one"
    return Work(what, NEAR_MISS, NEAR_MISS_BEFORE, run, "scan", log, note)


def redaction(folder: Path) -> Work:
    """Redact the log of an ordinary build, as blocks of lines."""
    log = folder / "redacted.log"
    write_build_log(log, SHORT)
    text = log.read_text(encoding="utf-8")
    ends = [*(text.rfind("\n", 0, at) + 1 for at in range(CHUNK, len(text), CHUNK)), len(text)]
    blocks = [text[begin:end] for begin, end in pairwise((0, *ends))]

    def run() -> None:
        if "".join(redact_stream(blocks)) != text:
            raise RuntimeError("the ordinary log was said to hold a secret")

    note = "every eighth line names a token; none holds a secret"
    return Work("Redaction of an ordinary log", REDACTION, REDACTION_BEFORE, run, "redact", log, note)


def in_turn(work: Work, ordinary: Path) -> list[Measured]:
    """The speed of some work over grep's on the ordinary log, and over the first edition's on the same log."""
    try:
        checkout()
        missing = ""
    except NoFirstEditionError as error:
        missing = str(error)
    seconds, by_grep, by_first = [], [], []
    for number in range(SHORT_ROUNDS + 1):
        grepped = grep(LITERALS, ordinary, ordinary.parent) * SHORT / LOG  # as long as it takes for `SHORT` bytes
        start = time.process_time()
        work.run()
        spent = time.process_time() - start
        if number:  # the first round only warms up
            seconds.append(spent)
            by_grep.append(grepped)
            by_first += [] if missing else [seconds_for(work.in_first_edition, work.log)]
    return [_over_grep(work, seconds, by_grep), _over_first_edition(work, seconds, by_first, missing)]


def _over_grep(work: Work, seconds: list[float], by_grep: list[float]) -> Measured:
    share, text = ratio(by_grep, seconds, digits=3)
    note = f"{share * GREP:.1f} MiB/s where grep has {GREP}; here {_short(seconds)} against {_short(by_grep)}"
    least = work.speed / GREP
    return Measured(f"{work.what}, over grep -F", f"≥ {least:.3f}", text, share >= least, f"{note}; {work.note}")


def _over_first_edition(work: Work, seconds: list[float], by_first: list[float], missing: str) -> Measured:
    what = f"{work.what}, over the first edition"
    if missing:
        return Measured(what, "", "not measured", None, missing)
    times, text = ratio(by_first, seconds, digits=1)
    least = work.speed / work.before
    note = f"{_short(seconds)} against {_short(by_first)}; {work.before} when {work.speed} was asked"
    return Measured(what, f"≥ {least:.1f}", text, times >= least, note)


def _short(seconds: list[float]) -> str:
    return f"{SHORT / MEBIBYTE / statistics.median(seconds):.1f} MiB/s"
