# The types of writing.py, for Cython.

cdef class _SocketWriter:
    cdef bint _hasDescriptors
    cdef Py_ssize_t _spent
    cdef object _transport

    cdef _send(self, data, Py_ssize_t size)
    cdef bint _isFree(self, transport) except -1
