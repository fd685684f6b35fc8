# The types of writing.py, for Cython.

cdef class _SocketWriter:
    cdef Py_ssize_t _spent
    cdef object _transport
