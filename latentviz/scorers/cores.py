"""Work that changes how many threads BLAS has, which is the whole process's setting."""

from threading import Lock

#: Held by whoever changes it or calls a library that does: each puts back what it found, and must not find another's.
alone = Lock()
