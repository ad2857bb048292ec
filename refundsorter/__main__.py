"""The entry: what must be so before anything large is imported."""

import gc
import os

GARBAGE_EVERY = 200_000  # new objects; looking after every 700, the default, costs a start a tenth


def main() -> None:
    """Run the command line."""
    gc.set_threshold(GARBAGE_EVERY)
    # A BLAS thread a core would take the cores from the examiners, for matrices that one handles in no time.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # it looks for some in every package's files
    from refundsorter.cli import main as run  # noqa: PLC0415 - after the above, on purpose

    run()


if __name__ == "__main__":
    main()
