"""What can go wrong, in sentences: what is wrong, where, and what to do about it."""


class LatentvizError(Exception):
    """Base of every error this project raises on bad input; its text is written for the user."""


class DataError(LatentvizError):
    """Images or arrays that cannot be used as they are."""


class UnreadableImageError(DataError):
    """One image file that cannot be decoded.

    Attributes
    ----------
    image : str
        Name of the image inside its set.
    """

    def __init__(self, message: str, image: str) -> None:
        super().__init__(message)
        self.image = image

    def __reduce__(self) -> tuple[type, tuple[str, str]]:  # keeps both arguments across a process boundary
        return type(self), (str(self), self.image)


class ModelError(LatentvizError):
    """A network that cannot be built, or whose last linear layer cannot be told."""


class CheckpointError(ModelError):
    """A weights file that cannot be read, must not be read, or belongs to another network."""


class WorkspaceError(LatentvizError):
    """A workspace or run on disk that is missing, damaged, too new or full."""


class RunLockedError(WorkspaceError):
    """Another process is writing this run."""


class JobError(LatentvizError):
    """A background job that cannot be started, stopped or found."""


class ScorerError(LatentvizError):
    """A scorer that does not exist, has wrong parameters, or lacks what it needs."""


class MissingDependencyError(LatentvizError):
    """An optional package is needed; says how to install it."""


class Cancelled(BaseException):
    """The user stopped the work; what was finished is kept.

    Not an ``Exception``, like ``KeyboardInterrupt``: it can arise at any moment, and code that turns whatever
    goes wrong in a library into a sentence must let it pass.
    """
