"""Which sets are told apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from latentviz.errors import DataError
from latentviz.workspace import Run


@dataclass(frozen=True)
class Split:
    """Which sets are told apart.

    Attributes
    ----------
    ind : str
        The in-distribution set.
    others : tuple of str
        The sets that are to be told apart from it.
    near : tuple of str
        Those of them that are near OOD.
    """

    ind: str
    others: tuple[str, ...]
    near: tuple[str, ...] = ()

    @property
    def sets(self) -> tuple[str, ...]:
        """All of them, the in-distribution one first."""
        return (self.ind, *self.others)

    @classmethod
    def of(
        cls, run: Run, ind: str | None = None, others: Sequence[str] | None = None, near: Sequence[str] = ()
    ) -> Split:
        """The usual sets of a run: the first ``ind`` one against all ``ood`` ones, or against the shifted ones.

        Parameters
        ----------
        run : Run
        ind : str, optional
        others : sequence of str, optional
            By default all OOD sets, or if there are none all shifted ones that are not corrupted versions of another. A
            set that is named twice counts once.
        near : sequence of str, optional

        Returns
        -------
        Split

        Raises
        ------
        DataError
            If there is no in-distribution set, nothing to tell apart from it, an empty set, or a near set that is none
            of the OOD ones; says what to add.
        WorkspaceError
            If the run has no set of a name.
        """
        filled = {name: s.role for name, s in run.uncorrupted.items() if len(s)}
        if ind is None:
            ind = next((name for name, role in filled.items() if role == "ind"), None)
        if ind is None:
            raise DataError(
                f'Run "{run.name}" has no held-out in-distribution samples{_still_empty(run, "ind")}; add a set with '
                'the role "ind", to have something that other sets are told apart from.'
            )
        if others is None:
            kinds = {role: [n for n, r in filled.items() if r == role and n != ind] for role in ("ood", "shifted")}
            others = kinds["ood"] or kinds["shifted"]
        others, near = tuple(dict.fromkeys(others)), tuple(dict.fromkeys(near))
        if not others:
            raise DataError(
                f'Run "{run.name}" has no out-of-distribution samples{_still_empty(run, "ood")}; add a set with the '
                'role "ood", to see how well a scorer tells it apart.'
            )
        for name in (ind, *others):
            if not len(run[name]):
                raise DataError(f'"{name}" holds no samples.')
        if ind in others:
            raise DataError(f'"{ind}" cannot be told apart from itself; choose other sets.')
        if unknown := [name for name in near if name not in others]:
            raise DataError(f'The near set "{unknown[0]}" is not among the sets {", ".join(others)}.')
        if wrong := [name for name in near if run[name].role != "ood"]:
            raise DataError(
                f'The near set "{wrong[0]}" has the role {run[wrong[0]].role}; only OOD sets are near or far.'
            )
        return cls(ind, others, near)


def _still_empty(run: Run, role: str) -> str:
    """What there is to say about sets of a role that will have samples one day."""
    names = [f'"{s.name}"' for s in run if s.role == role and not len(s)]
    return f" ({', '.join(names)} {'is' if len(names) == 1 else 'are'} still empty)" if names else ""
