"""The ledger's tables of jobs.

What became of a job's photos is counted by triggers, in the transaction that changes their rows: a count is
read from some twenty rows, however many photos a job has, and no way in which a row changes can forget it.
"""

from collections.abc import Callable

Run = Callable[[str], object]  # takes one statement

COUNT = (
    "INSERT INTO job_tally (job, outcome, detail, photos) SELECT {job}, {outcome}, {detail}, {photos} "
    "WHERE {job} IS NOT NULL "
    "ON CONFLICT (job, outcome, detail) DO UPDATE SET photos = photos + excluded.photos"
)
DETAIL = "coalesce(CASE {row}state WHEN 'sorted' THEN {row}category WHEN 'rejected' THEN {row}reason END, '')"
ENTERED = COUNT.format(job="NEW.job", outcome="'entered'", detail="''", photos=1)
GONE = COUNT.format(job="OLD.job", outcome="'entered'", detail="''", photos=-1)
FILED = COUNT.format(job="NEW.job", outcome="NEW.state", detail=DETAIL.format(row="NEW."), photos=1)
RETURNED = COUNT.format(job="OLD.job", outcome="OLD.state", detail=DETAIL.format(row="OLD."), photos=-1)
UNDONE = COUNT.format(job="NEW.job", outcome="NEW.state", detail="''", photos=1)

TABLES = (
    """
CREATE TABLE jobs (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    request TEXT, -- JSON: which photos it is about; NULL for a command's sweep, which ends with its process
    by_whom TEXT,
    key TEXT, -- by which whoever asked asks again for the same job
    asked_at FLOAT NOT NULL,
    started_at FLOAT,
    scanned_at FLOAT, -- when all its photos had been found
    ended_at FLOAT,
    trouble TEXT
)""",
    "CREATE INDEX jobs_by_state ON jobs (state, id)",
    "CREATE UNIQUE INDEX one_job_per_key ON jobs (key) WHERE key IS NOT NULL",
    """
CREATE TABLE job_tally (
    job INTEGER NOT NULL,
    outcome TEXT NOT NULL, -- entered: has a row; sorted, review, rejected, undone; kept, left: has none
    detail TEXT NOT NULL, -- the category of sorted photos, the reason of rejected ones
    photos INTEGER NOT NULL,
    PRIMARY KEY (job, outcome, detail)
) WITHOUT ROWID""",
    """
CREATE TABLE kept ( -- what a job leaves where it lies, for as long as it runs
    job INTEGER NOT NULL,
    path BLOB NOT NULL,
    identity TEXT NOT NULL,
    PRIMARY KEY (job, path)
) WITHOUT ROWID""",
)
JOB_UNDONE = f"""
CREATE TRIGGER job_undone AFTER UPDATE OF state ON images
WHEN NEW.job IS NOT NULL AND NEW.state = 'undone' AND OLD.state <> 'undone'
BEGIN {RETURNED}; {UNDONE}; END"""
TRIGGERS = (
    f"CREATE TRIGGER job_entered AFTER INSERT ON images WHEN NEW.job IS NOT NULL BEGIN {ENTERED}; END",
    f"""
CREATE TRIGGER job_changed AFTER UPDATE OF job ON images WHEN NEW.job IS NOT OLD.job
BEGIN {GONE}; {ENTERED}; END""",
    f"CREATE TRIGGER job_forgotten AFTER DELETE ON images WHEN OLD.job IS NOT NULL BEGIN {GONE}; END",
    f"""
CREATE TRIGGER job_filed AFTER UPDATE OF finished_at ON images
WHEN NEW.job IS NOT NULL AND OLD.finished_at IS NULL BEGIN {FILED}; END""",
    JOB_UNDONE,
)
RECOUNT = (
    "DELETE FROM job_tally",
    """
INSERT INTO job_tally
SELECT job, 'entered', '', count(*) FROM images WHERE job IS NOT NULL GROUP BY job""",
    f"""
INSERT INTO job_tally
SELECT job, state, {DETAIL.format(row="")}, count(*) FROM images
WHERE job IS NOT NULL AND finished_at IS NOT NULL GROUP BY 1, 2, 3""",  # noqa: S608 - constants
)
TAKE_OVER = (
    "INSERT INTO jobs (id, kind, state, asked_at, started_at, scanned_at, ended_at) "
    "SELECT id, kind, CASE WHEN ended_at IS NULL THEN 'interrupted' ELSE 'done' END, "
    "started_at, started_at, ended_at, coalesce(ended_at, started_at) FROM jobs_before"
)


def make(run: Run) -> None:
    """Make tables and triggers in a new ledger."""
    for statement in (*TABLES, *TRIGGERS):
        run(statement)


def upgrade(run: Run) -> None:
    """Make them in a ledger of version 3, whose jobs are those of commands, and count their photos."""
    run("ALTER TABLE jobs RENAME TO jobs_before")
    make(run)
    run(TAKE_OVER)
    run("DROP TABLE jobs_before")
    recount(run)


def count_undone(run: Run) -> None:
    """Count photos that are put back, in a ledger of version 4."""
    run("DROP TRIGGER IF EXISTS job_undone")
    run(JOB_UNDONE)


def recount(run: Run) -> None:
    """Count the photos of every job anew, from their rows."""
    for statement in RECOUNT:
        run(statement)
