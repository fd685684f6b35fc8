# The types of connection.py, for Cython.

from .frames cimport FrameParser
from .messages cimport FragmentReader, MessageAssembler
from .sending cimport SendingHalf

cdef object _OPEN, _CLOSE_SENT, _CLOSE
cdef int _CONTROL
cdef tuple _BEGINNING, _REST, _NOTHING


cdef class Connection(SendingHalf):
    cdef MessageAssembler _assembler
    cdef object _decoded
    cdef tuple _expected
    cdef bint _deliversFragments
    cdef FrameParser _parser

    cdef _assemble(self, int opcode, bytes payload, bint isFinal)
    cdef _receiveFrame(self, frame)
    cdef _decode(self, frame)
    cdef _nextDecoded(self, frames)
