"""Exit statuses."""

from enum import IntEnum

from refundsorter.core.fault import AlreadyRunning, PassingTrouble, RefundsorterError, StartRefused


class ExitCode(IntEnum):
    """What a command's exit status means; `docs/commands.md` has the table."""

    OK = 0
    FAILED = 1  # a loop died, or the end was forced
    USAGE = 2  # the command line is wrong
    LEFT = 3  # it is over, but something is left that a person should look at
    TEMPORARY = 75  # EX_TEMPFAIL: another process runs, or the disk does not allow it now
    CONFIGURATION = 78  # EX_CONFIG: starting again will not help; a person must mend something


def exit_code(error: RefundsorterError) -> ExitCode:
    """The exit status that says what kind of trouble ended a command."""
    match error:
        case AlreadyRunning() | PassingTrouble():
            return ExitCode.TEMPORARY
        case StartRefused():
            return ExitCode.CONFIGURATION
        case _:
            return ExitCode.FAILED
