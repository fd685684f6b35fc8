# The types of writing.py, for Cython.

cimport cython

cdef Py_ssize_t _AT_ONCE_SIZE
cdef Py_ssize_t _LARGE_PIECE
cdef Py_ssize_t _MOST_PIECES
cdef Py_ssize_t _WRITE_COST


cdef class Writer:
    cdef object _transport

    cpdef startTurn(self)
    cpdef send(self, list pieces)
    cpdef Py_ssize_t sendLarge(self, list pieces, large) except -1


cdef class SocketWriter(Writer):
    cdef bint _hasDescriptors
    cdef Py_ssize_t _spent

    @cython.locals(size=Py_ssize_t, sent=Py_ssize_t)
    cpdef send(self, list pieces)
    @cython.locals(sent=Py_ssize_t)
    cdef Py_ssize_t _sendNow(self, data) except -1
    cdef bint _isFree(self, transport) except -1
