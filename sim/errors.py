"""What the bench says when it cannot use what it was given."""


class InputError(Exception):
    """One sentence on an unusable input: what is wrong, where, and what to do. Exit status 2."""
