"""The settings of what is put away with time."""

from refundsorter.settings_kinds import Group, whole

LONGEST = 36_600  # days


class RetentionSettings(Group):
    """After how many days what is put away each night; 0: never."""

    compress_days: int = whole(30, "When a file of the journal is compressed.", 0, LONGEST)
    journal_days: int = whole(
        0, "When a file of the journal is removed; what the chain needs of it is kept.", 0, LONGEST
    )
    report_days: int = whole(0, "When a day's report is removed.", 0, LONGEST)
    prediction_days: int = whole(
        0, "When a recorded prediction leaves the ledger; its line in the journal stays.", 0, LONGEST
    )
    shadow_days: int = whole(0, "When what a candidate said of a photo leaves the ledger.", 0, LONGEST)
    rejected_days: int = whole(
        0, "When a photo that lies in `_rejected/` is deleted; its row in the ledger stays.", 0, LONGEST
    )
