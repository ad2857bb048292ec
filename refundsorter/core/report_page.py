"""A day's report as one page: calm, printable, and legible on a telephone."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, tzinfo

from refundsorter.core.day_facts import Drifted, Move
from refundsorter.core.page import document, picture, safe, table
from refundsorter.core.quantity import duration, figure, percent, size
from refundsorter.core.report import Category, Outcomes, Report
from refundsorter.core.report_charts import by_category, by_confidence, by_hour
from refundsorter.core.share import Share

STYLE = """
.figures { display: flex; flex-wrap: wrap; gap: .4rem 2.4rem; margin: 1.4rem 0 .4rem; padding: 0; }
.figures div { min-width: 5rem; }
.figures dt { color: var(--soft); font-size: .9rem; }
.figures dd { margin: 0; font-size: 1.8rem; line-height: 1.2; font-variant-numeric: tabular-nums; }
.bad { color: var(--bad); font-weight: 600; }
td:first-child, th:first-child { white-space: normal; overflow-wrap: anywhere; min-width: 7rem; }
.sheet { grid-template-columns: repeat(auto-fill, minmax(160px, 1fr)); }
figure .frame { height: 160px; }
@media (max-width: 40rem) { body { margin: 1.2rem auto; padding: 0 1rem; } h2 { margin-top: 2rem; }
  .figures { gap: .4rem 1.6rem; } .figures dd { font-size: 1.5rem; }
  table { font-size: .84rem; } th, td { padding-right: .6rem; } }
@media print { :root { color-scheme: light; } body { margin: 0; max-width: none; font-size: 11pt; }
  h2 { break-after: avoid; } svg, tr, figure { break-inside: avoid; } }
