# The types of singleframes.pyx.

cpdef str textAt(buffer, Py_ssize_t start, Py_ssize_t end, bint isMasked)
cpdef bytes serializeMessage(message)
