import shutil
from pathlib import Path

from faults.account import take
from faults.victim import JOB, Victims, victims
from support import Shop, make_shop, photo
from workbench import AT_ONCE, rows

from refundsorter import jobs
from refundsorter import settings as configuration


def shop_with_some_of_a_class(base: Path) -> Shop:
    """Its inbox, which is not watched, holds a photo of the class and another one."""
    shop = make_shop(base)
    shop.config.write_text(AT_ONCE.replace("stability_s: 0", "stability_s: 0, mode: jobs"))
    shop.drop("a photo.jpg", photo("red"))
    shop.drop("another.jpg", photo("green"))
    return shop


def kill_at_each(base: Path, program: Victims) -> int:
    """Kill a job at one step after another, and let it go on; how many were killed."""
    template = shop_with_some_of_a_class(base / "template")
    before = template.photos()
    killed, step = True, 0
    while killed:
        step += 1
        shop = Shop(base / f"{step}")
        shutil.copytree(template.base, shop.base)
        killed = program.run(shop, JOB, step)
        assert not (killed and program.run(shop, JOB, 0))
        found = take(shop, before)
        assert (found.lines, found.inbox) == (1, 1), f"after a kill at step {step}: {found}"
        settings = configuration.load(shop.config, environment={}, overrides={})
        (job,) = jobs.listing(jobs.ledger_path(settings), limit=9)
        counts = (job.state, job.found, job.sorted, job.kept, job.left)
        assert counts == ("done", 2, 1, 1, 0), f"after a kill at step {step}: {job}"
        assert rows(shop, "SELECT * FROM kept") == []
    return step - 1


def test_a_kill_at_any_step_of_a_job_leaves_its_counts_right(tmp_path: Path) -> None:
    """Whichever step a SIGKILL comes before, the job ends with each photo counted, filed or kept once."""
    with victims() as program:
        assert kill_at_each(tmp_path, program) > 39, "the steps were not counted"