"""
SAID = {"steady": "steady", "shifted": "shifted", "too_few": "too few photos to tell"}
BUCKETS = {"total_s": "from being seen to being filed", "queued_s": "waiting for its turn"}
STAGES = {"decode_ms": "reading and decoding", "infer_ms": "inference", "move_ms": "moving"}
SIDE = 160  # pixels that a picture's frame is high


def render(found: Report, zone: tzinfo) -> str:
    """The whole page.

    Args:
        found: The report.
        zone: In which times are told.
    """
    title = f"{date.fromisoformat(found.date):%A, %d %B %Y}"
    body = [
        f"<h1>{title}</h1>",
        *_headline(found),
        *_hours(found),
        *_categories(found),
        *_review(found),
        *_rejected(found),
        *_speed(found),
        *_waiting(found, zone),
        *_drift(found.recorded.drift),
        *_machine(found),
        *_end(found, zone),
    ]
    return document(title, body, style=STYLE)


def _headline(found: Report) -> Iterator[str]:
    account = found.account
    figures = [
        ("came in", account.came_in),
        *((state, getattr(account, state)) for state in ("sorted", "review", "rejected", "waiting")),
    ]
    if not found.is_over:
        yield '<p class="bad">The day was not over when this was made: these are figures so far.</p>'
    yield '<dl class="figures">'
    yield from (f"<div><dt>{name}</dt><dd>{count:,}</dd></div>" for name, count in figures)
    yield "</dl>"
    total = f"{account.sorted:,} + {account.review:,} + {account.rejected:,} + {account.waiting:,}"
    if account.adds_up:
        yield f"<p>{account.came_in:,} = {total}: the account adds up."
    else:
        yield f'<p><span class="bad">{account.came_in:,} came in, but {total} are told of: the account does '
        yield "not add up.</span> Run `refundsorter doctor`."
    if account.carried:
        yield f" {account.carried:,} of them waited when the day began."
    if found.recorded.lines_owed:
        yield f' <span class="bad">{found.recorded.lines_owed:,} have no line in the journal yet.</span>'
    yield "</p>"
    drift = found.recorded.drift
    if drift is not None and drift.shifted:
        told = safe(", ".join(drift.shifted))
        yield f'<p class="bad">Photos, or what the model makes of them, have changed: {told}.</p>'


def _hours(found: Report) -> Iterator[str]:
    if not found.account.came_in:
        return
    yield f'<h2>By hour</h2><div class="charts">{by_hour(found.hours)}</div>'
    if found.before.photos:
        yield f"<p>Not shown: {found.before.photos:,} that came before this day.</p>"
    yield "<h2>By source</h2>"
    heads = ("noticed by", "came in", "sorted", "review", "rejected", "waiting")
    yield table(heads, [(safe(name), *_outcomes(one)) for name, one in found.sources.items()])


def _outcomes(one: Outcomes) -> tuple[str, ...]:
    return tuple(f"{count:,}" for count in (one.photos, one.sorted, one.review, one.rejected, one.waiting))


def _categories(found: Report) -> Iterator[str]:
    if not found.categories:
        return
    usual = (
        f"usually: the mean of {_days_before(found.usual_days)}" if found.usual_days else "no day came before"
    )
    yield "<h2>Categories</h2><p>What the model took photos for, whether they were filed there or left to a "
    yield f"person; {usual}.</p>"
    yield f'<div class="charts">{by_category(found.categories)}{by_confidence(found.categories)}</div>'
    heads = ("category", "photos", "usually", "sorted", "review", "confidence", "usually")
    yield table(heads, [_category(one) for one in found.categories])


def _category(one: Category) -> tuple[str, ...]:
    return (
        safe(one.category) or "none",
        f"{one.sorted + one.review:,}",
        "–" if one.usual_photos is None else f"{one.usual_photos:,.1f}",
        f"{one.sorted:,}",
        f"{one.review:,}",
        percent(one.confidence),
        percent(one.usual_confidence),
    )


def _review(found: Report) -> Iterator[str]:
    review = found.review
    yield f"<h2>Review and corrections</h2><p>{review.backlog:,} photos lay in review at the end of the day, "
    yield f"{review.backlog_before:,} at its beginning.</p>"
    yield table(
        ("of what people corrected or confirmed, the model was right", "", "photos", "95 % interval"),
        [
            ("on this day", *_share(review.judged)),
            ("in the time before", *_share(review.judged_usual)),
        ],
    )
    if review.moves:
        yield "<p>What people moved:</p>"
        yield table(("from", "to", "photos"), [_move(one) for one in review.moves], names=2)


def _move(one: Move) -> tuple[str, ...]:
    return safe(one.origin), safe(one.category) or "back into the inbox", f"{one.photos:,}"


def _rejected(found: Report) -> Iterator[str]:
    if not found.rejected:
        return
    yield "<h2>Rejected</h2>"
    yield table(("reason", "photos"), [(safe(why), f"{photos:,}") for why, photos in found.rejected.items()])
    pictures = found.recorded.pictures
    seen = [one for one in found.refused if str(one.id) in pictures]
    if seen:
        yield '<p>What is left of some of them:</p><div class="sheet">'
        for one in seen:
            yield f'<figure><div class="frame">{picture(pictures[str(one.id)])}</div><figcaption>'
            yield f'{safe(one.reason)}<br/><span class="soft">{one.id}: {safe(one.file)}</span>'
            yield "</figcaption></figure>"
        yield "</div>"
    unseen = [one for one in found.refused if str(one.id) not in pictures]
    if unseen:
        yield "<p>Some of which there is nothing to see:</p>"
        rows = [(safe(one.file), safe(f"{one.reason}: {one.detail}"), str(one.id)) for one in unseen]
        yield table(("file", "why", "number"), rows, names=2)


def _speed(found: Report) -> Iterator[str]:
    if not found.latency:
        return
    pace = found.pace
    yield f"<h2>Speed</h2><p>Busiest were the hour from {pace.hour} with {pace.hour_photos:,} photos filed, "
    yield f"and a minute with {pace.minute_photos:,}.</p>"
    rows = [
        (words, *(duration(found.latency[stage][name]) for name in ("p50", "p90", "p99")))
        for stage, words in BUCKETS.items()
        if stage in found.latency
    ]
    rows += [
        (words, *(f"{found.latency[stage][name]:,.1f} ms" for name in ("p50", "p90", "p99")))
        for stage, words in STAGES.items()
        if stage in found.latency
    ]
    yield table(("at most", "half of them", "9 of 10", "99 of 100"), rows)
    yield "<h2>Slowest</h2>"
    yield table(
        ("file", "number", "became", "took", "of that waiting", "sent back"),
        [
            (
                safe(one.file),
                str(one.id),
                safe(one.state),
                duration(one.total_s),
                duration(one.queued_s),
                f"{one.attempts} ×" if one.attempts else "",
            )
            for one in found.slowest
        ],
    )


def _waiting(found: Report, zone: tzinfo) -> Iterator[str]:
    if not found.account.waiting:
        return
    yield "<h2>Waiting</h2>"
    oldest = found.recorded.oldest
    if oldest is None:
        yield "<p>Which ones waited longest was not recorded on the day.</p>"
        return
    if not oldest:
        yield "<p>All of them were filed before this was recorded.</p>"
        return
    yield "<p>Those that wait longest:</p>"
    rows = [
        (safe(one.file), safe(one.trouble or ""), _local(one.seen_at, zone), f"{one.attempts} ×")
        for one in oldest
    ]
    yield table(("file", "held back by", "first seen", "tried"), rows, names=2)


def _drift(found: Drifted | None) -> Iterator[str]:
    if found is None:
        return
    yield f"<h2>Drift</h2><p>{safe(found.model)}, from {safe(found.since[:10])} on, against the time from "
    yield f"{safe(found.reference_since[:10])} on.</p>"
    heads = ("", "photos", "before", "PSI", "95 % interval", "by chance", "verdict", "most by")
    rows = [
        (
            safe(one.what),
            f"{one.photos:,}",
            f"{one.reference:,}",
            figure(one.psi),
            "" if one.low is None else f"{figure(one.low)} to {figure(one.high)}",
            figure(one.chance),
            SAID.get(one.verdict, safe(one.verdict)),
            safe(", ".join(name or "none" for name in one.moved)),
        )
        for one in found.shifts
    ]
    yield table(heads, rows)
    yield f"<p>People agreed with it on {safe(str(found.agreed))}; before, on "
    yield f"{safe(str(found.agreed_before))}: {SAID.get(found.accuracy, safe(found.accuracy))}.</p>"


def _machine(found: Report) -> Iterator[str]:
    yield "<h2>Bundle and disk</h2>"
    if found.recorded.bundle:
        yield f"<p>The active bundle was {safe(found.recorded.bundle)}.</p>"
    yield table(
        ("decided by", "photos"), [(safe(name), f"{count:,}") for name, count in found.models.items()]
    )
    if found.recorded.disk:
        yield table(
            ("folder", "free", "of"),
            [
                (f"{safe(room.place)}: {safe(room.folder)}", size(room.free), size(room.total))
                for room in found.recorded.disk
            ],
        )
    else:
        yield "<p>The room on the disk was not recorded on the day.</p>"


def _end(found: Report, zone: tzinfo) -> Iterator[str]:
    yield f"<p>From {safe(found.since)} to {safe(found.until)}. What waited, the disk and the bundle are as "
    yield f"of {_local(found.recorded.taken_at, zone)}.</p>"


def _days_before(days: int) -> str:
    return "the day before" if days == 1 else f"the {days} days before"


def _share(share: Share) -> Sequence[str]:
    if not share.of:
        return "–", "0", ""
    low, high = share.interval
    return f"{share.value:.1%}", f"{share.hits} of {share.of}", f"{low:.0%} to {high:.0%}"


def _local(time: str, zone: tzinfo) -> str:
    return f"{datetime.fromisoformat(time).astimezone(zone):%Y-%m-%d %H:%M}"
