# The types of messages.py, for Cython.

from .events cimport (
    BytesFragmentReceived,
    BytesMessageReceived,
    TextFragmentReceived,
    TextMessageReceived,
)

cdef int _TEXT


cdef class Pieces:
    cdef object _empty
    cdef list _large, _latest

    cpdef append(self, piece)
    cpdef join(self)


cdef class MessageAssembler:
    cdef object _decoder, _maxMessageSize
    cdef Pieces _message
    cdef Py_ssize_t _size

    cpdef receiveFrame(self, int opcode, bytes payload, bint isFinal)
    cpdef clear(self)
    cdef _receiveWhole(self, int opcode, bytes payload)
    cdef _receiveFragment(self, Pieces message, bytes payload, bint isFinal)


cdef class FragmentReader(MessageAssembler):
    cdef bint _isInMessage


cdef _checkSize(Py_ssize_t size, limit)
cdef str _decodeText(decoder, bytes payload, bint isFinal, Py_ssize_t size)
