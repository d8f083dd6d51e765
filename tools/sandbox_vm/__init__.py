"""The virtual machine that the tests boot: its image, its accelerator, and one run of it."""


class VmError(Exception):
    """What failed, and the cure."""
